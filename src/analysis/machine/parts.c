/* SPDX-License-Identifier: MIT */
/* machine_parts - read the machine's files one after the other, each by its own parser; then the verdict. */
#include <errno.h>
#include <string.h>

#include "analysis/machine/allocinfo.h"
#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/machine/machine.h"
#include "analysis/machine/processes.h"
#include "analysis/machine/verdict.h"
#include "analysis/machine/where.h"
#include "analysis/machine/slabs.h"
#include "analysis/machine/swaps.h"
#include "analysis/tsv.h"
#include "analysis/machine/zones.h"
#include "base/cleanup.h"
#include "bundle/reader.h"

#define ZRAMS_MAX     8
#define SHRINKERS_MAX 100000

/* Counters of vmstat that say how reclaim went; "allocstall" is followed by the zone's name since Linux 4.10. */
static const char *const reclaim_keys[] = {
        "pgscan_kswapd",
        "pgsteal_kswapd",
        "pgscan_direct",
        "pgsteal_direct",
        "allocstall*",
        "compact_stall",
        "compact_fail",
        "compact_success",
        "pswpin",
        "pswpout",
        "workingset_refault_anon",
        "workingset_refault_file",
        "thp_fault_fallback",
        "oom_kill",
};

static uint64_t counter(const struct report_key_value *list, size_t n, const char *key)
{
        size_t len = strcspn(key, "*");
        uint64_t sum = REPORT_UNKNOWN;

        for (size_t i = 0; i < n; i++)
                if (key[len] == '*' ? strncmp(list[i].key, key, len) == 0 : strcmp(list[i].key, key) == 0)
                        amount_add(&sum, list[i].value);
        return sum;
}

static int fill_reclaim(const struct report_key_value *vmstat, size_t n, struct pool *pool,
                        struct report_system *system)
{
        struct report_key_value *list = pool_alloc(pool, ARRAY_SIZE(reclaim_keys) * sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(reclaim_keys); i++) {
                uint64_t value = counter(vmstat, n, reclaim_keys[i]);

                if (!amount_known(value))
                        continue;
                list[system->n_reclaim] = (struct report_key_value){
                        pool_strndup(pool, reclaim_keys[i], strcspn(reclaim_keys[i], "*")), value};
                if (!list[system->n_reclaim++].key)
                        return -ENOMEM;
        }
        system->reclaim = list;
        return 0;
}

static int fill_where(struct source *s, struct report_system *system, struct machine_sums *ret)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        const struct report_key_value *vmstat = NULL;
        size_t n = 0;

        if (source_read(s, &b, true, "proc/vmstat") == 0 &&
            (key_value_list(b.data, b.len, s->pool, &vmstat, &n) < 0 ||
             fill_reclaim(vmstat, n, s->pool, system) < 0))
                return -ENOMEM;
        return machine_where(vmstat, n, s->page_size, s->pool, system, ret);
}

static int fill_slabs(struct source *s, struct report_system *system)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);

        if (source_read(s, &b, true, "proc/slabinfo") < 0)
                return 0;
        return slabs_parse(b.data, b.len, s->page_size, s->pool, &system->slabs, &system->n_slabs);
}

/* What is there of a table of ours that is none is said; without it the report goes on. */
static int table_result(struct source *s, const char *name, int r)
{
        if (r != -EINVAL)
                return r;
        missing_add(&s->missing, name, true, "is no such table");
        return 0;
}

static int fill_processes(struct source *s, struct report_system *system)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct process_table table = {0};
        int r = 0;

        system->processes_seen = system->total_rss = system->total_anon = system->total_swap = REPORT_UNKNOWN;
        system->groups_seen = REPORT_UNKNOWN;
        if (source_read(s, &b, true, "processes.tsv") == 0) {
                r = process_table_parse(b.data, b.len, s->pool, &table);
                if (r == 0)
                        r = machine_processes(&table, s->pool, system);
                r = table_result(s, "processes.tsv", r);
        }
        if (r == 0 && source_read(s, &b, true, "groups.tsv") == 0)
                r = table_result(s, "groups.tsv", machine_groups(b.data, b.len, &table, s->pool, system));
        return r;
}

static int fill_zones(struct source *s, struct report_system *system)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct zone_list zones;

        if (!amount_known(s->page_size) || source_read(s, &b, true, "proc/zoneinfo") < 0)
                return 0;
        if (zoneinfo_parse(b.data, b.len, s->page_size, s->pool, &zones) < 0)
                return -ENOMEM;
        if (source_read(s, &b, true, "proc/buddyinfo") == 0)
                buddyinfo_join(b.data, b.len, &zones);
        if (source_read(s, &b, true, "proc/pagetypeinfo") == 0)
                pagetypeinfo_join(b.data, b.len, &zones);
        system->n_orders = zones_judge(&zones, s->page_size, system->orders);
        system->zones = zones.list;
        system->n_zones = zones.n;
        return 0;
}

static int fill_allocations(struct source *s, struct report_system *system)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);

        system->allocation_sites = system->allocation_bytes = REPORT_UNKNOWN;
        if (source_read(s, &b, true, "proc/allocinfo") < 0)
                return 0;
        return allocinfo_parse(b.data, b.len, s->pool, system);
}

static int compare_shrinkers(const void *a, const void *b)
{
        const struct report_shrinker *x = a, *y = b;

        return x->objects != y->objects ? (x->objects > y->objects ? -1 : 1) : strcmp(x->name, y->name);
}

static int fill_shrinkers(struct source *s, struct report_system *system)
{
        static const char *const columns[] = {"name", "objects"};
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct report_shrinker *list = NULL;
        size_t n = 0, room = 0;
        struct scan cells[2];
        struct tsv tsv;

        if (source_read(s, &b, true, "shrinkers.tsv") < 0)
                return 0;
        if (tsv_begin(b.data, b.len, columns, 2, &tsv) < 0)
                return table_result(s, "shrinkers.tsv", -EINVAL);
        while (n < SHRINKERS_MAX && tsv_next(&tsv, cells)) {
                struct report_shrinker row = {tsv_text(&cells[0], s->pool), tsv_number(&cells[1])};

                if (!row.name || amount_or(row.objects, 0) == 0)
                        continue;
                list = pool_grow(s->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = row;
        }
        if (n > 1)
                qsort(list, n, sizeof(*list), compare_shrinkers);
        system->shrinkers = list;
        system->n_shrinkers = n < MACHINE_ROWS_MAX ? n : MACHINE_ROWS_MAX;
        return 0;
}

/* "/dev/zram0" */
static void join_zram(struct source *s, struct report_swap *swap)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(4096);
        struct scan path = scan_of(swap->path, strlen(swap->path));
        uint64_t index;

        if (scan_word(&path, "/dev/zram") && scan_number(&path, &index) && index < ZRAMS_MAX &&
            source_read(s, &b, true, "sys/block/zram%d/mm_stat", (int)index) == 0)
                zram_parse(b.data, b.len, &swap->stored, &swap->memory);
}

static int fill_swap(struct source *s, struct report_system *system)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct report_swap *swaps = NULL;

        system->overcommit = source_read_int(s->bundle, "proc/sys/vm/overcommit_memory", 0, 2);
        system->commit_limit = key_value_get(system->meminfo, system->n_meminfo, "CommitLimit");
        system->committed = key_value_get(system->meminfo, system->n_meminfo, "Committed_AS");
        if (source_read(s, &b, true, "proc/swaps") < 0)
                return 0;
        if (swaps_parse(b.data, b.len, s->pool, &swaps, &system->n_swaps) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < system->n_swaps; i++)
                join_zram(s, &swaps[i]);
        system->swaps = swaps;
        return 0;
}

int machine_parts_fill(struct source *s, struct report *r)
{
        static int (*const parts[])(struct source * s, struct report_system * system) = {
                fill_slabs, fill_processes, fill_zones, fill_allocations, fill_shrinkers, fill_swap,
        };
        struct machine_facts facts = {.s = &r->system, .mem_total = r->memory.mem_total};
        int ret = fill_where(s, &r->system, &facts.sums);

        for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(parts); i++)
                ret = parts[i](s, &r->system);
        return ret < 0 ? ret : machine_verdict(&facts, r);
}
