/* SPDX-License-Identifier: MIT */
/* Every thread's stack in full; those that are the same are shown once.
 *
 *   14 threads: worker 4712-4724, flusher 4730
 *     13 S (sleeping) in futex_do_wait, 1 R (running)
 *     #0  __futex_abstimed_wait_common at futex-internal.c:87  libc.so.6+0x85f16
 *     #1  wait_for_work at pool.c:64 (inlined)
 */
#include <stdlib.h>
#include <string.h>

#include "render/stack_brief.h"
#include "render/stack_groups.h"
#include "render/text/text.h"

#define GROUPS_MAX  200
#define FRAMES_HEAD 80 /* of a deep stack: so many, and the last */
#define FRAMES_TAIL 20
#define NAMES_MAX   16 /* different thread names, or states, named one by one in a group */
#define RANGES_MAX  40

struct tid_row {
        const char *comm;
        int32_t tid;
};

static int by_comm_and_tid(const void *a, const void *b)
{
        const struct tid_row *x = a, *y = b;
        int order = strcmp(x->comm, y->comm);

        return order ? order : (x->tid > y->tid) - (x->tid < y->tid);
}

/* "worker 4712-4724, flusher 4730" */
static void add_tids(const struct text *t, const struct stack_group *g)
{
        _cleanup_free_ struct tid_row *rows = calloc(g->n, sizeof(*rows));
        size_t ranges = 0;

        for (size_t i = 0; rows && i < g->n; i++) {
                const struct report_thread *thread = &t->r->threads[g->members[i]];

                rows[i] = (struct tid_row){thread->comm ? thread->comm : "?", thread->tid};
        }
        if (rows)
                qsort(rows, g->n, sizeof(*rows), by_comm_and_tid);
        for (size_t i = 0, end; rows && i < g->n; i = end) {
                bool same_name = i > 0 && strcmp(rows[i].comm, rows[i - 1].comm) == 0;

                for (end = i + 1; end < g->n && strcmp(rows[end].comm, rows[i].comm) == 0 &&
                                  rows[end].tid == rows[end - 1].tid + 1;
                     end++)
                        ;
                if (ranges++ >= text_rows(t, SIZE_MAX, RANGES_MAX)) {
                        buf_printf(t->out, ", … and %zu more", g->n - i);
                        return;
                }
                buf_str(t->out, i ? ", " : "");
                if (!same_name) {
                        text_escaped(t, rows[i].comm, 32);
                        buf_char(t->out, ' ');
                }
                buf_printf(t->out, "%d", rows[i].tid);
                if (end > i + 1)
                        buf_printf(t->out, "-%d", rows[end - 1].tid);
        }
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void add_state(const struct text *t, const struct report_thread *thread)
{
        text_escaped(t, thread->state, 40);
        if (thread->wchan && *thread->wchan && strcmp(thread->wchan, "0") != 0) {
                buf_str(t->out, " in the kernel's ");
                text_escaped(t, thread->wchan, 60);
        }
}

/* "13 S (sleeping) in the kernel's futex_do_wait, 1 R (running)" */
static void add_states(const struct text *t, const struct stack_group *g)
{
        const struct report_thread *kinds[NAMES_MAX];
        size_t counts[NAMES_MAX], n = 0, others = 0, begin = text_begin(t);

        for (size_t i = 0; i < g->n; i++) {
                const struct report_thread *thread = &t->r->threads[g->members[i]];
                size_t k = 0;

                while (k < n && !(same_text(kinds[k]->state, thread->state) &&
                                  same_text(kinds[k]->wchan, thread->wchan)))
                        k++;
                if (k == NAMES_MAX) {
                        others++;
                        continue;
                }
                if (k == n) {
                        kinds[n] = thread;
                        counts[n++] = 0;
                }
                counts[k]++;
        }
        buf_str(t->out, "  ");
        for (size_t k = 0; k < n; k++) {
                buf_str(t->out, k ? ", " : "");
                if (g->n > 1)
                        buf_printf(t->out, "%zu ", counts[k]);
                add_state(t, kinds[k]);
        }
        if (others > 0)
                buf_printf(t->out, ", %zu in other states", others);
        text_wrap(t, begin, 4);
}

void text_frame(const struct text *t, const struct report_frame *f)
{
        if (f->function)
                text_escaped(t, f->function, 600);
        else
                buf_printf(t->out, "?? (%#llx)", (unsigned long long)f->pc);
        if (f->file) {
                buf_str(t->out, " at ");
                text_escaped_tail(t, f->file, 100);
                if (f->line != REPORT_UNKNOWN)
                        buf_printf(t->out, ":%llu", (unsigned long long)f->line);
        }
        if (f->inlined) {
                buf_str(t->out, " (inlined)");
        } else if (f->module) {
                buf_str(t->out, "  ");
                /* Where the source is known, which file it was built into is a side note. */
                text_escaped_tail(t, f->file ? path_base(f->module) : f->module, 100);
                if (f->module_offset != REPORT_UNKNOWN)
                        buf_printf(t->out, "+%#llx", (unsigned long long)f->module_offset);
        }
}

static void add_frame(const struct text *t, size_t index, const struct report_frame *f)
{
        size_t begin = text_begin(t);

        buf_printf(t->out, "  #%-3zu ", index);
        text_frame(t, f);
        text_wrap(t, begin, 8);
}

static void add_group(const struct text *t, const struct stack_group *g)
{
        const struct report_thread *thread = &t->r->threads[g->members[0]];
        size_t n = thread->n_frames, begin;
        bool cut = text_rows(t, n, FRAMES_HEAD + FRAMES_TAIL) < n;

        buf_char(t->out, '\n');
        begin = text_begin(t);
        text_style(t, STYLE_STRONG);
        if (g->n > 1)
                buf_printf(t->out, "%zu threads", g->n);
        else
                buf_str(t->out, "Thread");
        text_style(t, STYLE_PLAIN);
        buf_str(t->out, g->n > 1 ? ": " : " ");
        add_tids(t, g);
        text_wrap(t, begin, 4);
        add_states(t, g);
        for (size_t i = 0; i < n; i++) {
                if (cut && i == FRAMES_HEAD) {
                        buf_printf(t->out, "  … %zu frames: --all shows them, report.json has them\n",
                                   n - FRAMES_HEAD - FRAMES_TAIL);
                        i = n - FRAMES_TAIL;
                }
                add_frame(t, i, &thread->frames[i]);
        }
        if (thread->reason) {
                begin = text_begin(t);
                buf_str(t->out, "  -- ");
                text_escaped(t, thread->reason, 300);
                text_wrap(t, begin, 5);
        }
}

void text_threads(const struct text *t)
{
        _cleanup_stack_groups_ struct stack_groups groups = {0};
        char detail[96];
        size_t shown;

        if (t->r->n_threads == 0 || stack_groups_of(t->r, &groups) < 0)
                return;
        shown = text_rows(t, groups.n, GROUPS_MAX);
        snprintf(detail, sizeof(detail), "%zu, with %zu different stack%s; the most frequent first",
                 t->r->n_threads, groups.n, groups.n == 1 ? "" : "s");
        text_title(t, "THREADS", detail);
        for (size_t i = 0; i < shown; i++)
                add_group(t, &groups.list[i]);
        text_more(t, groups.n - shown, "stacks");
}
