/* SPDX-License-Identifier: MIT */
#include "capture/stacks/condition.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"

#define PF_EXITING 0x00000004 /* include/linux/sched.h */

struct condition condition_judge(const struct stat_brief *stat, pid_t tracer, const char *tracer_comm)
{
        bool dead = stat->state == 'Z' || stat->state == 'X';
        struct condition c = {0};

        if (dead && stat->n_threads > 1) {
                c.name = "leader-exited";
                snprintf(c.sentence, sizeof(c.sentence), "its first thread has ended, %u others live on",
                         stat->n_threads - 1);
        } else if (dead) {
                c.name = "zombie";
                snprintf(c.sentence, sizeof(c.sentence),
                         "it has ended and waits for PID %d, its parent, to take notice", stat->ppid);
        } else if (tracer) {
                c.name = "traced";
                c.tracer = tracer;
                snprintf(c.sentence, sizeof(c.sentence), "it is already traced by PID %d (%s)", tracer,
                         tracer_comm);
        } else if (stat->flags & PF_EXITING) {
                c.name = "exiting";
                snprintf(c.sentence, sizeof(c.sentence), "it is just ending");
        } else if (stat->state == 'T') {
                c.name = "stopped";
                snprintf(c.sentence, sizeof(c.sentence), "it was stopped by a signal before, and still is");
        }
        return c;
}

pid_t condition_tracer(const struct target *t)
{
        _cleanup_buf_ struct buf status = BUF_GROWING(PROC_STATUS_MAX);
        const char *p;
        uint64_t pid;

        /* Behind the name's line: a name cannot hold a raw newline here, the kernel escapes it. */
        if (file_read_at(t->proc_fd, "status", &status) < 0 || !(p = strstr(status.data, "\nTracerPid:\t")))
                return 0;
        p += strlen("\nTracerPid:\t");
        return number_scan(&p, status.data + status.len, 10, &pid) == 0 ? (pid_t)pid : 0;
}

static int read_stat(const struct target *t, struct stat_brief *ret)
{
        char text[1024];
        struct buf stat = BUF_FIXED(text, sizeof(text));
        int r = file_read_at(t->proc_fd, "stat", &stat);

        return r < 0 ? r : stat_brief_parse(stat.data, stat.len, ret);
}

struct condition condition_read(const struct target *t)
{
        char comm[64] = "", path[32];
        struct buf name = BUF_FIXED(comm, sizeof(comm));
        struct stat_brief brief;
        pid_t tracer;

        if (read_stat(t, &brief) < 0)
                return (struct condition){0};
        tracer = condition_tracer(t);
        snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
        if (tracer && file_read_at(AT_FDCWD, path, &name) == 0 && name.len > 0)
                comm[name.len - 1] = '\0';
        return condition_judge(&brief, tracer, comm);
}

struct condition condition_read_held(const struct target *t)
{
        struct stat_brief brief;

        return read_stat(t, &brief) < 0 ? (struct condition){0} : condition_judge(&brief, 0, "");
}
