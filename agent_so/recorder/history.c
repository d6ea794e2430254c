/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/history.h"

#include <string.h>

#include "agent_so/state.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/recorder/self.h"
#include "agent_so/service.h"
#include "agent_so/uncancelled.h"
#include "agent_so/recorder/stack_table.h"
#include "base/clock.h"
#include "base/scan.h"

/* "VmRSS:\t    1234 kB" */
static uint64_t status_bytes(const char *text, size_t length, const char *key)
{
        struct scan s = scan_of(text, length);
        uint64_t kib;

        if (!scan_find(&s, key))
                return UINT64_MAX;
        while (s.at < s.end && (*s.at == ' ' || *s.at == '\t'))
                s.at++;
        return scan_number(&s, &kib) && kib < UINT64_MAX / 1024 ? kib * 1024 : UINT64_MAX;
}

static struct recorder_sample measure(uint64_t now_ns)
{
        struct recorder_sample sample = {.time_ns = now_ns, .live = stack_table_live_bytes()};
        static char text[2048]; /* one thread at a time: not on the program's stack, which may be small */
        long n = self_read("/proc/self/status", text, sizeof(text));
        size_t length = n > 0 ? (size_t)n : 0;

        sample.rss = status_bytes(text, length, "\nVmRSS:");
        sample.anon = status_bytes(text, length, "\nRssAnon:");
        sample.file = status_bytes(text, length, "\nRssFile:");
        sample.shmem = status_bytes(text, length, "\nRssShmem:");
        sample.swap = status_bytes(text, length, "\nVmSwap:");
        return sample;
}

static void take(uint64_t now_ns)
{
        static const uint64_t steps_s[RECORDER_LEVELS] = RECORDER_HISTORY_STEPS_S;
        struct recorder_header *h = agent.header;
        uint64_t ring = h->section[RECORDER_HISTORY].count / RECORDER_LEVELS;
        struct recorder_sample sample = measure(now_ns), *all = recorder_entries(RECORDER_HISTORY);

        for (unsigned level = 0; level < RECORDER_LEVELS; level++) {
                uint64_t n = h->counters.history[level];
                struct recorder_sample *newest = all + level * ring + (n + ring - 1) % ring;
                struct recorder_sample *entry = all + level * ring + n % ring;

                /* A tenth early is in time: the service thread's seconds are not exact. */
                if (n && now_ns - newest->time_ns < steps_s[level] * (NS_PER_S - NS_PER_S / 10))
                        break;
                if (!recorder_reserve(entry, sizeof(*entry)))
                        return;
                sample.sequence = entry->sequence + 2;
                __atomic_store_n(&entry->sequence, entry->sequence + 1, __ATOMIC_RELAXED);
                __atomic_thread_fence(__ATOMIC_RELEASE);
                memcpy((char *)entry + sizeof(entry->sequence), (char *)&sample + sizeof(entry->sequence),
                       sizeof(sample) - sizeof(sample.sequence));
                __atomic_store_n(&entry->sequence, sample.sequence, __ATOMIC_RELEASE);
                __atomic_store_n(&h->counters.history[level], n + 1, __ATOMIC_RELEASE);
        }
        __atomic_store_n(&h->updated_ns, now_ns, __ATOMIC_RELAXED);
}

void history_take(uint64_t now_ns)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        uint32_t expected = 0;

        if (!__atomic_compare_exchange_n(&agent.history_busy, &expected, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return;
        take(now_ns);
        __atomic_store_n(&agent.history_busy, 0, __ATOMIC_RELEASE);
}

void history_consider_slow(uint64_t now_ns)
{
        uint64_t due = __atomic_load_n(&agent.history_ns, __ATOMIC_RELAXED);

        if (now_ns < due || service_runs() || agent_sealed)
                return;
        /* The one who moves the time takes the sample. */
        if (__atomic_compare_exchange_n(&agent.history_ns, &due, now_ns + NS_PER_S, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
                history_take(now_ns);
}
