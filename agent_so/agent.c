/* SPDX-License-Identifier: MIT */
/* agent - the recorder's beginning: at the start, in the child of a fork. */
#include "agent_so/agent.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent_so/dump/dump_signal.h"
#include "agent_so/ends.h"
#include "agent_so/sampling/draw.h"
#include "agent_so/sampling/filter.h"
#include "agent_so/interpose/mapping_index.h"
#include "agent_so/interpose/real.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/seccomp.h"
#include "agent_so/stacks/stack_unwind.h"
#include "agent_so/uncancelled.h"
#include "agent_so/malloc_stats/malloc_stats.h"

static bool wiped_on_fork; /* the kernel does it */
static bool allowed;       /* to record; there may be something against it */

/* What of the header the agent's other parts know. */
static void describe(void)
{
        struct recorder_header *h = agent.header;
        void *in_front = dlsym(RTLD_DEFAULT, "malloc");

        if (!agent_late && (uintptr_t)in_front - agent_text_start >= agent_text_end - agent_text_start)
                header_flag(RECORDER_HEAP_UNSEEN);
        if (!agent_options.thread)
                header_flag(RECORDER_NO_THREAD);
        if (agent_late)
                header_flag(RECORDER_LOADED_LATE);
        snprintf(h->allocator, sizeof(h->allocator), "%s", malloc_stats_name());
        if (dump_signal_installed()) {
                h->signal = (uint32_t)agent_options.signal;
                header_flag(RECORDER_SIGNAL);
        }
}

/* Make the recorder; the state says how it went. */
static int begin(const char **ret_why)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        uint32_t expected = AGENT_NONE;
        int err;

        if (!__atomic_compare_exchange_n(&agent.state, &expected, AGENT_STARTING, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return -EBUSY;
        agent.pid = getpid();
        err = recorder_create(ret_why);
        if (err) {
                __atomic_store_n(&agent.state, AGENT_OFF, __ATOMIC_RELEASE);
                return err;
        }
        describe();
        __atomic_store_n(&agent.state, AGENT_ON, __ATOMIC_RELEASE);
        return 0;
}

bool agent_ready_slow(void)
{
        uint32_t state = __atomic_load_n(&agent.state, __ATOMIC_ACQUIRE);

        if (state == AGENT_NONE && allowed && !agent_sealed) {
                const char *why;
                int saved = errno;

                /* The child of a fork, at its first sample. */
                stack_unwind_forget();
                if (begin(&why) == 0)
                        header_flag(RECORDER_FORKED);
                errno = saved;
                state = agent.state;
        }
        if (state == AGENT_ON)
                return true;
        if (state == AGENT_OFF || agent_sealed)
                agent_thread.left = INT64_MAX / 2; /* not to be asked again soon */
        if (agent_late) {
                /* Who calls us by a pointer of his own while we are detached: asked again, and like a new thread then. */
                agent_thread.left = 64 << 10;
                agent_thread.mean = 0;
        }
        return false;
}

static void after_fork_in_child(void)
{
        /* Chance has no memory: the child draws its own distance, not the one that its siblings have inherited. */
        agent_thread.random = 0;
        if (agent_thread.mean && !agent_sealed)
                agent_thread.left = draw_distance(agent_thread.mean);
        if (!wiped_on_fork) { /* the same by hand */
                state_forget();
                memset(filter.slots, 0, sizeof(filter.slots));
                mapping_index_reset();
        }
        boot_pin();
}

void agent_allow(bool allow)
{
        allowed = allow;
}

int agent_begin(const char **ret_why)
{
        static bool prepared;

        if (!prepared) {
                wiped_on_fork = state_wipe_on_fork() &&
                                madvise(filter.slots, sizeof(filter.slots), MADV_WIPEONFORK) == 0 &&
                                mapping_index_init();
                pthread_atfork(NULL, NULL, after_fork_in_child);
                dump_signal_install(agent_options.signal);
                ends_watch();
                prepared = true;
        }
        allowed = true;
        return begin(ret_why);
}
