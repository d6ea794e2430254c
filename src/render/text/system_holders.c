/* SPDX-License-Identifier: MIT */
/* Who holds the machine's memory: processes, programs, memory groups. */
#include <inttypes.h>

#include "render/text/text.h"

/* In a report that is about one process the machine is the background. */
#define ROWS_BESIDE 5
#define ROWS_ALONE  10

static size_t rows(const struct text *t, size_t n)
{
        return text_rows(t, n, t->r->machine_only ? ROWS_ALONE : ROWS_BESIDE);
}

static void add_score(const struct text *t, int32_t score)
{
        if (score == REPORT_UNKNOWN_INT)
                buf_printf(t->out, "%6s", "?");
        else
                buf_printf(t->out, "%6d", score);
}

static void add_process(const struct text *t, const struct report_machine_process *p)
{
        buf_str(t->out, "  ");
        text_size_cell(t, p->rss);
        text_size_cell(t, p->swap);
        add_score(t, p->oom_score);
        add_score(t, p->oom_score_adj);
        buf_printf(t->out, " %8d  ", p->pid);
        text_escaped(t, p->comm, 16);
        if (p->group) {
                text_pad(t, 59);
                buf_char(t->out, ' ');
                text_escaped_tail(t, p->group, text_left(t));
        }
        buf_char(t->out, '\n');
}

static void add_processes(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        uint64_t rest_rss = s->total_rss, rest_swap = s->total_swap;
        size_t shown = rows(t, s->n_processes), begin = text_begin(t);
        char count[COUNT_TEXT];

        if (s->n_processes == 0)
                return;
        buf_printf(t->out, "  %s processes that could be seen, RSS ", text_count(s->processes_seen, count));
        text_size(t, s->total_rss);
        buf_str(t->out, " together (shared pages count in each); the largest:");
        text_wrap(t, begin, 4);
        buf_str(t->out, "  ");
        text_heading(t, "RSS");
        text_heading(t, "swap");
        buf_str(t->out, " score   adj      PID  name             group\n");
        for (size_t i = 0; i < shown; i++) {
                add_process(t, &s->processes[i]);
                rest_rss -= s->processes[i].rss < rest_rss ? s->processes[i].rss : rest_rss;
                rest_swap -= s->processes[i].swap < rest_swap ? s->processes[i].swap : rest_swap;
        }
        if (s->processes_seen > shown && s->total_rss != REPORT_UNKNOWN && s->total_swap != REPORT_UNKNOWN) {
                buf_str(t->out, "  ");
                text_size_cell(t, rest_rss);
                text_size_cell(t, rest_swap);
                buf_printf(t->out, "  in %s others\n", text_count(s->processes_seen - shown, count));
        }
}

/* Only where that says something else than the list of processes: several of one name. */
static void add_names(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t several = 0, shown = 0;
        char count[COUNT_TEXT];

        for (size_t i = 0; i < s->n_names; i++)
                several += s->names[i].processes > 1;
        if (several == 0)
                return;
        buf_str(t->out, "  processes of one name together, the largest first:\n");
        for (size_t i = 0; i < s->n_names && shown < rows(t, several); i++) {
                if (s->names[i].processes < 2)
                        continue;
                buf_str(t->out, "  ");
                text_size_cell(t, s->names[i].rss);
                text_size_cell(t, s->names[i].swap);
                buf_printf(t->out, " %10s processes  ", text_count(s->names[i].processes, count));
                text_escaped(t, s->names[i].comm, text_left(t));
                buf_char(t->out, '\n');
                shown++;
        }
}

static void add_groups(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t shown = rows(t, s->n_groups), begin = text_begin(t);
        char count[COUNT_TEXT];

        if (s->n_groups == 0)
                return;
        buf_printf(t->out, "  %s memory groups; the largest by what is not in groups below them:",
                   text_count(s->groups_seen, count));
        text_wrap(t, begin, 4);
        buf_str(t->out, "  ");
        text_heading(t, "own");
        text_heading(t, "usage");
        text_heading(t, "limit");
        buf_str(t->out, " processes  group\n");
        for (size_t i = 0; i < shown; i++) {
                const struct report_machine_group *g = &s->groups[i];

                buf_str(t->out, "  ");
                text_size_cell(t, g->own);
                text_size_cell(t, g->usage);
                if (g->limit == REPORT_UNKNOWN)
                        text_heading(t, "none");
                else
                        text_size_cell(t, g->limit);
                buf_printf(t->out, " %9s  ",
                           g->processes == REPORT_UNKNOWN ? "?" : text_count(g->processes, count));
                text_escaped_tail(t, g->path, text_left(t));
                buf_char(t->out, '\n');
        }
        text_more(t, s->n_groups - shown, "groups");
}

void text_system_holders(const struct text *t)
{
        add_processes(t);
        add_names(t);
        add_groups(t);
}
