/* SPDX-License-Identifier: MIT */
/* File descriptors: how many of which kind, then each of them, the largest first: deleted files and memfds
 * hold memory or disk that no `du` finds. */
#include <string.h>

#include "render/text/text.h"

#define FD_ROWS   40
#define KINDS_MAX 32

static const char *kind_of(const struct report_fd *fd)
{
        return fd->kind ? fd->kind : "other";
}

struct kind {
        const char *name;
        size_t n;
};

static int by_number(const void *a, const void *b)
{
        const struct kind *x = a, *y = b;

        return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->name, y->name);
}

/* "12 file, 3 socket, 1 epoll" */
static void add_kinds(const struct text *t)
{
        struct kind kinds[KINDS_MAX];
        size_t n = 0, others = 0, begin = text_begin(t);

        for (size_t i = 0; i < t->r->n_fds; i++) {
                const char *name = kind_of(&t->r->fds[i]);
                size_t k = 0;

                while (k < n && strcmp(kinds[k].name, name) != 0)
                        k++;
                if (k == KINDS_MAX) {
                        others++;
                        continue;
                }
                if (k == n)
                        kinds[n++] = (struct kind){name, 0};
                kinds[k].n++;
        }
        qsort(kinds, n, sizeof(*kinds), by_number);
        buf_str(t->out, "  ");
        for (size_t k = 0; k < n; k++) {
                buf_printf(t->out, "%s%zu ", k ? ", " : "", kinds[k].n);
                text_escaped(t, kinds[k].name, 16);
        }
        if (others > 0)
                buf_printf(t->out, ", %zu of other kinds", others);
        text_wrap(t, begin, 2);
}

static int by_size(const void *a, const void *b)
{
        const struct report_fd *x = *(const struct report_fd *const *)a,
                               *y = *(const struct report_fd *const *)b;

        if (x->size != y->size) /* those without one last */
                return x->size + 1 < y->size + 1 ? 1 : -1;
        return (x->fd > y->fd) - (x->fd < y->fd);
}

void text_fds(const struct text *t)
{
        const struct report *r = t->r;
        _cleanup_free_ const struct report_fd **rows = r->n_fds ? calloc(r->n_fds, sizeof(*rows)) : NULL;
        size_t shown = text_rows(t, r->n_fds, FD_ROWS);
        char count[COUNT_TEXT];

        if (!rows)
                return;
        for (size_t i = 0; i < r->n_fds; i++)
                rows[i] = &r->fds[i];
        qsort(rows, r->n_fds, sizeof(*rows), by_size);
        text_title(t, "FILE DESCRIPTORS", text_count(r->n_fds, count));
        add_kinds(t);
        for (size_t i = 0; i < shown; i++) {
                buf_printf(t->out, "  %7d  ", rows[i]->fd);
                text_escaped(t, kind_of(rows[i]), 9);
                text_pad(t, 21);
                if (rows[i]->size == REPORT_UNKNOWN)
                        buf_printf(t->out, " %*s", SIZE_COLUMNS, "-");
                else
                        text_size_cell(t, rows[i]->size);
                buf_str(t->out, "  ");
                text_escaped_tail(t, rows[i]->path, text_left(t));
                buf_char(t->out, '\n');
        }
        text_more(t, r->n_fds - shown, "descriptors");
}
