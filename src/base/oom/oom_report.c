/* SPDX-License-Identifier: MIT */
#include "base/oom/oom_report.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

/* A report whose last line has not come after this long has lost it.  Thousands of tasks on a serial console,
 * at 10 ms a line, take most of a minute. */
#define OPEN_MAX_NS (60 * NS_PER_S)

/* The members of a group that is killed as a whole follow each other within microseconds, or a console's
 * line. */
#define MEMBER_GAP_NS (100 * NS_PER_MS)

static void event_add(struct oom_log *log, const struct oom_log_event *event)
{
        log->events[log->n_events++] = *event;
}

bool oom_log_next(struct oom_log *log, struct oom_log_event *ret)
{
        if (log->n_events == 0)
                return false;
        *ret = log->events[0];
        memmove(&log->events[0], &log->events[1], --log->n_events * sizeof(log->events[0]));
        return true;
}

/* The kill before ------------------------------------------------------------------------------------------
 */

static void last_forget(struct oom_log *log)
{
        free(log->last.pids);
        log->last = (struct oom_last){0};
}

static int pid_compare(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

/* Remember why this process was killed, for the other members of its group. */
static int last_remember(struct oom_log *log, const struct oom_kill *k)
{
        last_forget(log);
        if (k->n_tasks > 0) {
                log->last.pids = malloc(k->n_tasks * sizeof(log->last.pids[0]));
                if (!log->last.pids)
                        return -ENOMEM;
                for (size_t i = 0; i < k->n_tasks; i++)
                        log->last.pids[i] = k->tasks[i].pid;
                log->last.n_pids = k->n_tasks;
                qsort(log->last.pids, k->n_tasks, sizeof(log->last.pids[0]), pid_compare);
        }
        log->last.why = k->why;
        log->last.pid = k->pid;
        log->last.known = true;
        return 0;
}

/* Is this kill, which has no report of its own, one of those that were announced?  Then it has their cause.
 */
static bool last_explains(const struct oom_last *last, const struct oom_kill *k)
{
        if (!*last->why.killed_as_group || k->time_ns - last->time_ns > MEMBER_GAP_NS)
                return false;
        return last->n_pids == 0 ||
               bsearch(&k->pid, last->pids, last->n_pids, sizeof(last->pids[0]), pid_compare);
}

/* Open reports ---------------------------------------------------------------------------------------------
 */

static size_t open_count(const struct oom_log *log)
{
        size_t n = 0;

        while (n < OOM_OPEN_MAX && log->open[n].kill)
                n++;
        return n;
}

/* Take the report out of the open ones. */
static struct oom_kill *open_take(struct oom_log *log, size_t i)
{
        struct oom_kill *k = log->open[i].kill;

        memmove(&log->open[i], &log->open[i + 1], (OOM_OPEN_MAX - 1 - i) * sizeof(log->open[0]));
        log->open[OOM_OPEN_MAX - 1] = (struct oom_open){0};
        return k;
}

static bool caller_fits(const struct oom_open *o, const struct kmsg_record *r)
{
        if (r->caller_len == 0 || !*o->caller)
                return true;
        return strlen(o->caller) == r->caller_len && memcmp(o->caller, r->caller, r->caller_len) == 0;
}

/* The newest open report that this record can belong to, or NULL. */
static struct oom_open *open_of(struct oom_log *log, const struct kmsg_record *r)
{
        for (size_t i = open_count(log); i-- > 0;)
                if (caller_fits(&log->open[i], r))
                        return &log->open[i];
        return NULL;
}

/* The one that names this victim; else the newest whose victim is not known yet; else NULL. */
static struct oom_open *open_of_victim(struct oom_log *log, int32_t pid, const struct kmsg_record *r)
{
        for (size_t i = open_count(log); i-- > 0;)
                if (log->open[i].kill->pid == pid)
                        return &log->open[i];
        for (size_t i = open_count(log); i-- > 0;)
                if (log->open[i].kill->pid == OOM_UNKNOWN_INT && caller_fits(&log->open[i], r))
                        return &log->open[i];
        return NULL;
}

static void kill_finish(struct oom_log *log, struct oom_kill *k)
{
        const struct oom_task *task = oom_kill_victim_task(k);

        /* See oom_line.h: the line's page tables may be bytes with a wrong unit. */
        if (task && task->page_tables_bytes != OOM_UNKNOWN)
                k->page_tables = task->page_tables_bytes;
        event_add(log, &(struct oom_log_event){.kind = OOM_EVENT_KILL, .kill = k, .time_ns = k->time_ns});
}

/* Nothing more comes for this report.  If it names its victim, that was killed. */
static void open_expire(struct oom_log *log, size_t i)
{
        struct oom_kill *k = open_take(log, i);

        if (k->pid > 0)
                kill_finish(log, k);
        else
                oom_kill_free(k);
}

/* One function per kind of line
 * ------------------------------------------------------------------------------ */

static void text_add(struct oom_kill *k, const struct kmsg_record *r)
{
        buf_add(&k->text, r->text, r->text_len);
        buf_char(&k->text, '\n');
}

static int take_invoked(struct oom_log *log, const struct kmsg_record *r)
{
        struct oom_kill *k = oom_kill_new();
        struct oom_open *o;

        if (!k)
                return -ENOMEM;
        if (open_count(log) == OOM_OPEN_MAX)
                open_expire(log, 0);
        o = &log->open[open_count(log)];
        *o = (struct oom_open){.kill = k};
        if (r->caller_len > 0 && r->caller_len < sizeof(o->caller))
                memcpy(o->caller, r->caller, r->caller_len);
        oom_line_invoked(scan_of(r->text, r->text_len), k);
        k->time_ns = k->why.invoked_ns = r->time_ns;
        text_add(k, r);
        return 0;
}

static int take_killed(struct oom_log *log, const struct kmsg_record *r)
{
        const struct scan line = scan_of(r->text, r->text_len);
        struct oom_kill *k = oom_kill_new();
        struct oom_open *o;
        int result = 0;

        if (!k)
                return -ENOMEM;
        oom_line_killed(line, k);
        o = open_of_victim(log, k->pid, r);
        if (o) {
                oom_kill_free(k);
                k = open_take(log, (size_t)(o - log->open));
                oom_line_killed(line, k);
        }
        k->time_ns = r->time_ns;
        if (!o && last_explains(&log->last, k)) {
                log->last.time_ns = r->time_ns;
                if (k->pid == log->last.pid) {
                        oom_kill_free(k);
                        return 0;
                }
                k->why = log->last.why;
        } else {
                result = last_remember(log, k);
        }
        text_add(k, r);
        kill_finish(log, k);
        return result;
}

static int take_no_victim(struct oom_log *log, const struct kmsg_record *r)
{
        struct oom_open *o = open_of(log, r);
        struct oom_kill *k;

        if (!o)
                return 0;
        k = open_take(log, (size_t)(o - log->open));
        k->pid = 0;
        k->time_ns = r->time_ns;
        text_add(k, r);
        kill_finish(log, k);
        return 0;
}

static int take_group(struct oom_log *log, const struct kmsg_record *r)
{
        if (log->last.known)
                oom_line_group(scan_of(r->text, r->text_len), log->last.why.killed_as_group);
        log->last.time_ns = r->time_ns;
        return 0;
}

static int take_reaped(struct oom_log *log, const struct kmsg_record *r)
{
        struct oom_log_event event = {.kind = OOM_EVENT_REAPED, .time_ns = r->time_ns};

        if (oom_line_reaped(scan_of(r->text, r->text_len), &event.reaped))
                event_add(log, &event);
        return 0;
}

static int take_other(struct oom_log *log, const struct kmsg_record *r)
{
        const struct scan line = scan_of(r->text, r->text_len);
        struct oom_open *o = open_of(log, r);
        struct oom_kill *k = o ? o->kill : NULL;
        struct scan begin = line;
        int n;

        if (!k)
                return 0;
        n = oom_table_row(line, &o->columns, k);
        if (n == 0 && oom_table_header(line, &o->columns))
                n = 1;
        if (n == 0)
                oom_line_detail(line, k);
        if (scan_word(&begin, "Mem-Info:") || scan_word(&begin, "Memory cgroup stats for ")) {
                k->info_start = k->text.len;
                o->in_info = true;
        } else if (n != 0 || scan_word(&begin, "Tasks state ")) {
                o->in_info = false;
        }
        text_add(k, r);
        if (o->in_info)
                k->info_len = k->text.len - k->info_start;
        return n < 0 ? n : 0;
}

int oom_log_feed(struct oom_log *log, const struct kmsg_record *r)
{
        if (log->n_events > 0)
                return -EBUSY;
        if (r->facility != KMSG_FACILITY_KERNEL)
                return 0;
        for (size_t i = open_count(log); i-- > 0;) {
                log->open[i].kill->lost += r->lost;
                if (r->time_ns > log->open[i].kill->why.invoked_ns &&
                    r->time_ns - log->open[i].kill->why.invoked_ns > OPEN_MAX_NS)
                        open_expire(log, i);
        }
        switch (oom_line_kind(scan_of(r->text, r->text_len))) {
        case OOM_LINE_INVOKED:
                return take_invoked(log, r);
        case OOM_LINE_KILLED:
                return take_killed(log, r);
        case OOM_LINE_NO_VICTIM:
                return take_no_victim(log, r);
        case OOM_LINE_GROUP:
                return take_group(log, r);
        case OOM_LINE_REAPED:
                return take_reaped(log, r);
        case OOM_LINE_OTHER:
                return take_other(log, r);
        }
        return 0;
}

void oom_log_flush(struct oom_log *log)
{
        while (log->open[0].kill)
                open_expire(log, 0);
}

void oom_log_done(struct oom_log *log)
{
        for (size_t i = 0; i < log->n_events; i++)
                oom_kill_free(log->events[i].kill);
        for (size_t i = 0; i < OOM_OPEN_MAX; i++)
                oom_kill_free(log->open[i].kill);
        last_forget(log);
        *log = (struct oom_log){0};
}
