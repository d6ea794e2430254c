/* SPDX-License-Identifier: MIT */
#include "agent_so/state.h"

#include <string.h>
#include <sys/mman.h>

struct agent_options agent_options;
bool agent_late;
uint32_t agent_sealed;
uintptr_t agent_text_start, agent_text_end;

/* Pages of their own, to be wiped in a child. */
static union {
        struct agent_process process;
        char pages[4096];
} agent_pages __attribute__((aligned(4096)));
extern struct agent_process agent __attribute__((alias("agent_pages")));

uint64_t agent_reserved[CHUNKS_MAX / 64] __attribute__((aligned(4096)));

__thread struct agent_thread agent_thread __attribute__((tls_model("initial-exec")));

bool state_wipe_on_fork(void)
{
        return madvise(&agent_pages, sizeof(agent_pages), MADV_WIPEONFORK) == 0 &&
               madvise(agent_reserved, sizeof(agent_reserved), MADV_WIPEONFORK) == 0;
}

void state_forget(void)
{
        memset(&agent_pages, 0, sizeof(agent_pages));
        memset(agent_reserved, 0, sizeof(agent_reserved));
}
