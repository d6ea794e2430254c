/* SPDX-License-Identifier: MIT */
/* What the kernel itself logged about the kill.  The process that died and the thread whose allocation found no
 * memory are always named apart, also where they are the same: confusing them is the usual mistake. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "render/text/first.h"

#define NAME_COLUMNS 15
#define TASK_ROWS    10
#define LOG_ROWS     24 /* of the raw text */
#define LOG_END      2  /* of these, from its end: the constraint, and the kill */

/* The kernel cuts a line of its log at 1 KiB; a bundle may hold anything. */
#define LINE_MAX_COLUMNS 2000

static void add_process(const struct text *t, const char *comm, int32_t pid, const char *what)
{
        text_escaped(t, comm, 40);
        if (pid > 0)
                buf_printf(t->out, " (%s%" PRId32 ")", what, pid);
}

static void add_cause(const struct text *t, const struct report_kill *k)
{
        if (k->scope && strcmp(k->scope, "machine") == 0) {
                buf_str(t->out, "the machine had no memory left");
                return;
        }
        buf_str(t->out, k->group ? "memory group " : "its memory group");
        if (k->group)
                text_escaped(t, k->group, 200);
        buf_str(t->out, " reached its limit");
        if (k->limit != REPORT_UNKNOWN) {
                buf_str(t->out, " of ");
                text_size(t, k->limit);
        }
}

static bool trigger_known(const struct report_kill *k)
{
        return k->trigger_comm || k->trigger_pid > 0;
}

static void add_request(const struct text *t, const struct report_kill *k)
{
        if (k->order == -1)
                buf_str(t->out, ", by hand (SysRq)");
        else if (k->order != REPORT_UNKNOWN_INT)
                buf_printf(t->out, ", order %" PRId32, k->order);
        if (k->gfp_mask) {
                buf_str(t->out, ", ");
                text_escaped(t, k->gfp_mask, 120);
        }
}

/* The watcher's own sentence stands two lines above, and names the group. */
static bool said_why(const struct report *r)
{
        return r->trigger.sentence && r->kill->was_target && r->kill->group &&
               strstr(r->trigger.sentence, r->kill->group);
}

void text_first_kill(const struct text *t)
{
        const struct report_kill *k = t->r->kill;
        size_t begin = text_begin(t);

        if (!k)
                return;
        text_label(t, "Kernel");
        buf_str(t->out, "killed ");
        add_process(t, k->victim_comm, k->victim_pid, "");
        if (!k->was_target)
                buf_str(t->out, ", by its PID not this process");
        if (k->scope && !said_why(t->r)) {
                buf_str(t->out, ": ");
                add_cause(t, k);
        }
        if (trigger_known(k)) {
                buf_str(t->out, "; the allocation was ");
                text_escaped(t, k->trigger_comm, 40);
                buf_str(t->out, "'s");
                if (k->trigger_pid > 0)
                        buf_printf(t->out, " (thread %" PRId32 ")", k->trigger_pid);
                add_request(t, k);
        }
        text_wrap(t, begin, LABEL_COLUMNS);
}

static size_t fact_begin(const struct text *t, const char *name)
{
        size_t begin = text_begin(t);

        buf_printf(t->out, "  %-*s", NAME_COLUMNS - 2, name);
        return begin;
}

static void add_victim(const struct text *t, const struct report_kill *k)
{
        size_t begin = fact_begin(t, "victim");

        add_process(t, k->victim_comm, k->victim_pid, "PID ");
        if (k->uid != REPORT_UNKNOWN)
                buf_printf(t->out, ", uid %" PRIu64, k->uid);
        if (k->oom_score_adj != REPORT_UNKNOWN_INT)
                buf_printf(t->out, ", OOM score adj %" PRId32, k->oom_score_adj);
        buf_str(t->out, k->was_target ? ": this process" : ": by its PID not this process");
        text_wrap(t, begin, NAME_COLUMNS);
}

static void add_trigger(const struct text *t, const struct report_kill *k)
{
        size_t begin = fact_begin(t, "trigger");

        if (trigger_known(k)) {
                add_process(t, k->trigger_comm, k->trigger_pid, "thread ");
                add_request(t, k);
        } else {
                buf_str(t->out, "not logged");
        }
        text_wrap(t, begin, NAME_COLUMNS);
}

/* The function whose allocation it was, with what was inlined into it. */
static void add_place(const struct text *t, const struct report_kill *k)
{
        for (size_t i = 0; i < k->n_trigger_frames; i++) {
                size_t begin = fact_begin(t, i == 0 ? "in" : "");

                text_frame(t, &k->trigger_frames[i]);
                text_wrap(t, begin, NAME_COLUMNS);
        }
}

static void add_because(const struct text *t, const struct report_kill *k)
{
        size_t begin = fact_begin(t, "because");

        if (!k->scope)
                buf_str(t->out, "not logged");
        else
                add_cause(t, k);
        if (k->usage != REPORT_UNKNOWN) {
                buf_str(t->out, ", ");
                text_size(t, k->usage);
                buf_str(t->out, " used");
        }
        if (k->constraint) {
                buf_str(t->out, ", ");
                text_escaped(t, k->constraint, 40);
        }
        if (k->killed_as_group) {
                buf_str(t->out, "; with it all of ");
                text_escaped(t, k->killed_as_group, 200);
                buf_str(t->out, " (memory.oom.group)");
        }
        text_wrap(t, begin, NAME_COLUMNS);
}

static void add_amounts(const struct text *t, const struct report_kill *k)
{
        const struct {
                const char *name;
                uint64_t bytes;
        } amounts[] = {{"anonymous", k->anon_rss},
                       {"file", k->file_rss},
                       {"shared", k->shmem_rss},
                       {"page tables", k->page_tables},
                       {"address space", k->total_vm}};
        size_t begin = fact_begin(t, "it held");

        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
                buf_printf(t->out, "%s%s ", i ? ", " : "", amounts[i].name);
                text_size(t, amounts[i].bytes);
        }
        text_wrap(t, begin, NAME_COLUMNS);
}

static void add_tasks(const struct text *t, const struct report_kill *k)
{
        size_t shown = text_rows(t, k->n_tasks, TASK_ROWS);
        char count[COUNT_TEXT];

        if (k->n_tasks == 0)
                return;
        buf_printf(t->out, "  whom it could choose from, the largest of %s:\n       PID    adj",
                   text_count(k->tasks_listed, count));
        text_heading(t, "RSS");
        buf_str(t->out, "  command\n");
        for (size_t i = 0; i < shown; i++) {
                const struct report_kill_task *task = &k->tasks[i];

                buf_printf(t->out, "%c %8" PRId32, task->pid == k->victim_pid ? '*' : ' ', task->pid);
                if (task->oom_score_adj == REPORT_UNKNOWN_INT)
                        buf_printf(t->out, " %6s", "?");
                else
                        buf_printf(t->out, " %6" PRId32, task->oom_score_adj);
                text_size_cell(t, task->rss);
                buf_str(t->out, "  ");
                text_escaped(t, task->comm, text_left(t));
                buf_char(t->out, '\n');
        }
        text_more(t, k->n_tasks - shown, "of them");
}

static void add_line(const struct text *t, const char *line, size_t n)
{
        _cleanup_free_ char *copy = strndup(line, n);
        size_t begin = text_begin(t);

        buf_str(t->out, "  | ");
        text_escaped(t, copy, LINE_MAX_COLUMNS);
        text_wrap(t, begin, 6);
}

static size_t count_lines(const char *s)
{
        size_t n = 0;

        for (; *s; s += strcspn(s, "\n"), s += *s == '\n')
                n++;
        return n;
}

/* Its beginning says who asked for what, its end who was killed. */
static void add_log(const struct text *t, const struct report_kill *k)
{
        size_t n = k->text ? count_lines(k->text) : 0, shown = text_rows(t, n, LOG_ROWS), i = 0;
        bool cut = shown < n;

        if (n == 0)
                return;
        buf_str(t->out, "  its log:\n");
        for (const char *s = k->text; *s; i++) {
                size_t length = strcspn(s, "\n");

                if (cut && i == LOG_ROWS - LOG_END)
                        text_more(t, n - shown, "lines");
                if (!cut || i < LOG_ROWS - LOG_END || i >= n - LOG_END)
                        add_line(t, s, length);
                s += length;
                s += *s == '\n';
        }
}

void text_kill(const struct text *t)
{
        const struct report_kill *k = t->r->kill;
        char time[CLOCK_TEXT];

        if (!k)
                return;
        text_title(t, "THE KERNEL'S WORD",
                   k->time_ns == REPORT_UNKNOWN ? NULL : clock_rfc3339(k->time_ns, time));
        add_victim(t, k);
        add_trigger(t, k);
        add_place(t, k);
        add_because(t, k);
        add_amounts(t, k);
        add_tasks(t, k);
        add_log(t, k);
}
