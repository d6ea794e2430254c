/* SPDX-License-Identifier: MIT */
#include "analysis/machine/where.h"

#include <errno.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"

struct counters {
        const struct report_system *s;
        const struct report_key_value *vmstat;
        size_t n_vmstat;
        uint64_t page_size;
};

static uint64_t meminfo(const struct counters *c, const char *key)
{
        return key_value_get(c->s->meminfo, c->s->n_meminfo, key);
}

static uint64_t hugetlb(const struct counters *c)
{
        uint64_t bytes = meminfo(c, "Hugetlb"); /* all sizes, since Linux 4.19 */

        return amount_known(bytes) ? bytes
                                   : amount_times(meminfo(c, "HugePages_Total"), meminfo(c, "Hugepagesize"));
}

static uint64_t compressed_swap(const struct counters *c)
{
        uint64_t pages = key_value_get(c->vmstat, c->n_vmstat, "nr_zspages");

        /* zsmalloc's pages: zram's, and zswap's where that uses it. */
        return amount_known(pages) ? amount_times(pages, c->page_size) : meminfo(c, "Zswap");
}

/* `key` without `less`, where that is known; or with `more`. */
static const struct row {
        const char *what;
        enum machine_cause cause;
        const char *key, *less, *more;
        uint64_t (*bytes)(const struct counters *c); /* instead of a key */
} rows[] = {
        {"free", MACHINE_FREE, "MemFree", NULL, NULL, NULL},
        {"anonymous memory of processes", MACHINE_USER_SPACE, "AnonPages", NULL, NULL, NULL},
        {"files in the page cache", MACHINE_CACHE, "Cached", "Shmem", NULL, NULL},
        {"tmpfs and shared memory", MACHINE_TMPFS, "Shmem", NULL, NULL, NULL},
        {"buffers of block devices", MACHINE_CACHE, "Buffers", NULL, NULL, NULL},
        {"huge pages (hugetlbfs), used or not", MACHINE_HUGE_PAGES, NULL, NULL, NULL, hugetlb},
        {"slab, reclaimable", MACHINE_CACHE, "SReclaimable", NULL, NULL, NULL},
        {"slab, unreclaimable", MACHINE_SLAB, "SUnreclaim", NULL, NULL, NULL},
        {"other reclaimable kernel memory", MACHINE_CACHE, "KReclaimable", "SReclaimable", NULL, NULL},
        {"page tables", MACHINE_PAGE_TABLES, "PageTables", NULL, "SecPageTables", NULL},
        {"kernel stacks", MACHINE_KERNEL, "KernelStack", NULL, "ShadowCallStack", NULL},
        {"vmalloc, without kernel stacks", MACHINE_KERNEL, "VmallocUsed", "KernelStack", NULL, NULL},
        {"per-CPU memory", MACHINE_KERNEL, "Percpu", NULL, NULL, NULL},
        {"compressed swap (zram, zswap)", MACHINE_COMPRESSED_SWAP, NULL, NULL, NULL, compressed_swap},
};

static uint64_t row_bytes(const struct counters *c, const struct row *row)
{
        uint64_t bytes;

        if (row->bytes)
                return row->bytes(c);
        bytes = meminfo(c, row->key);
        if (!amount_known(bytes))
                return REPORT_UNKNOWN;
        if (row->less)
                bytes = amount_less(bytes, amount_or(meminfo(c, row->less), 0));
        if (row->more)
                bytes = amount_sum(bytes, amount_or(meminfo(c, row->more), 0));
        return bytes;
}

static void fill_lru(const struct counters *c, struct report_system *s)
{
        s->lru = s->slab = REPORT_UNKNOWN;
        amount_add(&s->lru, meminfo(c, "Active"));
        amount_add(&s->lru, meminfo(c, "Inactive"));
        amount_add(&s->lru, meminfo(c, "Unevictable"));
        amount_add(&s->slab, meminfo(c, "Slab"));
}

int machine_where(const struct report_key_value *vmstat, size_t n_vmstat, uint64_t page_size,
                  struct pool *pool, struct report_system *s, struct machine_sums *ret)
{
        const struct counters c = {s, vmstat, n_vmstat, page_size};
        uint64_t total = meminfo(&c, "MemTotal"), sum = 0;
        struct report_where *list;
        size_t n = 0;

        *ret = (struct machine_sums){0};
        s->counted_twice = REPORT_UNKNOWN;
        fill_lru(&c, s);
        if (!amount_known(total) || !amount_known(meminfo(&c, "MemFree")))
                return 0;
        list = pool_alloc(pool, (ARRAY_SIZE(rows) + 1) * sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t bytes = row_bytes(&c, &rows[i]);

                if (amount_or(bytes, 0) == 0)
                        continue;
                list[n++] = (struct report_where){rows[i].what, bytes};
                amount_add(&ret->bytes[rows[i].cause], bytes);
                sum = amount_sum(sum, bytes);
        }
        list[n++] = (struct report_where){"not accounted for", amount_less(total, sum)};
        ret->bytes[MACHINE_UNACCOUNTED] = amount_less(total, sum);
        s->counted_twice = amount_less(sum, total);
        for (size_t i = MACHINE_USER_SPACE; i < MACHINE_CAUSES; i++)
                ret->held = amount_sum(ret->held, ret->bytes[i]);
        s->where = list;
        s->n_where = n;
        return 0;
}
