/* SPDX-License-Identifier: MIT */
/* report_system - the machine's part of struct report (report.h, whose rules hold here too). */
#ifndef SWANSONG_ANALYSIS_REPORT_SYSTEM_H
#define SWANSONG_ANALYSIS_REPORT_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_key_value;
struct report_where;

struct report_slab {
        const char *name;
        uint64_t bytes, objects;
};

struct report_machine_process { /* a row of processes.tsv */
        int32_t pid;
        const char *comm, *group;
        uint64_t rss, anon, swap, page_tables;
        int32_t oom_score, oom_score_adj;
};

struct report_machine_name { /* the processes of one name together */
        const char *comm;
        uint64_t processes, rss, anon, swap;
};

struct report_machine_group { /* a row of groups.tsv */
        const char *path;
        uint64_t usage; /* with the groups below it */
        uint64_t own;   /* without them */
        uint64_t limit; /* its own; REPORT_UNKNOWN: none */
        uint64_t processes;
};

/* 2^order pages: MAX_PAGE_ORDER is 10 on most kernels, 13 on arm64 with pages of 64 KiB. */
#define ZONE_ORDERS_MAX 16

/* Would the kernel give a block of this order to a request of its own (GFP_KERNEL) without reclaim? */
enum zone_order_state {
        ORDER_UNKNOWN,
        ORDER_POSSIBLE,
        ORDER_WATERMARK, /* free memory is at the min watermark and the reserve for lower zones */
        ORDER_FREE_LISTS /* memory is free, but only in smaller blocks */
};

struct report_zone {
        int32_t node;
        const char *name;
        uint64_t free, min, low, high, managed; /* bytes */
        uint64_t reserve;                       /* kept from requests that could be served by a higher zone */
        uint64_t blocks[ZONE_ORDERS_MAX];       /* free blocks of each order */
        enum zone_order_state state[ZONE_ORDERS_MAX];
        size_t n_orders;
        uint64_t unmovable, movable, reclaimable; /* page blocks of these kinds; REPORT_UNKNOWN */
};

struct report_order { /* the machine as a whole: the best that any zone can do */
        uint64_t bytes;
        enum zone_order_state state;
        uint64_t free_smaller; /* bytes that are free in smaller blocks */
};

struct report_allocation { /* a call site of /proc/allocinfo */
        uint64_t bytes, calls;
        const char *site; /* "mm/slub.c:2345 func:alloc_slab_page" */
};

struct report_shrinker {
        const char *name;
        uint64_t objects;
};

struct report_swap {
        const char *path, *type; /* "/dev/zram0", "partition" */
        uint64_t size, used;
        int32_t priority;
        uint64_t stored,
                memory; /* zram: bytes of pages in it, and what they take in memory; REPORT_UNKNOWN */
};

struct report_pressure {
        const char *resource; /* "memory", "io", "cpu" */
        double some, full;    /* percent of the last 10 s in which some, all waited; NaN */
};

/* The largest are kept of each list; how many there were is said beside it. */
#define MACHINE_ROWS_MAX 100

struct report_system {
        const char *verdict;   /* NULL: not even the machine's memory is known */
        const char *cause;     /* docs/report.schema.json lists them */
        const char *certainty; /* possible, likely, certain; NULL */
        const char **evidence;
        size_t n_evidence;

        const struct report_key_value *meminfo; /* bytes (counts for HugePages_*) */
        size_t n_meminfo;
        const struct report_where *where; /* adds up to MemTotal; the last row is "not accounted for" */
        size_t n_where;
        uint64_t
                counted_twice; /* by how much the rows exceed MemTotal, where the kernel's counters overlap */
        uint64_t lru, slab;    /* what the kernel can page out or drop, what its own caches hold */

        const struct report_slab *slabs; /* largest first */
        size_t n_slabs;

        const struct report_machine_process *processes; /* the largest in RSS and swap first */
        size_t n_processes;
        const struct report_machine_name *names; /* likewise */
        size_t n_names;
        uint64_t processes_seen;                    /* of all that have memory; REPORT_UNKNOWN: no table */
        uint64_t total_rss, total_anon, total_swap; /* of all of them; RSS counts shared pages in each */

        const struct report_machine_group *groups; /* the largest own usage first */
        size_t n_groups;
        uint64_t groups_seen;

        const struct report_zone *zones;
        size_t n_zones;
        struct report_order orders[ZONE_ORDERS_MAX];
        size_t n_orders;

        const struct report_allocation *allocations; /* largest first */
        size_t n_allocations;
        uint64_t allocation_sites, allocation_bytes; /* all of them */

        const struct report_shrinker *shrinkers; /* most objects first */
        size_t n_shrinkers;

        const struct report_key_value *reclaim; /* counts since boot, of vmstat */
        size_t n_reclaim;
        const struct report_swap *swaps;
        size_t n_swaps;
        struct report_pressure pressure[3];
        size_t n_pressure;
        int32_t overcommit; /* vm.overcommit_memory: 0 heuristic, 1 always, 2 never; REPORT_UNKNOWN_INT */
        uint64_t commit_limit, committed; /* bytes */
};

#endif
