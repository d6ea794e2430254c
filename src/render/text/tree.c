/* SPDX-License-Identifier: MIT */
/* The process, its ancestors up to PID 1, its descendants: who else holds memory, and whom the kernel
 * would choose. */
#include "render/text/text.h"

#define TREE_ROWS 60

static void add_score(const struct text *t, int32_t score)
{
        if (score == REPORT_UNKNOWN_INT)
                buf_printf(t->out, " %6s", "?");
        else
                buf_printf(t->out, " %6d", score);
}

static void add_row(const struct text *t, const struct report_process_row *p)
{
        static const char marks[] = {[TREE_SELF] = '*', [TREE_ANCESTOR] = ' ', [TREE_DESCENDANT] = '+'};

        if (p->relation == TREE_SELF)
                text_style(t, STYLE_STRONG);
        buf_printf(t->out, "%c %8d", marks[p->relation], p->pid);
        add_score(t, p->oom_score);
        add_score(t, p->oom_score_adj);
        text_size_cell(t, p->rss);
        text_size_cell(t, p->pss);
        text_size_cell(t, p->uss);
        text_size_cell(t, p->swap);
        buf_str(t->out, "  ");
        text_escaped(t, p->comm, text_left(t));
        if (p->relation == TREE_SELF)
                text_style(t, STYLE_PLAIN);
        buf_char(t->out, '\n');
}

void text_tree(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = text_rows(t, r->n_tree, TREE_ROWS);

        if (r->n_tree == 0)
                return;
        text_title(t, "PROCESS TREE", "* the process, then its ancestors up to PID 1, + its descendants");
        buf_printf(t->out, "  %8s %6s %6s", "PID", "score", "adj");
        text_heading(t, "RSS");
        text_heading(t, "PSS");
        text_heading(t, "USS");
        text_heading(t, "swap");
        buf_str(t->out, "  command\n");
        for (size_t i = 0; i < shown; i++)
                add_row(t, &r->tree[i]);
        text_more(t, r->n_tree - shown, "processes");
}
