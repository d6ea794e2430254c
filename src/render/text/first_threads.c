/* SPDX-License-Identifier: MIT */
/* What the threads do, a line for each way to be busy or idle: stacks that look the same in one line share
 * it. */
#include <ctype.h>
#include <string.h>

#include "render/stack_brief.h"
#include "render/stack_groups.h"
#include "render/text/first.h"

#define STACK_ROWS  5
#define STATES_MAX  3  /* different letters in one row: R, S, D */
#define BEFORE_ROWS 12 /* columns of "   14 x RS  " */

struct doing {
        char *what;
        size_t n_threads, first; /* thread */
        char states[STATES_MAX + 1];
};

/* A traced thread (t) was held for the capture: that says nothing of what it was doing. */
static void add_state(struct doing *d, const char *state)
{
        char letter = state && isupper((unsigned char)*state) ? *state : '?';
        size_t n = strlen(d->states);

        if (state && *state == 't')
                return;
        if (n < STATES_MAX && !strchr(d->states, letter))
                d->states[n] = letter;
}

static int by_what(const void *a, const void *b)
{
        const struct doing *x = a, *y = b;
        int order = strcmp(x->what, y->what);

        return order ? order : (x->first > y->first) - (x->first < y->first);
}

static int by_number(const void *a, const void *b)
{
        const struct doing *x = a, *y = b;

        if (x->n_threads != y->n_threads)
                return x->n_threads < y->n_threads ? 1 : -1;
        return (x->first > y->first) - (x->first < y->first);
}

/* One row per group, as far as memory goes; how many. */
static size_t rows_of(const struct text *t, const struct stack_groups *groups, struct doing *rows)
{
        size_t columns = t->style->width - LABEL_COLUMNS - BEFORE_ROWS, n = 0;

        for (size_t i = 0; i < groups->n; i++) {
                const struct stack_group *g = &groups->list[i];
                struct buf b = BUF_GROWING(4096);

                stack_brief(&t->r->threads[g->members[0]], columns, &b);
                if (!b.data)
                        continue;
                rows[n] = (struct doing){.what = b.data, .n_threads = g->n, .first = g->members[0]};
                for (size_t k = 0; k < g->n; k++)
                        add_state(&rows[n], t->r->threads[g->members[k]].state);
                n++;
        }
        return n;
}

static size_t merge(struct doing *rows, size_t n)
{
        size_t merged = 0;

        qsort(rows, n, sizeof(*rows), by_what);
        for (size_t i = 0; i < n; i++) {
                struct doing *last = merged ? &rows[merged - 1] : NULL;

                if (last && strcmp(last->what, rows[i].what) == 0) {
                        last->n_threads += rows[i].n_threads;
                        for (const char *s = rows[i].states; *s; s++)
                                add_state(last, s);
                        free(rows[i].what);
                } else {
                        rows[merged++] = rows[i];
                }
        }
        qsort(rows, merged, sizeof(*rows), by_number);
        return merged;
}

void text_first_threads(const struct text *t)
{
        _cleanup_stack_groups_ struct stack_groups groups = {0};
        _cleanup_free_ struct doing *rows = NULL;
        size_t n, shown, others = 0;

        if (t->r->n_threads == 0 || stack_groups_of(t->r, &groups) < 0)
                return;
        rows = calloc(groups.n, sizeof(*rows));
        n = rows ? merge(rows, rows_of(t, &groups, rows)) : 0;
        /* A line that counts the last one would be no shorter. */
        shown = n <= STACK_ROWS ? n : STACK_ROWS - 1;
        for (size_t i = 0; i < n; i++) {
                if (i < shown) {
                        text_label(t, i ? "" : "Threads");
                        buf_printf(t->out, "%5zu x %-3s ", rows[i].n_threads, rows[i].states);
                        buf_str(t->out, rows[i].what);
                        buf_char(t->out, '\n');
                } else {
                        others += rows[i].n_threads;
                }
                free(rows[i].what);
        }
        if (others > 0) {
                text_label(t, "");
                buf_printf(t->out, "%5zu x     in %zu other ways, below\n", others, n - shown);
        }
}
