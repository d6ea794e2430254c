# SPDX-License-Identifier: MIT
# swansong - `make help` lists the targets.

VERSION  := 0.1.0
BUILD    ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
PREFIX   ?= /usr/local
OPT      ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 \
            -Wno-format-nonliteral -Wundef -Wvla -Werror
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSWANSONG_VERSION='"$(VERSION)"' -Isrc -I.
CFLAGS   += -std=gnu11 $(OPT) $(WARN) -fstack-protector-strong $(SAN)
LDFLAGS  += $(SAN)
DEPFLAGS  = -MMD -MP

# `make V=1` shows the whole commands.
Q := $(if $(V),,@)

# The two halves.  What they share is base, arch and (of bundle) the format.
SHARED_SRC  := $(wildcard src/base/*.c src/base/*/*.c src/arch/*.c)
CAPTURE_SRC := $(SHARED_SRC) $(wildcard injector/*.c injector/call/*.c injector/arch/$(shell $(CC) -dumpmachine | cut -d- -f1)/*.c) \
               $(wildcard src/bundle/writer*.c src/trigger/*.c src/trigger/*/*.c src/brake/*.c src/witness/*.c src/census/*.c src/capture/*.c src/capture/*/*.c src/cli/*.c src/cli/*/*.c)
REPORT_SRC  := $(SHARED_SRC) $(wildcard src/bundle/reader*.c src/analysis/*.c src/analysis/*/*.c src/render/*.c src/render/*/*.c)
REPORT_MAIN := src/render/main.c
CAPTURE_MAIN := src/cli/main.c

# Their calls into libraries are looked up at the start: not while threads stand still, and in the report's child while it waits for
# the capture; and no bundle's bytes can lead them elsewhere (the table is read-only then).
PROGRAM_LDFLAGS := -Wl,-z,relro,-z,now

CAPTURE_LIBS := -lmnl
REPORT_LIBS  := -ldw -lelf -llzma -ldeflate -liberty -ljansson -lm

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

all: $(BUILD)/swansong $(BUILD)/swansong-report $(BUILD)/libswansong.so ## build everything (default)

$(BUILD)/swansong: $(call objs,$(CAPTURE_SRC))
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS) $(PROGRAM_LDFLAGS) -o $@ $^ $(CAPTURE_LIBS)

$(BUILD)/swansong-report: $(call objs,$(REPORT_SRC))
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS) $(PROGRAM_LDFLAGS) -o $@ $^ $(REPORT_LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)

include agent_so/agent.mk
include tests/tests.mk

install: all ## install below DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/swansong $(DESTDIR)$(PREFIX)/share/doc/swansong
	install -m 755 $(BUILD)/swansong $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(BUILD)/swansong-report $(DESTDIR)$(PREFIX)/libexec/swansong/
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(BUILD)/libswansong.so $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/swansong.h $(DESTDIR)$(PREFIX)/include/
	sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' include/swansong.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/swansong.pc
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 docs/swansong.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 README.md LICENSE docs/*.md docs/*.json $(DESTDIR)$(PREFIX)/share/doc/swansong/

deps: ## install what is needed to build, test and try it (Debian packages)
	scripts/setup.sh

demo: ## on a fresh machine: install, build, and watch a leaking program reach its limit
	scripts/setup.sh build
	$(MAKE) all $(BUILD)/victims/leak
	scripts/demo.sh $(BUILD)

format: ## format the sources
	@clang-format -i $(shell git ls-files '*.c' '*.h')

cross: ## build everything for aarch64 with the cross-compiler
	scripts/cross.sh

clean: ## remove what was built
	rm -rf build build-*

help: ## this text
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18 | sort

.PHONY: all install deps demo format cross clean help
.DELETE_ON_ERROR:
