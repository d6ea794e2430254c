/* SPDX-License-Identifier: MIT */
#include "agent_so/dump/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/state.h"
#include "agent_so/dir_entries.h"
#include "agent_so/dump/dump_signal.h"
#include "agent_so/malloc_stats/malloc_stats.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/recorder/self.h"
#include "agent_so/service.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/stacks/stack_unwind.h"
#include "agent_so/uncancelled.h"
#include "base/clock.h"
#include "base/number.h"

/* How long threads may take: those that are blocked answer at once, those that wait for a CPU need their turn. */
#define ANSWER_NS (2 * NS_PER_S)

void dump_ask(const char *reason)
{
        struct recorder_header *h = agent.header;
        size_t n = reason ? strlen(reason) : 0;

        if (n >= sizeof(h->dump_reason))
                n = sizeof(h->dump_reason) - 1;
        if (n) {
                memset(h->dump_reason, 0, sizeof(h->dump_reason));
                memcpy(h->dump_reason, reason, n);
        }
        __atomic_fetch_add(&agent.dump_pending, 1, __ATOMIC_RELEASE);
}

uint64_t dump_count(void)
{
        return __atomic_load_n(&agent.header->counters.dumps, __ATOMIC_ACQUIRE);
}

static uint32_t dump_number(void)
{
        return __atomic_load_n(&agent.header->dump_sequence, __ATOMIC_RELAXED) / 2 + 1;
}

static void entry_write(struct recorder_thread *entry, uint32_t stack, uint64_t time)
{
        __atomic_fetch_add(&entry->sequence, 1, __ATOMIC_ACQ_REL);
        entry->stack = stack;
        entry->time_ns = time;
        __atomic_fetch_add(&entry->sequence, 1, __ATOMIC_RELEASE);
}

void dump_answer(const ucontext_t *context)
{
        struct recorder_thread *all = recorder_entries(RECORDER_THREADS);
        uint32_t tid = (uint32_t)syscall(SYS_gettid), n = (uint32_t)agent.header->counters.threads;
        uint64_t frames[RECORDER_FRAMES_MAX];
        struct unwind_regs regs;
        bool cut;

        if (!__atomic_load_n(&agent.dumping, __ATOMIC_ACQUIRE))
                return;
        unwind_regs_ucontext(context, &regs);
        unsigned n_frames = stack_unwind(&regs, false, frames, RECORDER_FRAMES_MAX, &cut);
        uint32_t stack = stack_table_find(frames, n_frames, RECORDER_STACK_THREAD, cut);

        for (uint32_t i = 0; i < n; i++)
                if (all[i].tid == tid) {
                        entry_write(&all[i], stack, clock_monotonic_ns());
                        break;
                }
        __atomic_fetch_add(&agent.answers, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &agent.answers, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void entry_begin(struct recorder_thread *entry, uint32_t tid)
{
        char path[64], name[RECORDER_NAME_BYTES + 2];
        long n;

        snprintf(path, sizeof(path), "/proc/self/task/%u/comm", tid);
        n = self_read(path, name, sizeof(name));
        entry->sequence |= 1;
        __atomic_thread_fence(__ATOMIC_RELEASE);
        entry->tid = tid;
        entry->stack = RECORDER_NO_STACK;
        entry->time_ns = 0;
        entry->dump = dump_number();
        memset(entry->name, 0, sizeof(entry->name));
        if (n > 0)
                memcpy(entry->name, name,
                       (size_t)(n - 1) < sizeof(entry->name) ? (size_t)(n - 1) : sizeof(entry->name));
        __atomic_fetch_add(&entry->sequence, 1, __ATOMIC_RELEASE);
}

/* List the threads into the recorder, so that each finds its entry.  Their number. */
static uint32_t list_threads(void)
{
        struct recorder_thread *all = recorder_entries(RECORDER_THREADS);
        uint64_t room = agent.header->section[RECORDER_THREADS].count;
        struct dir_entries entries = {.fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        uint32_t n = 0;
        const char *name;

        if (entries.fd < 0)
                return 0;
        while ((name = dir_entries_next(&entries))) {
                const char *p = name, *end = p + strlen(p);
                uint64_t tid;

                if (number_scan(&p, end, 10, &tid) < 0 || p != end || n >= room ||
                    !recorder_reserve(&all[n], sizeof(all[n])))
                        continue;
                entry_begin(&all[n++], (uint32_t)tid);
        }
        close(entries.fd);
        return n;
}

static void ask_threads(uint32_t n)
{
        const struct recorder_thread *all = recorder_entries(RECORDER_THREADS);
        uint32_t self = (uint32_t)syscall(SYS_gettid), asked = 0, answers;
        uint64_t end = clock_monotonic_ns() + ANSWER_NS;

        __atomic_store_n(&agent.answers, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&agent.dumping, 1, __ATOMIC_RELEASE);
        for (uint32_t i = 0; i < n; i++)
                if (all[i].tid != self)
                        asked += dump_signal_send((pid_t)all[i].tid) == 0;
        while ((answers = __atomic_load_n(&agent.answers, __ATOMIC_ACQUIRE)) < asked) {
                uint64_t now = clock_monotonic_ns();
                struct timespec left = {.tv_nsec = 50 * NS_PER_MS};

                if (now >= end)
                        break;
                syscall(SYS_futex, &agent.answers, FUTEX_WAIT_PRIVATE, answers, &left, NULL, 0);
        }
        __atomic_store_n(&agent.dumping, 0, __ATOMIC_RELEASE);
}

/* A dump from a handler has this thread's stack itself. */
static void own_stack(uint32_t n)
{
        struct recorder_thread *all = recorder_entries(RECORDER_THREADS);
        uint32_t tid = (uint32_t)syscall(SYS_gettid);
        uint64_t frames[RECORDER_FRAMES_MAX];
        struct unwind_regs regs;
        bool cut;

        unwind_regs_here(&regs);
        unsigned n_frames = stack_unwind(&regs, true, frames, RECORDER_FRAMES_MAX, &cut);

        for (uint32_t i = 0; i < n; i++)
                if (all[i].tid == tid)
                        entry_write(&all[i], stack_table_find(frames, n_frames, RECORDER_STACK_THREAD, cut),
                                    clock_monotonic_ns());
}

void dump_take(bool with_malloc)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        struct recorder_header *h = agent.header;
        uint32_t expected = 0, n;

        /* One at a time; what is asked for meanwhile is this one. */
        if (!__atomic_compare_exchange_n(&agent.thread_dump, &expected, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return;
        __atomic_store_n(&agent.dump_pending, 0, __ATOMIC_RELEASE);
        __atomic_fetch_or(&h->dump_sequence, 1, __ATOMIC_ACQ_REL);
        n = list_threads();
        __atomic_store_n(&h->counters.threads, n, __ATOMIC_RELEASE);
        own_stack(n);
        ask_threads(n);
        if (with_malloc)
                malloc_stats_take(true);
        else
                __atomic_store_n(&agent.malloc_asked, 1, __ATOMIC_RELEASE); /* at the next sample that can */
        h->dump_ns = clock_monotonic_ns();
        __atomic_fetch_add(&h->dump_sequence, 1, __ATOMIC_RELEASE);
        count(&h->counters.dumps, 1);
        __atomic_store_n(&agent.thread_dump, 0, __ATOMIC_RELEASE);
}
