/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "trigger/badness.h"
#include "trigger/proc_text.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE 4096

Test(badness, is_the_kernels_formula)
{
        static const struct {
                struct badness_facts f;
                uint64_t total_pages;
                int64_t points;
        } cases[] = {
                {{.rss = 100 * MIB}, 1000000, 25600},
                {{.rss = 100 * MIB, .swap = 8 * MIB, .page_tables = 4 * PAGE}, 1000000, 25600 + 2048 + 4},
                {{.rss = 100 * MIB, .oom_score_adj = 500}, 1000000, 25600 + 500000},
                /* In steps of a thousandth of what is full: of less than 1,000 pages nothing is left. */
                {{.rss = PAGE, .oom_score_adj = 1000}, 999, 1},
                {{.rss = 100 * MIB, .oom_score_adj = -999}, 1000000, 25600 - 999000},
                {{.rss = 100 * MIB, .oom_score_adj = -1000}, 1000000, BADNESS_NEVER},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                cr_assert_eq(badness_points(&cases[i].f, cases[i].total_pages, PAGE), cases[i].points,
                             "case %zu", i);
}

Test(badness, reads_status_and_knows_who_has_no_memory)
{
        static const char status[] = "Name:\tVmRSS:  7 kB\nState:\tR (running)\nVmRSS:\t  2048 kB\nVmPTE:\t  "
                                     "    48 kB\nVmSwap:\t     512 kB\n";
        static const char zombie[] = "Name:\tgone\nState:\tZ (zombie)\n";
        struct badness_facts f;

        cr_assert_eq(badness_facts_parse(status, strlen(status), "-17\n", 4, &f), 0);
        cr_assert_eq(f.rss, 2 * MIB);
        cr_assert_eq(f.page_tables, 48 * 1024);
        cr_assert_eq(f.swap, 512 * 1024);
        cr_assert_eq(f.oom_score_adj, -17);
        cr_assert_eq(badness_facts_parse(zombie, strlen(zombie), "0\n", 2, &f), -ENODATA);
        cr_assert_eq(badness_facts_parse(status, strlen(status), "", 0, &f), -EINVAL);
        cr_assert_eq(badness_facts_parse(status, strlen(status), "1001\n", 5, &f), -EINVAL);
}

/* A child with so much memory and this oom_score_adj, until it is killed. */
static pid_t child(size_t bytes, const char *adj)
{
        int ready[2];
        pid_t pid;
        char byte;

        cr_assert_eq(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                int fd = open("/proc/self/oom_score_adj", O_WRONLY);

                if (write(fd, adj, strlen(adj)) < 0 ||
                    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
                         0) == MAP_FAILED)
                        _exit(1);
                if (write(ready[1], "", 1) == 1)
                        pause();
                _exit(1);
        }
        cr_assert_gt(pid, 0);
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static uint64_t meminfo(const char *key)
{
        char text[8192];
        struct buf b = BUF_FIXED(text, sizeof(text));
        uint64_t bytes;

        cr_assert_eq(file_read_at(AT_FDCWD, "/proc/meminfo", &b), 0);
        cr_assert_eq(kb_line_parse(text, b.len, key, &bytes), 0);
        return bytes;
}

static long oom_score(pid_t pid)
{
        char path[64], text[32];
        struct buf b = BUF_FIXED(text, sizeof(text));

        snprintf(path, sizeof(path), "/proc/%d/oom_score", pid);
        cr_assert_eq(file_read_at(AT_FDCWD, path, &b), 0);
        return atol(text);
}

Test(badness, agrees_with_the_kernels_oom_score)
{
        uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t total = badness_total_pages(meminfo("MemTotal:"), meminfo("SwapTotal:"), page_size);
        int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
        static const char *const adjs[] = {"0", "300", "1000"};

        for (size_t i = 0; i < sizeof(adjs) / sizeof(*adjs); i++) {
                pid_t pid = child(48 * MIB, adjs[i]);
                long score = oom_score(pid), points;
                struct badness_facts f;

                cr_assert_eq(badness_facts_read(proc_fd, pid, &f), 0);
                cr_assert_geq(f.rss, 48 * MIB);
                cr_assert_eq(f.oom_score_adj, atoi(adjs[i]));
                points = (long)badness_points(&f, total, page_size);
                /* proc_oom_score() of fs/proc/base.c since Linux 5.9. */
                points = (1000 + points * 1000 / (long)total) * 2 / 3;
                cr_assert_leq(labs(points - score), 2, "adj %s: %ld, the kernel says %ld", adjs[i], points,
                              score);
                end(pid);
        }
        close(proc_fd);
}

Test(badness, ranks_who_would_be_killed_first)
{
        pid_t large = child(32 * MIB, "0"), small = child(MIB, "0"), marked = child(MIB, "900");
        pid_t pids[] = {1, small, large, getpid(), marked, 0x7fffffff};
        struct badness_rank ranks[6];
        int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);

        cr_assert_eq(badness_rank(proc_fd, pids, 6, getpid(), 1000000, ranks), 3);
        cr_assert_eq(ranks[0].pid, marked);
        cr_assert_eq(ranks[1].pid, large);
        cr_assert_eq(ranks[2].pid, small);
        end(large);
        end(small);
        end(marked);
        close(proc_fd);
}
