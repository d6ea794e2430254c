/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/oom/oom_report.h"

#define KILLS_MAX 8

struct result {
        struct oom_kill *kills[KILLS_MAX];
        size_t n;
        struct oom_reaped reaped[KILLS_MAX];
        size_t n_reaped;
};

static void drain(struct oom_log *log, struct result *r)
{
        struct oom_log_event e;

        while (oom_log_next(log, &e)) {
                if (e.kind == OOM_EVENT_REAPED) {
                        cr_assert_lt(r->n_reaped, KILLS_MAX);
                        r->reaped[r->n_reaped++] = e.reaped;
                } else {
                        cr_assert_lt(r->n, KILLS_MAX);
                        r->kills[r->n++] = e.kill;
                }
        }
}

/* Feed raw records, one per line, and end the log. */
static struct result feed(char *raw, size_t len)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        struct result result = {0};
        uint64_t next_seq = 0;

        for (char *line = raw, *end = raw + len; line < end;) {
                char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t n = newline ? (size_t)(newline - line) : (size_t)(end - line);
                struct kmsg_record record;

                cr_assert_eq(kmsg_record_parse(line, n, &record), 0);
                if (next_seq && record.seq > next_seq)
                        record.lost = record.seq - next_seq;
                next_seq = record.seq + 1;
                cr_assert_eq(oom_log_feed(&log, &record), 0);
                drain(&log, &result);
                line += n + 1;
        }
        oom_log_flush(&log);
        drain(&log, &result);
        return result;
}

static struct result feed_text(const char *text)
{
        char raw[8192];

        cr_assert_lt(strlen(text), sizeof(raw));
        strcpy(raw, text);
        return feed(raw, strlen(raw));
}

static struct result feed_file(const char *name)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1 << 20);
        char path[128];

        snprintf(path, sizeof(path), "tests/fixtures/kmsg/%s", name);
        cr_assert_eq(file_read_at(AT_FDCWD, path, &b), 0, "%s", path);
        return feed(b.data, b.len);
}

static void done(struct result *r)
{
        for (size_t i = 0; i < r->n; i++)
                oom_kill_free(r->kills[i]);
}

#define _cleanup_result_ _cleanup_(done)

static uint64_t register_of(const struct oom_kill *k, const char *name)
{
        for (size_t i = 0; i < k->why.n_registers; i++)
                if (strcmp(k->why.registers[i].name, name) == 0)
                        return k->why.registers[i].value;
        return OOM_UNKNOWN;
}

Test(oom_report, reads_6_1_group_v2)
{
        _cleanup_result_ struct result r = feed_file("6.1-memcg-v2.kmsg");
        const struct oom_kill *k = r.kills[0];

        cr_assert_eq(r.n, 1);
        cr_expect_eq(k->time_ns, 2529658000);
        cr_expect_eq(k->why.invoked_ns, 2524298000);
        cr_expect_eq(k->why.trigger_pid, 85);
        cr_expect_str_eq(k->why.trigger_comm, "hog");
        cr_expect_str_eq(k->why.gfp_mask, "0xcc0(GFP_KERNEL)");
        cr_expect_eq(k->why.order, 0);
        cr_expect_eq(k->why.scope, OOM_SCOPE_GROUP);
        cr_expect_str_eq(k->why.constraint, "CONSTRAINT_MEMCG");
        cr_expect_str_eq(k->why.group, "/h");
        cr_expect_str_eq(k->task_memcg, "/h");
        cr_expect_eq(k->why.memory.usage, 102400 * 1024);
        cr_expect_eq(k->why.memory.limit, 102400 * 1024);
        cr_expect_eq(k->why.memory.failcnt, 19);
        cr_expect_eq(k->why.swap.limit, OOM_UNLIMITED);
        cr_expect_eq(k->why.memsw.usage, OOM_UNKNOWN, "v2 has none");
        cr_expect_eq(k->pid, 85);
        cr_expect_str_eq(k->comm, "hog");
        cr_expect_eq(k->total_vm, 104928 * 1024);
        cr_expect_eq(k->anon_rss, 102144 * 1024);
        cr_expect_eq(k->file_rss, 4 * 1024);
        cr_expect_eq(k->shmem_rss, 356 * 1024);
        cr_expect_eq(oom_kill_rss(k), (102144 + 4 + 356) * 1024);
        cr_expect_eq(k->page_tables, 245760);
        cr_expect_eq(k->uid, 0);
        cr_expect_eq(k->oom_score_adj, 0);
        cr_assert_eq(k->n_tasks, 1);
        cr_expect_eq(k->tasks[0].rss_pages, 25626);
        cr_expect_eq(k->tasks[0].rss_anon_pages, OOM_UNKNOWN, "no such column before 6.8");
        cr_expect_str_eq(k->tasks[0].comm, "hog");
        cr_expect_eq(register_of(k, "RIP"), 0x42e94a);
        cr_expect_eq(register_of(k, "RSP"), 0x7ffd6a6b0198);
        cr_expect_eq(register_of(k, "R15"), 0x636);
        cr_expect_eq(k->why.n_registers, 18);
        cr_assert_gt(k->info_len, 0);
        cr_expect_eq(
                strncmp(k->text.data + k->info_start, "Memory cgroup stats for /h:\nanon 104636416\n", 43),
                0);
        cr_expect_eq(k->lost, 0);
}

Test(oom_report, reads_6_1_global)
{
        _cleanup_result_ struct result r = feed_file("6.1-global.kmsg");
        const struct oom_kill *k = r.kills[0];

        cr_assert_eq(r.n, 1);
        cr_expect_eq(k->why.scope, OOM_SCOPE_GLOBAL);
        cr_expect_str_eq(k->why.constraint, "CONSTRAINT_NONE");
        cr_expect_str_empty(k->why.group);
        cr_expect_str_eq(k->task_memcg, "/");
        cr_expect_eq(k->pid, 90);
        cr_expect_eq(k->oom_score_adj, 900);
        cr_expect_eq(k->why.trigger_oom_score_adj, 900);
        cr_expect_eq(k->why.ram_pages, 65406);
        cr_expect_eq(k->why.total_swap, 0);
        cr_expect_eq(k->why.free_swap, 0);
        cr_expect_eq(k->why.memory.limit, OOM_UNKNOWN);
        cr_assert_eq(k->n_tasks, 3);
        cr_expect_str_eq(k->tasks[0].comm, "busybox");
        cr_expect_eq(oom_kill_victim_task(k), &k->tasks[2]);
        cr_assert_gt(k->info_len, 0);
        cr_expect_eq(strncmp(k->text.data + k->info_start, "Mem-Info:\nactive_anon:799 ", 26), 0);
        cr_expect_not_null(strstr(k->text.data + k->info_start, "9751 pages reserved\n"));
}

Test(oom_report, reads_6_18_group_v1_and_the_kills_without_a_report)
{
        _cleanup_result_ struct result r = feed_file("6.18-memcg-v1.kmsg");
        const struct oom_kill *k = r.kills[0];

        cr_assert_eq(r.n, 4);
        cr_expect_eq(k->pid, 31548);
        cr_expect_eq(k->why.trigger_pid, 31548);
        cr_expect_str_eq(k->why.group, "/kx31534_9");
        cr_expect_eq(k->why.memory.limit, 307200 * 1024);
        cr_expect_eq(k->why.memsw.limit, OOM_UNLIMITED);
        cr_expect_eq(k->why.kmem.usage, 604 * 1024);
        cr_assert_eq(k->n_tasks, 1);
        cr_expect_eq(k->tasks[0].rss_anon_pages, 76697);
        cr_expect_eq(k->tasks[0].rss_file_pages, 694);
        cr_expect_eq(k->tasks[0].rss_shmem_pages, 0);
        for (size_t i = 1; i < r.n; i++) {
                k = r.kills[i];
                cr_expect_eq(k->pid, 31548 + (int)i);
                cr_expect_str_eq(k->comm, "hog");
                cr_expect_eq(k->anon_rss, 306788 * 1024);
                cr_expect_eq(k->page_tables, 648 * 1024);
                cr_expect_eq(k->why.scope, OOM_SCOPE_GROUP);
                cr_expect_str_eq(k->why.constraint, "CONSTRAINT_MEMCG");
                cr_expect_str_empty(k->why.group, "the rate limit left it out: not the one before");
                cr_expect_eq(k->why.trigger_pid, OOM_UNKNOWN_INT);
                cr_expect_eq(k->why.invoked_ns, OOM_UNKNOWN);
        }
}

Test(oom_report, reads_4_19_and_tells_trigger_from_victim)
{
        _cleanup_result_ struct result r = feed_file("4.19-memcg-v1.kmsg");
        const struct oom_kill *k = r.kills[0];

        cr_assert_eq(r.n, 1);
        cr_expect_eq(k->why.trigger_pid, 5310);
        cr_expect_str_eq(k->why.trigger_comm, "web worker (1)");
        cr_expect_str_eq(k->why.gfp_mask, "0x6000c0(GFP_KERNEL)");
        cr_expect_eq(k->why.order, 0);
        cr_expect_eq(k->why.trigger_oom_score_adj, 968);
        cr_expect_str_eq(k->why.group, "/kubepods/pod7");
        cr_expect_str_eq(k->task_memcg, "/kubepods/pod7/c1");
        cr_expect_eq(k->why.scope, OOM_SCOPE_GROUP);
        cr_expect_eq(k->pid, 5311, "the child that was sacrificed");
        cr_expect_str_eq(k->comm, "leak) total-vm:", "a name that looks like the line itself");
        cr_expect_eq(k->total_vm, 80400 * 1024);
        cr_expect_eq(k->anon_rss, 1380 * 1024);
        cr_expect_eq(k->uid, OOM_UNKNOWN);
        cr_expect_eq(k->page_tables, 172032, "from the table: the line has none yet");
        cr_assert_eq(k->n_tasks, 3);
        cr_expect_eq(k->tasks[0].oom_score_adj, -998);
        cr_expect_str_eq(k->tasks[1].comm, "web worker (1)");
        cr_expect_eq(register_of(k, "ORIG_RAX"), 9);
        cr_assert_eq(r.n_reaped, 1);
        cr_expect_eq(r.reaped[0].pid, 5311);
        cr_expect_str_eq(r.reaped[0].comm, "leak) total-vm:");
}

Test(oom_report, is_not_disturbed_by_other_lines)
{
        _cleanup_result_ struct result r = feed_text(
                "4,1,1000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
                "6,2,1000001,-;eth0: link up, 1000 Mbps\n"
                "4,3,1000002,-;CPU: 0 PID: 85 Comm: hog Not tainted\n"
                "6,4,1000003,-;usb 1-1: new device\n"
                "6,5,1000004,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
                ",mems_allowed=0,oom_memcg=/h,task_memcg=/h/i,task=hog,pid=85,uid=7\n"
                "6,6,1000005,-;[drm] fence timeout\n"
                "3,7,1000006,-;Memory cgroup out of memory: Killed process 85 (hog) total-vm:4kB, "
                "anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:7 pgtables:4kB oom_score_adj:-5\n");

        cr_assert_eq(r.n, 1);
        cr_expect_eq(r.kills[0]->why.trigger_pid, 85);
        cr_expect_str_eq(r.kills[0]->why.group, "/h");
        cr_expect_str_eq(r.kills[0]->task_memcg, "/h/i");
        cr_expect_eq(r.kills[0]->oom_score_adj, -5);
        cr_expect_eq(r.kills[0]->uid, 7);
}

Test(oom_report, a_score_that_cannot_be_is_unknown)
{
        _cleanup_result_ struct result r = feed_text(
                "4,1,1000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
                "oom_score_adj=1001\n"
                "6,2,1000004,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
                ",mems_allowed=0,oom_memcg=/h,task_memcg=/h/i,task=hog,pid=85,uid=7\n"
                "3,3,1000006,-;Memory cgroup out of memory: Killed process 85 (hog) total-vm:4kB, "
                "anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:7 pgtables:4kB oom_score_adj:-2000000\n");

        cr_assert_eq(r.n, 1);
        cr_expect_eq(r.kills[0]->oom_score_adj, OOM_UNKNOWN_INT);
        cr_expect_eq(r.kills[0]->why.trigger_oom_score_adj, OOM_UNKNOWN_INT);
}

Test(oom_report, believes_no_program_that_writes_to_the_log)
{
        _cleanup_result_ struct result r =
                feed_text("12,1,1000000,-;Out of memory: Killed process 1 (init) total-vm:4kB, anon-rss:4kB, "
                          "file-rss:0kB, shmem-rss:0kB\n");

        cr_expect_eq(r.n, 0);
}

Test(oom_report, group_names_and_comms_cannot_pose_as_fields)
{
        _cleanup_result_ struct result r = feed_text(
                "4,1,1000000,-;a\\x0ainvoked oom-k invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
                "oom_score_adj=0\n"
                "6,2,1000004,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
                ",mems_allowed=0-1,3,oom_memcg=/x,global_oom,y,task_memcg=/x,global_oom,y/"
                "pid=7,task=,pid=1,uid=2,pid=85,uid=9\n"
                "3,3,1000006,-;Memory cgroup out of memory: Killed process 85 (,pid=1,uid=2) total-vm:4kB, "
                "anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:9 pgtables:4kB oom_score_adj:0\n");
        const struct oom_kill *k = r.kills[0];

        cr_assert_eq(r.n, 1);
        cr_expect_str_eq(k->why.trigger_comm, "a\ninvoked oom-k");
        cr_expect_eq(k->why.scope, OOM_SCOPE_GROUP);
        cr_expect_str_eq(k->why.group, "/x,global_oom,y");
        cr_expect_str_eq(k->task_memcg, "/x,global_oom,y/pid=7");
        cr_expect_eq(k->pid, 85);
        cr_expect_eq(k->uid, 9);
}

static const char group_kill[] =
        "4,1,1000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
        "4,2,1000001,-;CPU: 0 PID: 85 Comm: hog Not tainted\n"
        "6,3,1000002,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
        "6,4,1000003,-;[     85]     0    85    26232    25626   245760        0             0 hog\n"
        "6,5,1000004,-;[     86]     0    86    26232        1   245760        0             0 idle\n"
        "6,6,1000005,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
        ",mems_allowed=0,oom_memcg=/h,task_memcg=/h,task=hog,pid=85,uid=0\n"
        "3,7,1000006,-;Memory cgroup out of memory: Killed process 85 (hog) total-vm:4kB, anon-rss:4kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
        "6,8,1000007,-;Tasks in /h are going to be killed due to memory.oom.group set\n"
        "3,9,1000008,-;Memory cgroup out of memory: Killed process 86 (idle) total-vm:8kB, anon-rss:0kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
        "3,10,1000009,-;Memory cgroup out of memory: Killed process 99 (other) total-vm:8kB, anon-rss:0kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";

Test(oom_report, members_of_a_group_have_the_same_cause)
{
        _cleanup_result_ struct result r = feed_text(group_kill);

        cr_assert_eq(r.n, 3);
        cr_expect_eq(r.kills[1]->pid, 86);
        cr_expect_eq(r.kills[1]->why.trigger_pid, 85);
        cr_expect_str_eq(r.kills[1]->why.group, "/h");
        cr_expect_str_eq(r.kills[1]->why.killed_as_group, "/h");
        cr_expect_eq(r.kills[2]->pid, 99);
        cr_expect_eq(r.kills[2]->why.trigger_pid, OOM_UNKNOWN_INT, "not in the group's table: somebody else");
        cr_expect_str_empty(r.kills[2]->why.killed_as_group);
}

Test(oom_report, reads_6_1_whole_group)
{
        _cleanup_result_ struct result r = feed_file("6.1-oom-group.kmsg");

        cr_assert_eq(r.n, 4);
        cr_expect_str_eq(r.kills[0]->comm, "tail");
        cr_expect_eq(register_of(r.kills[0], "ORIG_RAX"), 0, "in read(2)");
        for (size_t i = 0; i < r.n; i++) {
                cr_expect_str_eq(r.kills[i]->why.trigger_comm, "tail");
                cr_expect_eq(r.kills[i]->why.trigger_pid, r.kills[0]->pid);
                cr_expect_str_eq(r.kills[i]->why.group, "/g");
                cr_expect_str_eq(r.kills[i]->why.killed_as_group, i ? "/g" : "");
        }
}

static const char two_interleaved[] =
        "4,1,1000000,-;one invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
        "4,2,1000001,-;CPU: 0 PID: 11 Comm: one Not tainted\n"
        "6,3,1000002,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
        ",mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=v1,pid=21,uid=0\n"
        "4,4,1000003,-;two invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=3, oom_score_adj=0\n"
        "4,5,1000004,-;CPU: 1 PID: 12 Comm: two Not tainted\n"
        "3,6,1000005,-;Memory cgroup out of memory: Killed process 21 (v1) total-vm:4kB, anon-rss:4kB, "
        "file-rss:0kB, shmem-rss:0kB\n"
        "6,7,1000006,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
        ",mems_allowed=0,oom_memcg=/b,task_memcg=/b,task=v2,pid=22,uid=0\n"
        "3,8,1000007,-;Memory cgroup out of memory: Killed process 22 (v2) total-vm:4kB, anon-rss:4kB, "
        "file-rss:0kB, shmem-rss:0kB\n";

Test(oom_report, keeps_two_overlapping_reports_apart)
{
        _cleanup_result_ struct result r = feed_text(two_interleaved);

        cr_assert_eq(r.n, 2);
        for (int i = 0; i < 2; i++) {
                cr_expect_eq(r.kills[i]->pid, 21 + i);
                cr_expect_eq(r.kills[i]->why.trigger_pid, 11 + i);
                cr_expect_str_eq(r.kills[i]->why.group, i ? "/b" : "/a");
                cr_expect_eq(r.kills[i]->why.order, i ? 3 : 0);
        }
}

Test(oom_report, uses_the_caller_where_the_kernel_names_it)
{
        _cleanup_result_ struct result r =
                feed_text("4,1,1000000,-,caller=T11;one invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), "
                          "order=0, oom_score_adj=0\n"
                          "4,2,1000001,-,caller=T12;two invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), "
                          "order=0, oom_score_adj=0\n"
                          "4,3,1000002,-,caller=T11;CPU: 0 PID: 11 Comm: one Not tainted\n"
                          "4,4,1000003,-,caller=T12;CPU: 1 PID: 12 Comm: two Not tainted\n"
                          "3,5,1000004,-,caller=T11;Out of memory: Killed process 21 (v1) total-vm:4kB, "
                          "anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n"
                          "3,6,1000005,-,caller=T12;Out of memory: Killed process 22 (v2) total-vm:4kB, "
                          "anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n");

        cr_assert_eq(r.n, 2);
        cr_expect_eq(r.kills[0]->why.trigger_pid, 11);
        cr_expect_eq(r.kills[1]->why.trigger_pid, 12);
}

Test(oom_report, a_report_that_lost_its_last_line_still_names_the_victim)
{
        _cleanup_result_ struct result r = feed_text(
                "4,1,1000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
                "6,9,1000005,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
                ",mems_allowed=0,oom_memcg=/h,task_memcg=/h,task=hog,pid=85,uid=3\n"
                "6,10,62000005,-;one minute later\n");

        cr_assert_eq(r.n, 1);
        cr_expect_eq(r.kills[0]->pid, 85);
        cr_expect_str_eq(r.kills[0]->comm, "hog");
        cr_expect_eq(r.kills[0]->lost, 7);
        cr_expect_eq(r.kills[0]->anon_rss, OOM_UNKNOWN);
        cr_expect_eq(oom_kill_rss(r.kills[0]), OOM_UNKNOWN);
        cr_expect_null(strstr(r.kills[0]->text.data, "one minute later"));
}

Test(oom_report, says_when_nobody_could_be_killed)
{
        _cleanup_result_ struct result r =
                feed_text("4,1,1000000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
                          "oom_score_adj=-1000\n"
                          "4,2,1000001,-;CPU: 0 PID: 85 Comm: hog Not tainted\n"
                          "6,3,1000002,-;Memory cgroup stats for /h:\n"
                          "4,4,1000003,-;Out of memory and no killable processes...\n");

        cr_assert_eq(r.n, 1);
        cr_expect_eq(r.kills[0]->pid, 0);
        cr_expect_eq(r.kills[0]->why.trigger_pid, 85);
        cr_expect_str_eq(r.kills[0]->why.group, "/h");
}

Test(oom_report, keeps_a_bounded_number_of_open_reports)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        char raw[128];

        for (unsigned i = 1; i <= 100; i++) {
                struct kmsg_record record;
                struct oom_log_event e;
                int n = snprintf(raw, sizeof(raw),
                                 "4,%u,%u,-;c%u invoked oom-killer: gfp_mask=0x0(), order=0", i, i, i);

                cr_assert_eq(kmsg_record_parse(raw, (size_t)n, &record), 0);
                cr_assert_eq(oom_log_feed(&log, &record), 0);
                cr_expect_not(oom_log_next(&log, &e), "no victim is known");
        }
        cr_expect_str_eq(log.open[0].kill->why.trigger_comm, "c97");
}

Test(oom_report, bounds_the_table_and_the_text)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        static const char *const head[] = {
                "4,1,1,-;hog invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0",
                "6,2,1,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        };
        struct kmsg_record record;
        char raw[256];

        for (unsigned i = 0; i < OOM_TASKS_MAX + 10 + 2; i++) {
                int n = i < 2 ? snprintf(raw, sizeof(raw), "%s", head[i])
                              : snprintf(raw, sizeof(raw),
                                         "6,%u,1,-;[%7u]     0 %5u    26232    25626   245760        0       "
                                         "      0 a long name %60s",
                                         i, i, i, "");

                cr_assert_eq(kmsg_record_parse(raw, (size_t)n, &record), 0);
                cr_assert_eq(oom_log_feed(&log, &record), 0);
        }
        cr_expect_eq(log.open[0].kill->n_tasks, OOM_TASKS_MAX);
        cr_expect_eq(log.open[0].kill->tasks_left_out, 10);
        cr_expect(log.open[0].kill->text.cut);
        cr_expect_leq(log.open[0].kill->text.len, OOM_TEXT_MAX);
}

Test(oom_report, the_limit_that_was_hit_may_be_that_of_memory_and_swap)
{
        struct oom_kill *k = oom_kill_new();

        cr_assert_not_null(k);
        cr_expect_eq(oom_kill_limit_hit(k), &k->why.memory, "nothing is known");
        k->why.memory = (struct oom_usage){.usage = 64 << 20, .limit = 64 << 20, .failcnt = 1};
        k->why.memsw = k->why.memory;
        cr_expect_eq(oom_kill_limit_hit(k), &k->why.memory, "both are full, nothing is swapped out");
        k->why.memory.usage = 20 << 20;
        cr_expect_eq(oom_kill_limit_hit(k), &k->why.memsw);
        k->why.memory.limit = OOM_UNLIMITED;
        cr_expect_eq(oom_kill_limit_hit(k), &k->why.memsw);
        k->why.memsw.limit = OOM_UNLIMITED;
        cr_expect_eq(oom_kill_limit_hit(k), &k->why.memory);
        oom_kill_free(k);
}
