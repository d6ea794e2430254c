/* SPDX-License-Identifier: MIT */
/* agent - the beginning and the end: constructor, the child of a fork, exit. */
#include "agent_so/agent.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/dump/dump_signal.h"
#include "agent_so/exec.h"
#include "agent_so/sampling/filter.h"
#include "agent_so/interpose/mapping_index.h"
#include "agent_so/interpose/mmap.h"
#include "agent_so/modules/module_find.h"
#include "agent_so/options.h"
#include "agent_so/preload.h"
#include "agent_so/interpose/real.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/seccomp.h"
#include "agent_so/service.h"
#include "agent_so/stacks/stack_unwind.h"
#include "agent_so/malloc_stats/malloc_stats.h"

struct agent_options agent_options;
bool agent_late;
uintptr_t agent_text_start, agent_text_end;

/* Pages of their own, to be wiped in a child. */
static union {
        struct agent_process process;
        char pages[4096];
} agent_pages __attribute__((aligned(4096)));
extern struct agent_process agent __attribute__((alias("agent_pages")));

uint64_t agent_reserved[CHUNKS_MAX / 64] __attribute__((aligned(4096)));

static bool wiped_on_fork; /* the kernel does it */
static bool constructed;
static bool allowed; /* to record; there may be something against it */

static void warn(const char *format, const char *a, const char *b)
{
        char line[512];
        int n = snprintf(line, sizeof(line), format, a, b);

        /* A message that cannot be written is lost; nothing else may happen. */
        if (n > 0 && write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
                return;
}

static void warn_option(const char *word, size_t length, const char *reason, void *arg)
{
        char printable[64];
        size_t n = 0;

        (void)arg;
        for (; n < length && n < sizeof(printable) - 1; n++)
                printable[n] = word[n] > ' ' && word[n] < 0x7f ? word[n] : '?';
        printable[n] = '\0';
        if (reason[0])
                warn("libswansong: " OPTIONS_VARIABLE ": \"%s\": must be %s; the default is used\n",
                     printable, reason);
        else
                warn("libswansong: " OPTIONS_VARIABLE ": \"%s\" is no option; it is ignored%s\n", printable,
                     "");
}

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
        uint32_t expected = AGENT_NONE;
        int err;

        if (!__atomic_compare_exchange_n(&agent.state, &expected, AGENT_STARTING, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return -EBUSY;
        agent.pid = getpid();
        agent_thread.random = 0; /* a child draws its own numbers */
        agent_thread.mean = 0;
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

/* Where the kernel cannot wipe: the same, by hand. */
static void after_fork_in_child(void)
{
        if (!wiped_on_fork) {
                memset(&agent_pages, 0, sizeof(agent_pages));
                memset(filter.slots, 0, sizeof(filter.slots));
                memset(agent_reserved, 0, sizeof(agent_reserved));
                mapping_index_reset();
        }
        boot_pin();
}

static void find_own_text(void)
{
        struct module_range self;

        if (module_find((uintptr_t)find_own_text, &self)) {
                agent_text_start = self.start;
                agent_text_end = self.end;
        }
}

static void at_exit(int status, void *arg)
{
        (void)arg;
        recorder_finish(status);
}

void agent_allow(bool allow)
{
        allowed = allow;
}

int agent_begin(const char **ret_why)
{
        static bool prepared;

        if (!prepared) {
                wiped_on_fork = madvise(&agent_pages, sizeof(agent_pages), MADV_WIPEONFORK) == 0 &&
                                madvise(filter.slots, sizeof(filter.slots), MADV_WIPEONFORK) == 0 &&
                                madvise(agent_reserved, sizeof(agent_reserved), MADV_WIPEONFORK) == 0 &&
                                mapping_index_init();
                pthread_atfork(NULL, NULL, after_fork_in_child);
                dump_signal_install(agent_options.signal);
                on_exit(at_exit, NULL);
                prepared = true;
        }
        allowed = true;
        return begin(ret_why);
}

/* The loader lists itself behind what a program was started with and before whatever is dlopen()ed later: it is a
 * dependency of the C library.  (r_ldbase: AT_BASE is 0 for a program that is started as an argument of the loader.) */
static bool loaded_at_start(void)
{
        for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next) {
                if (m->l_ld == _DYNAMIC)
                        return true;
                if (m->l_addr == _r_debug.r_ldbase)
                        return false;
        }
        return false; /* in a namespace of its own: dlmopen() */
}

static __attribute__((constructor)) void construct(void)
{
        const char *why = NULL;
        int saved = errno, err;

        if (constructed)
                return;
        constructed = true;
        agent_late = !loaded_at_start();
        module_find_init();
        find_own_text();
        if (agent_late)
                return; /* swansong_inject() is the rest */
        real_resolve_once();
        mmap_resolve();
        seccomp_resolve();
        exec_resolve();
        service_init();
        options_default(&agent_options);
        /* A program with more rights than its caller is not to be looked into, nor to be steered by its environment. */
        if (getauxval(AT_SECURE))
                return;
        agent_enter();
        if (getenv(OPTIONS_VARIABLE))
                options_parse(getenv(OPTIONS_VARIABLE), &agent_options, warn_option, NULL);
        if (!agent_options.children)
                preload_shed();
        err = agent_begin(&why);
        if (err)
                warn("libswansong: %s: %s; nothing is recorded\n", why, strerror(-err));
        agent_leave();
        errno = saved;
}

/* _exit() runs no handlers, and yet is a normal end.  (Of the process that owns the recorder: not of its vfork() child.) */
EXPORT void _exit(int status)
{
        recorder_finish(status);
        for (;;)
                syscall(SYS_exit_group, status);
}

EXPORT void _Exit(int status) __attribute__((alias("_exit")));
