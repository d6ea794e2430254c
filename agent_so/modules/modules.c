/* SPDX-License-Identifier: MIT */
#include "agent_so/modules/modules.h"

#include <string.h>

#include "agent_so/state.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/stacks/stack_memory.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/stacks/stack_unwind.h"
#include "base/build_id.h"
#include "base/clock.h"

static bool listed(const struct module_range *m)
{
        const struct recorder_module *all = recorder_entries(RECORDER_MODULES);
        uint64_t n = __atomic_load_n(&agent.header->counters.modules, __ATOMIC_ACQUIRE);

        for (uint64_t i = 0; i < n; i++)
                if (all[i].start == m->start && all[i].end == m->end && all[i].unloaded_ns == 0)
                        return true;
        return false;
}

/* The build ID lies in the first page, which is mapped with the headers. */
static void set_build_id(struct recorder_module *entry, const struct module_range *m)
{
        char text[BUILD_ID_TEXT];
        size_t space = m->end - m->start < 4096 ? m->end - m->start : 4096;

        if (!stack_page_readable(m->start) || build_id_parse((const void *)m->start, space, text) < 0)
                return;
        for (size_t i = 0; text[2 * i] && i < RECORDER_BUILD_ID_BYTES; i++) {
                unsigned high = (unsigned)(text[2 * i] <= '9' ? text[2 * i] - '0' : text[2 * i] - 'a' + 10);
                unsigned low = (unsigned)(text[2 * i + 1] <= '9' ? text[2 * i + 1] - '0'
                                                                 : text[2 * i + 1] - 'a' + 10);

                entry->build_id[i] = (uint8_t)(high << 4 | low);
                entry->build_id_length = (uint32_t)i + 1;
        }
}

/* Path into the recorder's text; 0 bytes when there is no room. */
static void set_path(struct recorder_module *entry, const char *path)
{
        struct recorder_header *h = agent.header;
        uint64_t used = h->counters.text, room = h->section[RECORDER_TEXT].count - used;
        size_t n = strlen(path[0] ? path : h->exe);
        char *text = recorder_entries(RECORDER_TEXT);

        if (n > room || n > UINT32_MAX || !recorder_reserve(text + used, n))
                return;
        memcpy(text + used, path[0] ? path : h->exe, n);
        entry->path = (uint32_t)used;
        entry->path_length = (uint32_t)n;
        h->counters.text = used + n;
}

static void add(const struct module_range *m)
{
        struct recorder_header *h = agent.header;
        uint64_t n = h->counters.modules;
        struct recorder_module *entry = (struct recorder_module *)recorder_entries(RECORDER_MODULES) + n;

        if (n >= h->section[RECORDER_MODULES].count || !recorder_reserve(entry, sizeof(*entry))) {
                header_flag(RECORDER_MODULES_FULL);
                return;
        }
        *entry = (struct recorder_module){
                .start = m->start,
                .end = m->end,
                .bias = m->bias,
                .loaded_ns = clock_monotonic_ns(),
                .loaded_generation = __atomic_load_n(&h->module_generation, __ATOMIC_RELAXED),
        };
        set_path(entry, m->path);
        set_build_id(entry, m);
        __atomic_store_n(&entry->sequence, 2, __ATOMIC_RELEASE);
        __atomic_store_n(&h->counters.modules, n + 1, __ATOMIC_RELEASE);
}

bool modules_register(const struct module_range *m)
{
        uint32_t expected = 0;

        if (listed(m))
                return true;
        if (!__atomic_compare_exchange_n(&agent.modules_busy, &expected, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return false;
        if (!listed(m))
                add(m);
        __atomic_store_n(&agent.modules_busy, 0, __ATOMIC_RELEASE);
        return true;
}

/* One writer at a time (agent.modules_busy); who does not get it comes again. */

/* Is another file, or none, where this one was? */
static bool gone(const struct recorder_module *entry)
{
        struct module_range now;

        if (!module_find(entry->start, &now) || now.start != entry->start || now.end != entry->end ||
            now.bias != entry->bias)
                return true;
        if (!now.path[0])
                return false; /* the program */
        return strlen(now.path) != entry->path_length ||
               memcmp(now.path, (const char *)recorder_entries(RECORDER_TEXT) + entry->path,
                      entry->path_length) != 0;
}

void modules_check_unloaded(void)
{
        struct recorder_header *h = agent.header;
        struct recorder_module *all = recorder_entries(RECORDER_MODULES);
        uint64_t n = __atomic_load_n(&h->counters.modules, __ATOMIC_ACQUIRE);
        uint32_t expected = 0, generation;
        bool any = false;

        if (!__atomic_compare_exchange_n(&agent.modules_busy, &expected, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return;
        generation = __atomic_load_n(&h->module_generation, __ATOMIC_RELAXED) + 1;
        for (uint64_t i = 0; i < n; i++) {
                if (all[i].unloaded_ns || !gone(&all[i]))
                        continue;
                __atomic_store_n(&all[i].sequence, all[i].sequence + 1, __ATOMIC_RELEASE);
                __atomic_thread_fence(__ATOMIC_RELEASE);
                all[i].unloaded_ns = clock_monotonic_ns();
                all[i].unloaded_generation = generation;
                __atomic_store_n(&all[i].sequence, all[i].sequence + 1, __ATOMIC_RELEASE);
                stack_table_retire(all[i].start, all[i].end);
                any = true;
        }
        if (any) {
                __atomic_store_n(&h->module_generation, generation, __ATOMIC_RELEASE);
                stack_unwind_forget();
        }
        __atomic_store_n(&agent.modules_busy, 0, __ATOMIC_RELEASE);
}
