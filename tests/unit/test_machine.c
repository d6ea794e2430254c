/* SPDX-License-Identifier: MIT */
/* What is said of recorded machines, and the parsers of the machine's files. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/machine/allocinfo.h"
#include "analysis/machine/processes.h"
#include "analysis/report_build.h"
#include "analysis/machine/swaps.h"
#include "analysis/machine/zones.h"
#include "base/cleanup.h"

#define MACHINES "tests/fixtures/machines/"
#define PAGE     UINT64_C(4096)
#define MIB      (UINT64_C(1) << 20)

static void build(const char *name, struct report *ret)
{
        static const struct report_options options = {0};
        char path[128];
        struct diag d;

        snprintf(path, sizeof(path), MACHINES "%s", name);
        cr_assert_eq(report_build(path, &options, ret, &d), 0, "%s", d.text);
}

Test(machine, names_what_holds_the_memory)
{
        static const struct {
                const char *machine, *cause, *certainty, *words;
        } rows[] = {
                {"slab_leak", "slab", "certain", "unreclaimable slab"},
                {"tmpfs_full", "tmpfs", "certain", "tmpfs and shared memory"},
                {"huge_pages", "huge-pages", "certain", "huge pages"},
                {"page_tables", "page-tables", "certain", "page tables"},
                {"unaccounted", "unaccounted", "certain", "not accounted for"},
                {"fragmented", "fragmentation", "certain", "order 2 (16.0 KiB)"},
                {"commitment", "commitment", "certain", "CommitLimit"},
                {"many_processes", "many-processes", "certain", "200 named php-fpm"},
                {"user_space", "user-space", "certain", "user space"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct report r;

                build(rows[i].machine, &r);
                cr_expect(r.machine_only);
                cr_expect_str_eq(r.system.cause, rows[i].cause, "%s: %s", rows[i].machine, r.system.verdict);
                cr_expect_str_eq(r.system.certainty, rows[i].certainty, "%s", rows[i].machine);
                cr_expect(strstr(r.system.verdict, rows[i].words), "%s: %s", rows[i].machine,
                          r.system.verdict);
                cr_expect_eq(r.verdict.sentence, r.system.verdict);
                report_done(&r);
        }
}

Test(machine, accounts_for_every_byte_of_memory)
{
        static const char *const machines[] = {"slab_leak",   "tmpfs_full",  "huge_pages",     "fragmented",
                                               "unaccounted", "page_tables", "many_processes", "user_space",
                                               "watermark",   "commitment"};

        for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
                struct report r;
                uint64_t sum = 0;

                build(machines[i], &r);
                for (size_t k = 0; k < r.system.n_where; k++)
                        sum += r.system.where[k].bytes;
                cr_expect_eq(sum - r.system.counted_twice, r.memory.mem_total, "%s", machines[i]);
                cr_expect_str_eq(r.system.where[r.system.n_where - 1].what, "not accounted for");
                report_done(&r);
        }
}

Test(machine, says_why_no_page_can_be_had)
{
        struct report r;

        build("watermark", &r);
        cr_expect_eq(r.system.orders[0].state, ORDER_WATERMARK);
        cr_expect_eq(r.system.orders[10].state, ORDER_WATERMARK);
        report_done(&r);
}

Test(machine, tells_watermarks_from_free_lists)
{
        struct report r;

        build("fragmented", &r);
        cr_expect_eq(r.system.orders[0].state, ORDER_POSSIBLE);
        cr_expect_eq(r.system.orders[1].state, ORDER_POSSIBLE);
        cr_expect_eq(r.system.orders[2].state, ORDER_FREE_LISTS);
        /* Its blocks are for those who cannot use another zone. */
        cr_expect_str_eq(r.system.zones[0].name, "DMA");
        cr_expect_eq(r.system.zones[0].reserve, 7900 * PAGE);
        cr_expect_eq(r.system.zones[0].state[0], ORDER_WATERMARK);
        cr_expect_eq(r.system.zones[2].unmovable, 139u);
        cr_expect_eq(r.system.orders[2].free_smaller, (190000 + 280000) * PAGE + (5000 + 10000) * 2 * PAGE);
        report_done(&r);
}

Test(machine, counts_processes_by_name_and_group)
{
        struct report r;

        build("many_processes", &r);
        cr_expect_eq(r.system.processes_seen, 203u);
        cr_expect_eq(r.system.n_processes, (size_t)MACHINE_ROWS_MAX);
        cr_expect_str_eq(r.system.names[0].comm, "php-fpm");
        cr_expect_eq(r.system.names[0].processes, 200u);
        cr_expect_eq(r.system.names[0].rss, 200 * 30 * MIB);
        cr_expect_eq(r.system.total_rss, 200 * 30 * MIB + 332 * MIB);
        report_done(&r);
}

Test(machine, takes_a_groups_children_out_of_its_own_usage)
{
        struct report r;

        build("slab_leak", &r);
        cr_assert_eq(r.system.groups_seen, 5u);
        cr_expect_str_eq(r.system.groups[0].path, "/system.slice/db.service");
        cr_expect_eq(r.system.groups[0].own, 210 * MIB);
        cr_expect_eq(r.system.groups[0].limit, 1024 * MIB);
        cr_expect_eq(r.system.groups[0].processes, 1u);
        for (size_t i = 0; i < r.system.n_groups; i++)
                if (strcmp(r.system.groups[i].path, "/system.slice") == 0)
                        cr_expect_eq(r.system.groups[i].own, 10 * MIB);
        report_done(&r);
}

Test(machine, reads_names_that_hold_anything)
{
        struct report r;

        build("user_space", &r);
        cr_expect_str_eq(r.system.processes[0].comm, "evil\nname\x1b[2J");
        report_done(&r);
}

Test(machine, lists_call_sites_and_shrinkers_largest_first)
{
        struct report r;

        build("slab_leak", &r);
        cr_assert_eq(r.system.n_allocations, 2u);
        cr_expect_str_eq(r.system.allocations[0].site, "drivers/net/leaky.c:512 [leaky] func:leaky_rx");
        cr_expect_eq(r.system.allocations[0].bytes, UINT64_C(6553600000));
        cr_expect_eq(r.system.allocation_sites, 2u);
        cr_expect_eq(r.system.allocation_bytes, UINT64_C(6553600000) + 16 * MIB);
        cr_assert_eq(r.system.n_shrinkers, 2u);
        cr_expect_str_eq(r.system.shrinkers[0].name, "sb-ext4-27");
        cr_expect_eq(r.system.shrinkers[0].objects, 104202u);
        report_done(&r);
}

Test(machine, joins_zram_with_its_swap)
{
        struct report r;

        build("tmpfs_full", &r);
        cr_assert_eq(r.system.n_swaps, 2u);
        cr_expect_eq(r.system.swaps[0].memory, 83886080u);
        cr_expect_eq(r.system.swaps[0].stored, 266240000u);
        cr_expect_eq(r.system.swaps[1].memory, REPORT_UNKNOWN);
        cr_expect_eq(r.system.swaps[1].priority, -2);
        cr_expect_eq(r.system.swaps[1].used, UINT64_C(260192) * 1024);
        report_done(&r);
}

Test(machine, says_what_tasks_waited_for)
{
        struct report r;

        build("slab_leak", &r);
        cr_assert_eq(r.system.n_pressure, 1u);
        cr_expect_float_eq(r.system.pressure[0].some, 23.5, 0.001);
        cr_expect(strstr(r.system.verdict, "waited for memory 24 %"), "%s", r.system.verdict);
        report_done(&r);
}

Test(zones, keep_the_zones_own_high_apart_from_the_per_cpu_lists)
{
        static const char text[] =
                "Node 0, zone   Normal\n  pages free     100\n        min      1\n        low      2\n"
                "        high     3\n        managed  500\n        protection: (0, 7)\n"
                "  pagesets\n    cpu: 0\n              count: 9\n              high:  378\n";
        struct pool pool = {0};
        struct zone_list zones;

        cr_assert_eq(zoneinfo_parse(text, strlen(text), PAGE, &pool, &zones), 0);
        cr_assert_eq(zones.n, 1u);
        cr_expect_eq(zones.list[0].high, 3 * PAGE);
        cr_expect_eq(zones.list[0].managed, 500 * PAGE);
        cr_expect_eq(zones.list[0].n_orders, 0u);
        pool_free(&pool);
}

Test(zones, read_two_nodes)
{
        static const char info[] = "Node 0, zone Normal\n  pages free 9\n managed 9\n"
                                   "Node 1, zone Normal\n  pages free 8\n managed 8\n";
        static const char buddy[] =
                "Node 1, zone   Normal      8      0 \nNode 0, zone   Normal      1      4 \n";
        struct report_order orders[ZONE_ORDERS_MAX];
        struct pool pool = {0};
        struct zone_list zones;

        cr_assert_eq(zoneinfo_parse(info, strlen(info), PAGE, &pool, &zones), 0);
        buddyinfo_join(buddy, strlen(buddy), &zones);
        cr_assert_eq(zones.n, 2u);
        cr_expect_eq(zones.list[1].blocks[0], 8u);
        cr_expect_eq(zones.list[0].blocks[1], 4u);
        cr_expect_eq(zones_judge(&zones, PAGE, orders), 2u);
        cr_expect_eq(orders[0].state, ORDER_UNKNOWN, "no watermark is known");
        pool_free(&pool);
}

Test(zones, pass_over_counts_that_the_kernel_did_not_finish)
{
        static const char info[] = "Node 0, zone Normal\n  pages free 9\n managed 9\n";
        static const char types[] = "Node 0, zone Normal, type Movable >100000 1 2\n"
                                    "Number of blocks type     Unmovable      Movable  Reclaimable\n"
                                    "Node 0, zone   Normal          1            2           3\n";
        struct pool pool = {0};
        struct zone_list zones;

        cr_assert_eq(zoneinfo_parse(info, strlen(info), PAGE, &pool, &zones), 0);
        pagetypeinfo_join(types, strlen(types), &zones);
        cr_expect_eq(zones.list[0].unmovable, 1u);
        cr_expect_eq(zones.list[0].movable, 2u);
        cr_expect_eq(zones.list[0].reclaimable, 3u);
        pool_free(&pool);
}

Test(process_table, needs_a_column_of_pids)
{
        static const char text[] = "name\trss\nx\t1\n";
        struct process_table table;
        struct pool pool = {0};

        cr_expect_eq(process_table_parse(text, strlen(text), &pool, &table), -EINVAL);
        pool_free(&pool);
}
