/* SPDX-License-Identifier: MIT */
/* The section kmsg: recorded reports of the kernel in, the kill out. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include "analysis/kill.h"
#include "analysis/memory.h"
#include "analysis/kill_frame.h"
#include "base/file.h"

#define FIXTURES "tests/fixtures/kmsg/"
#define START_NS UINT64_C(1763690000000000000)

static const struct report_kill *parse(char *raw, size_t len, int32_t target_pid, struct pool *pool)
{
        const struct kill_context context = {target_pid, 4096, START_NS};
        const struct report_kill *k;

        cr_assert_eq(kill_parse(raw, len, &context, pool, &k), 0);
        return k;
}

static const struct report_kill *read_kill(const char *path, int32_t target_pid, struct pool *pool)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1 << 20);

        cr_assert_eq(file_read_at(AT_FDCWD, path, &b), 0);
        return parse(b.data, b.len, target_pid, pool);
}

Test(kill, of_a_group_on_6_18)
{
        struct pool pool = {0};
        const struct report_kill *k = read_kill(FIXTURES "6.18-memcg-v1.kmsg", 31548, &pool);

        cr_assert_not_null(k);
        cr_expect(k->was_target);
        cr_expect_eq(k->time_ns, START_NS + UINT64_C(3525542288000));
        cr_expect_eq(k->victim_pid, 31548);
        cr_expect_str_eq(k->victim_comm, "hog");
        cr_expect_eq(k->trigger_pid, 31548);
        cr_expect_str_eq(k->trigger_comm, "hog");
        cr_expect_eq(k->trigger_pc, 0x7fa5daa6e0ba);
        cr_expect_str_eq(k->scope, "group");
        cr_expect_str_eq(k->constraint, "CONSTRAINT_MEMCG");
        cr_expect_str_eq(k->group, "/kx31534_9");
        cr_expect_null(k->killed_as_group);
        cr_expect_eq(k->usage, 307200 * 1024);
        cr_expect_eq(k->limit, 307200 * 1024);
        cr_expect_str_eq(k->gfp_mask, "0xcc0(GFP_KERNEL)");
        cr_expect_eq(k->order, 0);
        cr_expect_eq(k->uid, 0);
        cr_expect_eq(k->anon_rss, 306788 * 1024);
        cr_expect_eq(k->file_rss, 2776 * 1024);
        cr_expect_eq(k->shmem_rss, 0);
        cr_expect_eq(k->total_vm, 313180 * 1024);
        cr_expect_eq(k->page_tables, 648 * 1024);
        cr_expect_eq(k->oom_score_adj, 0);
        cr_assert_eq(k->n_tasks, 1);
        cr_expect_eq(k->tasks_listed, 1);
        cr_expect_eq(k->tasks[0].pid, 31548);
        cr_expect_eq(k->tasks[0].rss, UINT64_C(77391) * 4096);
        cr_expect(strstr(k->text, "hog invoked oom-killer"));
        cr_expect(strstr(k->text, "Killed process 31548 (hog)"));
        pool_free(&pool);
}

/* What was still found of a process that was gone, and what the kernel had said. */
Test(kill, the_memory_of_one_that_was_gone_is_the_kernels)
{
        struct report r = {
                .memory = {.rss = 0, .mem_total = UINT64_C(8) << 30, .mem_available = UINT64_C(6) << 30},
                .cgroup = {.limit = REPORT_UNKNOWN, .limit_usage = REPORT_UNKNOWN}};

        r.kill = read_kill(FIXTURES "6.18-memcg-v1.kmsg", 31548, &r.pool);
        cr_assert(memory_of_killed(&r));
        cr_expect_eq(r.memory.rss, (306788 + 2776) * 1024);
        cr_expect_eq(r.memory.anon, 306788 * 1024);
        cr_expect_str_eq(r.memory.source, "kill");
        cr_expect_eq(r.memory.pss, REPORT_UNKNOWN);
        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_eq(r.memory.limit, 307200 * 1024);
        cr_expect_eq(r.memory.limit_used, 307200 * 1024);
        cr_expect_str_eq(r.memory.limit_source, "cgroup /kx31534_9");
        cr_expect_not(memory_of_killed(&r), "it is no more than is known already");
        r.memory.rss = REPORT_UNKNOWN;
        cr_expect(memory_of_killed(&r));
        /* Somebody else's end says nothing of this process. */
        r.memory.rss = 0;
        r.kill = read_kill(FIXTURES "6.18-memcg-v1.kmsg", 7, &r.pool);
        cr_expect_not(memory_of_killed(&r));
        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_eq(r.memory.limit, UINT64_C(8) << 30);
        pool_free(&r.pool);
}

Test(kill, the_targets_among_several_else_the_last)
{
        static const struct {
                int32_t target, victim;
        } cases[] = {{31548, 31548}, {31549, 31549}, {31551, 31551}, {7, 31551}, {0, 31551}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct pool pool = {0};
                const struct report_kill *k =
                        read_kill(FIXTURES "6.18-memcg-v1.kmsg", cases[i].target, &pool);

                cr_assert_not_null(k);
                cr_expect_eq(k->victim_pid, cases[i].victim);
                cr_expect_eq(k->was_target, cases[i].target == cases[i].victim);
                pool_free(&pool);
        }
}

Test(kill, the_code_around_the_triggers_address)
{
        struct pool pool = {0};
        const struct report_kill *k = read_kill(FIXTURES "6.18-memcg-v1.kmsg", 31548, &pool);
        uint8_t bytes[KILL_CODE_MAX];
        struct known_code code;

        cr_assert_eq(kill_code_parse(k->text, k->trigger_pc, bytes, &code), 64);
        cr_expect_eq(code.address, k->trigger_pc - 42);
        cr_expect_eq(code.len, 64);
        cr_expect_eq(bytes[0], 0x00);
        cr_expect_eq(bytes[42], 0xf3); /* rep stos: memset */
        cr_expect_eq(bytes[63], 0x62);
        pool_free(&pool);
}

Test(kill, code_that_is_none)
{
        static const char *const texts[] = {
                "",
                "x\nCode: ",
                "x\nCode: \n",
                "x\nCode: Unable to access opcode bytes at 0x7fa5daa6e090.\n",
                "x\nCode: 00 48 c7\n",            /* which one is it? */
                "x\nCode: 00 148 <c7>\n",         /* no byte */
                "Code: 00 <48> c7\n",             /* nobody has asked */
                "x\nCode: 00 01 02 03 04 <05>\n", /* before address 0 */
        };
        uint8_t bytes[KILL_CODE_MAX];
        struct known_code code;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                cr_expect_eq(kill_code_parse(texts[i], 4, bytes, &code), 0, "%s", texts[i]);
}

Test(kill, one_line_alone_leaves_the_rest_unknown)
{
        char raw[] = "3,7,1000000,-;Out of memory: Killed process 42 (a b) total-vm:100kB, anon-rss:8kB, "
                     "file-rss:4kB, shmem-rss:0kB";
        struct pool pool = {0};
        const struct report_kill *k = parse(raw, strlen(raw), 42, &pool);

        cr_assert_not_null(k);
        cr_expect(k->was_target);
        cr_expect_str_eq(k->victim_comm, "a b");
        cr_expect_str_eq(k->scope, "machine");
        cr_expect_eq(k->anon_rss, 8192);
        cr_expect_eq(k->trigger_pid, REPORT_UNKNOWN_INT);
        cr_expect_null(k->trigger_comm);
        cr_expect_eq(k->trigger_pc, REPORT_UNKNOWN);
        cr_expect_null(k->group);
        cr_expect_null(k->gfp_mask);
        cr_expect_eq(k->order, REPORT_UNKNOWN_INT);
        cr_expect_eq(k->limit, REPORT_UNKNOWN);
        cr_expect_eq(k->oom_score_adj, REPORT_UNKNOWN_INT);
        cr_expect_eq(k->n_tasks, 0);
        pool_free(&pool);
}

Test(kill, what_is_no_kill_of_the_kernels_is_none)
{
        static const char *const texts[] = {"", "\n\n", "no record at all\n", "6,1,2,-;eth0: link up\n",
                                            /* facility 1: a program wrote it */
                                            "11,7,1000000,-;Out of memory: Killed process 42 (a) "
                                            "total-vm:1kB, anon-rss:8kB, file-rss:4kB, "
                                            "shmem-rss:0kB\n"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_free_ char *raw = strdup(texts[i]);
                struct pool pool = {0};

                cr_expect_null(parse(raw, strlen(raw), 42, &pool), "%s", texts[i]);
                pool_free(&pool);
        }
}

Test(kill, a_table_of_many_tasks_is_cut_to_the_largest)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1 << 20);
        struct pool pool = {0};
        const struct report_kill *k;

        buf_str(&b, "4,1,1,-;x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=2, oom_score_adj=0\n"
                    "6,2,2,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj "
                    "name\n");
        for (int i = 1; i <= 500; i++)
                buf_printf(&b,
                           "6,%d,3,-;[%7d]     0 %5d    78295    %5d   663552        0             0 p%d\n",
                           i + 2, i, i, i * 10, i);
        buf_str(&b,
                "3,600,4,-;Out of memory: Killed process 9 (p9) total-vm:1kB, anon-rss:8kB, file-rss:4kB, "
                "shmem-rss:0kB\n");
        k = parse(b.data, b.len, 9, &pool);
        cr_assert_not_null(k);
        cr_expect_eq(k->order, 2);
        cr_assert_eq(k->n_tasks, KILL_TASKS_MAX);
        cr_expect_eq(k->tasks_listed, 500);
        for (int i = 0; i < KILL_TASKS_MAX; i++)
                cr_expect_eq(k->tasks[i].pid, 500 - i);
        pool_free(&pool);
}

Test(kill, the_logs_clock_does_not_count_while_the_machine_sleeps)
{
        struct manifest m = manifest_unknown;

        cr_expect_eq(kill_log_start(&m), REPORT_UNKNOWN);
        m.boot_time_ns = 100;
        cr_expect_eq(kill_log_start(&m), 100, "without a better clock");
        m.time_ns = 1000;
        m.monotonic_ns = 300;
        cr_expect_eq(kill_log_start(&m), 700);
}

Test(kill, of_a_whole_group_tells_each_member_why)
{
        struct pool pool = {0};
        const struct report_kill *k = read_kill(FIXTURES "6.1-oom-group.kmsg", 101, &pool);

        cr_assert_not_null(k);
        cr_expect(k->was_target);
        cr_expect_str_eq(k->victim_comm, "sh");
        cr_expect_str_eq(k->trigger_comm, "tail");
        cr_expect_eq(k->trigger_pid, 107);
        cr_expect_str_eq(k->killed_as_group, "/g");
        pool_free(&pool);
}
