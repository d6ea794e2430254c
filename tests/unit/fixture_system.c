/* SPDX-License-Identifier: MIT */
#include "fixture_system.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const char *evidence[] = {
        "the largest of 3 processes: orders (PID 4711) with RSS 812 MiB",
        "since boot the kernel has killed 2 processes for memory, in groups or for the "
        "whole machine"};

static const struct report_where where[] = {
        {"free", 5 * GIB},
        {"anonymous memory of processes", 1900 * MIB},
        {"files in the page cache", 900 * MIB},
        {"slab, unreclaimable", 60 * MIB},
        {"not accounted for", 8 * GIB - 5 * GIB - 2860 * MIB},
};

static const struct report_machine_process processes[] = {
        {4711, "orders", "/system.slice/orders.service", 812 * MIB, 790 * MIB, 12 * MIB, 2 * MIB, 733, 0},
        {812, "a name with (blanks)", "/", 200 * MIB, 190 * MIB, 0, MIB, 680, -900},
        {1, "systemd", NULL, 12 * MIB, 4 * MIB, REPORT_UNKNOWN, 64 * KIB, REPORT_UNKNOWN_INT,
         REPORT_UNKNOWN_INT},
};

static const struct report_machine_name names[] = {{"orders", 40, 2 * GIB, 1900 * MIB, 12 * MIB},
                                                   {"systemd", 1, 12 * MIB, 4 * MIB, REPORT_UNKNOWN}};

static const struct report_machine_group groups[] = {
        {"/system.slice/orders.service", 969 * MIB, 969 * MIB, 1 * GIB, 2},
        {"/system.slice", 1200 * MIB, 231 * MIB, REPORT_UNKNOWN, 0},
        {"/", REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN},
};

static const struct report_zone zones[] = {
        {0,
         "DMA",
         15 * MIB,
         80 * KIB,
         100 * KIB,
         120 * KIB,
         15 * MIB,
         49 * MIB,
         {0, 0, 0, 1},
         {0},
         4,
         1,
         7,
         0},
        {0,
         "Normal",
         5 * GIB,
         50 * MIB,
         60 * MIB,
         70 * MIB,
         8 * GIB,
         0,
         {4000, 2000, 0, 0},
         {ORDER_POSSIBLE, ORDER_POSSIBLE, ORDER_FREE_LISTS, ORDER_FREE_LISTS},
         4,
         139,
         4533,
         REPORT_UNKNOWN},
};

static const struct report_allocation allocations[] = {
        {8 * MIB, 2048, "mm/slub.c:3036 func:alloc_slab_page"}};
static const struct report_shrinker shrinkers[] = {{"sb-ext4-27", 104202}};
static const struct report_key_value reclaim[] = {{"pgscan_direct", 120000}, {"oom_kill", 2}};
static const struct report_swap swaps[] = {
        {"/dev/zram0", "partition", 2 * GIB, 300 * MIB, 100, 300 * MIB, 80 * MIB},
        {"/swap file", "file", 1 * GIB, 0, -2, REPORT_UNKNOWN, REPORT_UNKNOWN}};

struct report_system fixture_system(const struct report_key_value *meminfo, size_t n_meminfo,
                                    const struct report_slab *slabs, size_t n_slabs)
{
        return (struct report_system){
                .verdict = "the machine has memory left: 6.00 GiB of 8.00 GiB available (75 %)",
                .cause = "user-space",
                .certainty = "certain",
                .evidence = evidence,
                .n_evidence = ARRAY_SIZE(evidence),
                .meminfo = meminfo,
                .n_meminfo = n_meminfo,
                .where = where,
                .n_where = ARRAY_SIZE(where),
                .lru = 2800 * MIB,
                .slab = 120 * MIB,
                .slabs = slabs,
                .n_slabs = n_slabs,
                .processes = processes,
                .n_processes = ARRAY_SIZE(processes),
                .names = names,
                .n_names = ARRAY_SIZE(names),
                .processes_seen = 41,
                .total_rss = 2100 * MIB,
                .total_anon = 1900 * MIB,
                .total_swap = 12 * MIB,
                .groups = groups,
                .n_groups = ARRAY_SIZE(groups),
                .groups_seen = ARRAY_SIZE(groups),
                .zones = zones,
                .n_zones = ARRAY_SIZE(zones),
                .orders = {{4 * KIB, ORDER_POSSIBLE, 0},
                           {8 * KIB, ORDER_POSSIBLE, 16 * MIB},
                           {16 * KIB, ORDER_FREE_LISTS, 32 * MIB},
                           {32 * KIB, ORDER_WATERMARK, 32 * MIB}},
                .n_orders = 4,
                .allocations = allocations,
                .n_allocations = ARRAY_SIZE(allocations),
                .allocation_sites = 1800,
                .allocation_bytes = 96 * MIB,
                .shrinkers = shrinkers,
                .n_shrinkers = ARRAY_SIZE(shrinkers),
                .reclaim = reclaim,
                .n_reclaim = ARRAY_SIZE(reclaim),
                .swaps = swaps,
                .n_swaps = ARRAY_SIZE(swaps),
                .pressure = {{"memory", 1.25, 0.5}, {"io", 0, NAN}},
                .n_pressure = 2,
                .overcommit = 0,
                .commit_limit = 6 * GIB,
                .committed = 3 * GIB,
        };
}

struct report_system fixture_system_hostile(const char *evil)
{
        static const char *evil_evidence[1];
        static struct report_where evil_where[1];
        static struct report_machine_process evil_process[1];
        static struct report_machine_name evil_name[1];
        static struct report_machine_group evil_group[1];
        static struct report_zone evil_zone[1];
        static struct report_allocation evil_allocation[1];
        static struct report_shrinker evil_shrinker[1];
        static struct report_swap evil_swap[1];
        const uint64_t huge = REPORT_UNKNOWN - 1;

        evil_evidence[0] = evil;
        evil_where[0] = (struct report_where){evil, huge};
        evil_process[0] =
                (struct report_machine_process){INT32_MAX, evil, evil, huge, huge, huge, huge, 2000, -1000};
        evil_name[0] = (struct report_machine_name){evil, huge, huge, huge, huge};
        evil_group[0] = (struct report_machine_group){evil, huge, huge, huge, huge};
        evil_zone[0] = (struct report_zone){.node = INT32_MAX,
                                            .name = evil,
                                            .free = huge,
                                            .min = huge,
                                            .low = huge,
                                            .high = huge,
                                            .managed = huge,
                                            .reserve = huge,
                                            .n_orders = ZONE_ORDERS_MAX,
                                            .unmovable = huge,
                                            .movable = huge,
                                            .reclaimable = huge};
        for (size_t i = 0; i < ZONE_ORDERS_MAX; i++)
                evil_zone[0].blocks[i] = huge;
        evil_allocation[0] = (struct report_allocation){huge, huge, evil};
        evil_shrinker[0] = (struct report_shrinker){evil, huge};
        evil_swap[0] = (struct report_swap){evil, evil, huge, huge, INT32_MIN + 1, huge, huge};
        return (struct report_system){
                .verdict = evil,
                .cause = evil,
                .certainty = evil,
                .evidence = evil_evidence,
                .n_evidence = 1,
                .where = evil_where,
                .n_where = 1,
                .counted_twice = huge,
                .lru = huge,
                .slab = 1,
                .processes = evil_process,
                .n_processes = 1,
                .names = evil_name,
                .n_names = 1,
                .processes_seen = huge,
                .total_rss = huge,
                .total_anon = huge,
                .total_swap = huge,
                .groups = evil_group,
                .n_groups = 1,
                .groups_seen = huge,
                .zones = evil_zone,
                .n_zones = 1,
                .orders = {{huge, ORDER_WATERMARK, huge}},
                .n_orders = ZONE_ORDERS_MAX,
                .allocations = evil_allocation,
                .n_allocations = 1,
                .allocation_sites = huge,
                .allocation_bytes = huge,
                .shrinkers = evil_shrinker,
                .n_shrinkers = 1,
                .swaps = evil_swap,
                .n_swaps = 1,
                .pressure = {{"memory", 1e300, NAN}},
                .n_pressure = 1,
                .overcommit = 2,
                .commit_limit = huge,
                .committed = huge,
        };
}

struct report fixture_machine(void)
{
        static const struct report_key_value meminfo[] = {{"MemTotal", 8 * GIB}, {"MemAvailable", 6 * GIB}};
        static const struct report_slab slabs[] = {{"dentry", 40 * MIB, 204800}};

        return (struct report){
                .bundle = "machine.20261121T050000Z.swansong",
                .machine_only = true,
                .complete = true,
                .host = "db1",
                .kernel = "6.18.44",
                .time_ns = UINT64_C(1763700000000000000),
                .trigger = {.kind = "system",
                            .sentence = "asked for by hand: swansong system",
                            .ms_before_kill = NAN},
                .process = {.ppid = REPORT_UNKNOWN_INT, .uid = UINT32_MAX},
                .system = fixture_system(meminfo, ARRAY_SIZE(meminfo), slabs, ARRAY_SIZE(slabs)),
        };
}
