# SPDX-License-Identifier: MIT
# The agent: a library of its own, loaded into other people's programs.  Never with sanitizers (it is loaded before their
# runtime), nothing exported but what it interposes, never unloaded, no lazy binding inside malloc.  The vectorizer would pack
# the unwinder's registers into pairs and take them apart again at each frame.

AGENT_SRC := $(wildcard agent_so/*.c agent_so/*/*.c) \
             $(addprefix src/base/,number.c size.c build_id.c recorder/recorder_dir.c unwind/cfi.c unwind/cfi_fde.c unwind/cfi_program.c)
AGENT_CFLAGS := -std=gnu11 -U_FILE_OFFSET_BITS -O2 -g $(WARN) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-semantic-interposition \
                -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free -fasynchronous-unwind-tables \
                -fno-sanitize=all -fno-stack-protector -fno-tree-slp-vectorize
AGENT_OBJS := $(patsubst %.c,$(BUILD)/agent/%.o,$(AGENT_SRC))

$(BUILD)/agent/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  $< (agent)"
	$(Q)$(CC) $(CPPFLAGS) $(AGENT_CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(BUILD)/libswansong.so: $(AGENT_OBJS) agent_so/agent.map agent_so/agent.lds
	@echo "  LD  $@"
	$(Q)$(CC) -shared -fPIC -Wl,-soname,libswansong.so -Wl,-z,now -Wl,-z,nodelete -Wl,-z,relro -Wl,--version-script=agent_so/agent.map -Wl,-T,agent_so/agent.lds \
	        -Wl,--no-undefined -o $@ $(AGENT_OBJS)

agent: $(BUILD)/libswansong.so ## the agent, libswansong.so
.PHONY: agent
