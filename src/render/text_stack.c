/* SPDX-License-Identifier: MIT */
#include "render/text_stack.h"

#include <string.h>

#define TIDS_SHOWN 12

static int by_number(const void *a, const void *b)
{
        const struct stack_group *x = a, *y = b;

        if (x->n_threads != y->n_threads)
                return x->n_threads < y->n_threads ? 1 : -1;
        return x->first < y->first ? -1 : x->first > y->first;
}

size_t stack_groups(const struct report *r, struct stack_group **ret)
{
        struct stack_group *groups = r->n_threads ? calloc(r->n_threads, sizeof(*groups)) : NULL;
        size_t n = 0;

        if (!groups)
                return 0;
        for (size_t i = 0; i < r->n_threads; i++) {
                uint64_t first = r->threads[i].same_stack_as;

                if (first >= r->n_threads)
                        first = i;
                groups[first].first = first;
                groups[first].n_threads++;
        }
        for (size_t i = 0; i < r->n_threads; i++)
                if (groups[i].n_threads > 0)
                        groups[n++] = groups[i];
        qsort(groups, n, sizeof(*groups), by_number);
        *ret = groups;
        return n;
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static void add_function(const struct text *t, const struct report_frame *f, size_t max)
{
        if (f->function)
                text_escaped(t, f->function, max);
        else if (f->module && f->module_offset != REPORT_UNKNOWN) {
                text_escaped_tail(t, base_name(f->module), max);
                buf_printf(t->out, "+%#llx", (unsigned long long)f->module_offset);
        } else {
                buf_printf(t->out, "%#llx", (unsigned long long)f->pc);
        }
}

void text_stack_brief(const struct text *t, const struct report_thread *thread, size_t columns)
{
        size_t used = 0;

        if (thread->n_frames == 0) {
                buf_str(t->out, "no stack: ");
                text_escaped(t, thread->reason ? thread->reason : "registers could not be read", columns);
                return;
        }
        for (size_t i = 0; i < thread->n_frames; i++) {
                _cleanup_buf_ struct buf piece = BUF_GROWING(4096);
                struct text part = {t->r, t->style, &piece};
                size_t n;

                add_function(&part, &thread->frames[i], 60);
                n = (piece.data ? text_columns(piece.data) : 0) + (i > 0 ? 3 : 0);
                if (used + n + 4 > columns && i > 0) {
                        buf_str(t->out, " < …");
                        return;
                }
                buf_printf(t->out, "%s%s", i > 0 ? " < " : "", piece.data ? piece.data : "?");
                used += n;
        }
}

static void add_frame(const struct text *t, size_t index, const struct report_frame *f)
{
        if (f->inlined)
                buf_printf(t->out, "  #%-3zu %18s ", index, "(inlined)");
        else
                buf_printf(t->out, "  #%-3zu 0x%016llx ", index, (unsigned long long)f->pc);
        if (f->function)
                text_escaped(t, f->function, 200);
        else
                buf_str(t->out, "??");
        if (f->file) {
                buf_str(t->out, " at ");
                text_escaped_tail(t, f->file, 80);
                if (f->line != REPORT_UNKNOWN)
                        buf_printf(t->out, ":%llu", (unsigned long long)f->line);
        }
        if (f->module && !f->inlined) {
                buf_str(t->out, "  ");
                text_escaped_tail(t, f->file ? base_name(f->module) : f->module, 80);
                if (f->module_offset != REPORT_UNKNOWN)
                        buf_printf(t->out, "+%#llx", (unsigned long long)f->module_offset);
        }
        buf_char(t->out, '\n');
}

static void add_tids(const struct text *t, const struct stack_group *g)
{
        size_t shown = 0;

        for (size_t i = g->first; i < t->r->n_threads && shown < TIDS_SHOWN; i++) {
                const struct report_thread *thread = &t->r->threads[i];

                if (i != g->first && thread->same_stack_as != g->first)
                        continue;
                buf_printf(t->out, "%s%d (", shown ? ", " : "", thread->tid);
                text_escaped(t, thread->comm, 16);
                buf_char(t->out, ')');
                shown++;
        }
        if (g->n_threads > shown)
                buf_printf(t->out, ", … %zu more", g->n_threads - shown);
        buf_char(t->out, '\n');
}

static void add_group(const struct text *t, const struct stack_group *g)
{
        const struct report_thread *thread = &t->r->threads[g->first];

        if (g->n_threads > 1)
                buf_printf(t->out, "\n%zu threads with this stack: ", g->n_threads);
        else
                buf_str(t->out, "\nThread ");
        add_tids(t, g);
        if (thread->state || thread->wchan) {
                buf_str(t->out, "  ");
                text_escaped(t, thread->state, 40);
                if (thread->wchan && *thread->wchan && strcmp(thread->wchan, "0") != 0) {
                        buf_str(t->out, " in the kernel's ");
                        text_escaped(t, thread->wchan, 60);
                }
                buf_char(t->out, '\n');
        }
        for (size_t i = 0; i < thread->n_frames; i++)
                add_frame(t, i, &thread->frames[i]);
        if (thread->reason) {
                buf_str(t->out, "  -- ");
                text_escaped(t, thread->reason, 300);
                buf_char(t->out, '\n');
        }
}

void text_threads(const struct text *t)
{
        _cleanup_free_ struct stack_group *groups = NULL;
        size_t n = stack_groups(t->r, &groups);

        if (t->r->n_threads == 0)
                return;
        text_title(t, "THREADS", "most frequent stack first");
        for (size_t i = 0; i < n; i++)
                add_group(t, &groups[i]);
}
