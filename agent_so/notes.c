/* SPDX-License-Identifier: MIT */
/* notes - what the program itself tells the recorder: <swansong.h>. */
#define SWANSONG_AGENT /* the functions themselves, not the macros for callers */

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/agent.h"
#include "agent_so/dump/dump.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/service.h"
#include "agent_so/uncancelled.h"
#include "base/clock.h"
#include "include/swansong.h"

static void note(const char *text)
{
        struct recorder_note *all = recorder_entries(RECORDER_NOTES), *entry;
        uint64_t number = __atomic_fetch_add(&agent.header->counters.notes, 1, __ATOMIC_RELAXED);
        size_t n = strnlen(text, RECORDER_NOTE_BYTES);

        entry = &all[number % agent.header->section[RECORDER_NOTES].count];
        if (!recorder_reserve(entry, sizeof(*entry)))
                return;
        __atomic_fetch_or(&entry->sequence, 1, __ATOMIC_ACQ_REL);
        entry->time_ns = clock_monotonic_ns();
        entry->tid = agent_sealed ? 0 : (uint32_t)syscall(SYS_gettid);
        entry->length = (uint32_t)n;
        memcpy(entry->text, text, n);
        __atomic_fetch_add(&entry->sequence, 1, __ATOMIC_RELEASE);
}

EXPORT void swansong_note(const char *text)
{
        int saved = errno;

        if (text && agent_enter()) {
                if (agent_ready())
                        note(text);
                agent_leave();
        }
        errno = saved;
}

EXPORT int swansong_dump(const char *reason)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        int saved = errno, result = -EAGAIN;
        uint64_t before;

        if (agent_sealed)
                return -EPERM;
        if (!agent_enter())
                return -EBUSY;
        if (!agent_ready())
                goto out;
        before = dump_count();
        dump_ask(reason && reason[0] ? reason : "swansong_dump()");
        if (!service_runs()) {
                dump_take(true);
        } else {
                service_wake();
                for (unsigned ms = 0; ms < 10000 && dump_count() == before; ms++)
                        usleep(1000);
        }
        result = dump_count() != before ? 0 : -ETIMEDOUT;
out:
        agent_leave();
        errno = saved;
        return result;
}
