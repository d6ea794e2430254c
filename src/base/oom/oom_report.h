/* SPDX-License-Identifier: MIT */
/* oom_report - find the kills for memory in the stream of the kernel's log.
 *
 * Takes records one by one, in order; hands out a kill when its last line has come. Never reads the log
 * itself, never waits. Memory is bounded: OOM_OPEN_MAX reports of at most OOM_TEXT_MAX and OOM_TASKS_MAX
 * rows.
 *
 * A report (samples in tests/fixtures/kmsg/):
 *   hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0        opens it
 *   CPU: 0 PID: 85 Comm: hog ... Call Trace, registers, group or Mem-Info, Tasks state
 *   oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/h,task_memcg=/h,task=hog,pid=85,uid=0
 *   Memory cgroup out of memory: Killed process 85 (hog) total-vm:104928kB, ...          closes it
 * Traps: everything but the last line is limited to 10 reports per 5 s on the whole machine, so that a kill
 * may be one line alone. Other lines stand between these. The kernel makes one report at a time (oom_lock),
 * but a log that lost records, or two logs merged, can interleave them: each line goes to the report whose
 * PID or caller it names, else to the newest. Records that a program wrote (facility other than the kernel's)
 * are no evidence and are left out.
 */
#ifndef SWANSONG_BASE_OOM_OOM_REPORT_H
#define SWANSONG_BASE_OOM_OOM_REPORT_H

#include "base/oom/kmsg.h"
#include "base/oom/oom_kill.h"
#include "base/oom/oom_line.h"

#define OOM_OPEN_MAX 4

enum oom_event_kind {
        OOM_EVENT_KILL,   /* or, with kill->pid 0: memory was out and nobody could be killed */
        OOM_EVENT_REAPED, /* the kernel took a victim's memory that would not die */
};

struct oom_log_event {
        enum oom_event_kind kind;
        uint64_t time_ns; /* since boot */
        struct oom_kill *kill;
        struct oom_reaped reaped;
};

struct oom_open {
        struct oom_kill *kill; /* NULL: free */
        struct oom_columns columns;
        char caller[16]; /* "" unknown */
        bool in_info;    /* inside Mem-Info or the group's statistics */
};

/* The kill before: members of the same group are killed with it, each with one line, and so is the first victim once
 * more. */
struct oom_last {
        struct oom_cause why; /* killed_as_group: the line that announces them has come */
        uint64_t time_ns;     /* of that line, or of the last member */
        int32_t pid;          /* the first victim */
        int32_t *pids;        /* of the report's tasks, sorted */
        size_t n_pids;
        bool known;
};

/* Zero it before the first use. */
struct oom_log {
        struct oom_open open[OOM_OPEN_MAX]; /* oldest first */
        struct oom_log_event events[OOM_OPEN_MAX + 1];
        size_t n_events;
        struct oom_last last;
};

/* Take the next record; then fetch the events with oom_log_next() until there is none.  0, or -ENOMEM: what
 * this record says is lost. */
int oom_log_feed(struct oom_log *log, const struct kmsg_record *record);

/* The log ends here: what is open is complete as far as it ever will be.  Then oom_log_next(). */
void oom_log_flush(struct oom_log *log);

/* The next event.  The caller frees its kill with oom_kill_free(). */
bool oom_log_next(struct oom_log *log, struct oom_log_event *ret);

void oom_log_done(struct oom_log *log);

#define _cleanup_oom_log_ _cleanup_(oom_log_done)

#endif
