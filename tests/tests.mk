# SPDX-License-Identifier: MIT
# The tests: unit (Criterion), system (real processes), fuzz replay, benchmarks.

UNIT_SRC   := $(wildcard tests/unit/*.c)
VICTIMS_C  := $(patsubst tests/victims/%.c,$(BUILD)/victims/%,$(wildcard tests/victims/*.c))
VICTIMS_CC := $(patsubst tests/victims/%.cc,$(BUILD)/victims/%,$(wildcard tests/victims/*.cc))
VICTIMS_GO := $(patsubst tests/victims/%.go,$(BUILD)/victims/%,$(wildcard tests/victims/*.go))
VARIANTS   := $(addprefix $(BUILD)/victims/threads-,static static-pie stripped omit-frame-pointer frame-pointer-only)
FUZZ       := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# libunwind is what our unwinding is compared with.
UNIT_LIBS  := -lcriterion -lunwind

# Unit tests link both halves' code, but not their main(), and what is pure of the agent.
UNIT_OBJS  := $(call objs,$(UNIT_SRC) $(filter-out $(REPORT_MAIN) $(CAPTURE_MAIN),$(sort $(CAPTURE_SRC) $(REPORT_SRC))) \
              $(addprefix agent_so/,modules/elf_image.c options.c sampling/poisson.c preload.c))

$(BUILD)/unit: $(UNIT_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(CAPTURE_LIBS) $(REPORT_LIBS) $(UNIT_LIBS)

unit: $(BUILD)/unit ## the unit tests
	$(BUILD)/unit $(UNIT_ARGS)

golden: $(BUILD)/unit ## write tests/golden anew; look at the difference before you commit it
	GOLDEN_REFRESH=1 $(BUILD)/unit --filter 'golden/*'

victims: $(VICTIMS_C) $(VICTIMS_CC) $(VICTIMS_GO) $(VARIANTS) ## the programs that the system tests dump

# Victims are built as real programs are: optimised, no frame pointers, debug information kept.
$(BUILD)/victims/%: tests/victims/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -g -Wall -Wextra -o $@ $< -lpthread -lm

$(BUILD)/victims/%: tests/victims/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -O2 -g -Wall -Wextra -o $@ $< -lpthread

# No module, no network: only Go's own packages.
$(BUILD)/victims/%: tests/victims/%.go
	@mkdir -p $(@D)
	GO111MODULE=off GOFLAGS= go build -o $@ $<

# One program, linked and compiled in the ways that make unwinding different.
VARIANT_static             := -static
VARIANT_static-pie         := -static-pie -fPIE
VARIANT_stripped           := -s
VARIANT_omit-frame-pointer := -O3 -fomit-frame-pointer -fno-optimize-sibling-calls
VARIANT_frame-pointer-only := -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -g0

$(BUILD)/victims/threads-%: tests/victims/threads.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -g $(VARIANT_$*) -o $@ $< -lpthread

system: all victims ## the system tests (real processes)
	python3 -m tests.system.run --build $(BUILD) $(SYSTEM_ARGS)

test-vm: all victims ## tests in a virtual machine: cgroup v2, the machine out of memory (skips without qemu)
	scripts/vm.sh $(BUILD)

# Not a part of `test`: an emulated machine of another kind takes several minutes.
test-vm-aarch64: ## the same on aarch64, with what `make cross` builds
	scripts/setup.sh aarch64
	scripts/cross.sh $(patsubst $(BUILD)/%,build-aarch64/%,$(VICTIMS_C) $(VICTIMS_CC))
	VM_MACHINE=aarch64 VM_TIMEOUT=$(or $(VM_TIMEOUT),1200) scripts/vm.sh build-aarch64

# What the fuzz targets link: the report half, once more, with the sanitizers.
FUZZ_SAN  := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_OBJS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out $(REPORT_MAIN),$(REPORT_SRC)) $(wildcard src/census/*.c) \
             injector/remote_memory.c src/trigger/conditions/psi_text.c src/witness/btf.c agent_so/modules/elf_image.c agent_so/options.c agent_so/preload.c tests/fuzz/replay.c)

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  $< (sanitizers)"
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 -g $(FUZZ_SAN) $(DEPFLAGS) -c -o $@ $<

# Replay: every corpus file through its target, under ASan and UBSan, with a plain main() (no fuzzer needed).
$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(FUZZ_OBJS)
	@echo "  LD  $@"
	$(Q)$(CC) $(FUZZ_SAN) -o $@ $^ $(REPORT_LIBS)

.PRECIOUS: $(BUILD)/fuzz/obj/%.o

fuzz-replay: $(FUZZ) ## replay the fuzz corpora under the sanitizers
	@for t in $(FUZZ); do echo "replay $$(basename $$t)"; $$t tests/fuzz/corpus/fuzz_$$(basename $$t) || exit 1; done

fuzz: ## fuzz every parser for FUZZ_SECONDS each (clang's libFuzzer)
	scripts/fuzz.sh

check-house: ## includes go one way, SPDX lines, the two halves do not link each other
	scripts/check-house.sh --self-test
	scripts/check-house.sh $(BUILD)

test: ## on a fresh machine: install, build, and run all tests
	scripts/setup.sh
	$(MAKE) -j2 all unit victims
	$(MAKE) check-house
	$(MAKE) -j2 fuzz-replay
	$(MAKE) system
	$(MAKE) test-vm
	$(MAKE) -j2 BUILD=build-clang CC=clang all
	$(MAKE) asan
	$(MAKE) cross

asan: ## unit and system tests under ASan and UBSan; a leak fails the run
	scripts/asan.sh

bench: all victims ## compare with the peers in one run; prints ratios
	scripts/bench.sh $(BUILD) $(BENCH)

race-lab: all victims ## real kills in a limited memory group, and what the watcher made of each (needs root)
	BUILD=$(BUILD) python3 -m tests.bench.race

.PHONY: race-lab unit golden victims system fuzz-replay fuzz check-house test test-vm asan bench
