/* SPDX-License-Identifier: MIT */
#include "render/stack_brief.h"

#include <string.h>

#include "analysis/stacks/frame_kind.h"

#define PIECES_MAX    64 /* more than any line has room for */
#define PIECE_COLUMNS 48

#define ARROW         " ← "
#define ARROW_COLUMNS 3

const char *path_base(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static bool starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The root of every thread, in static programs too. */
static bool is_root(const struct report_frame *f)
{
        static const char *const names[] = {"_start",
                                            "__libc_start_main",
                                            "__libc_start_main_impl",
                                            "start_thread",
                                            "clone",
                                            "__libc_start_call_main",
                                            "clone3",
                                            "__clone3",
                                            "__clone"};

        for (size_t i = 0; f->function && i < ARRAY_SIZE(names); i++)
                if (strcmp(f->function, names[i]) == 0)
                        return true;
        return false;
}

/* "___pthread_cond_wait", "__GI___nanosleep" and "__libc_malloc" are glibc's names for what a program
 * calls without. */
static const char *without_prefix(const char *name)
{
        static const char *const prefixes[] = {"_", "GI_", "libc_"};
        const char *s = name;

        for (size_t i = 0; *name == '_' && i < ARRAY_SIZE(prefixes);)
                if (starts(s, prefixes[i])) {
                        s += strlen(prefixes[i]);
                        i = 0;
                } else {
                        i++;
                }
        return *s ? s : name;
}

/* The '>' that closes the '<' at s; NULL if there is none. */
static char *closing(char *s)
{
        int depth = 0;

        for (; *s; s++) {
                if (*s == '<')
                        depth++;
                /* "->" closes nothing */
                else if (*s == '>' && s[-1] != '-' && --depth == 0)
                        return s;
        }
        return NULL;
}

/* Template arguments begin at s: it is no operator< or operator<<, and no name in Rust ("<T as Trait>::f",
 * "Vec::<T>"). */
static bool begins_arguments(const char *name, const char *s)
{
        if (*s != '<' || s == name || s[-1] == '<' || s[-1] == ':')
                return false;
        return s - name < 8 || memcmp(s - 8, "operator", 8) != 0;
}

/* "map<int, long>::at" becomes "map::at". */
static void remove_arguments(char *name)
{
        for (char *s = name; *s; s++) {
                char *end = begins_arguments(name, s) ? closing(s) : NULL;

                if (end) {
                        memmove(s, end + 1, strlen(end + 1) + 1);
                        s--;
                }
        }
}

static void add_piece(const struct text *t, const struct report_frame *f)
{
        _cleanup_free_ char *name = NULL;

        if (f->function) {
                name = strdup(frame_in_c_library(f) ? without_prefix(f->function) : f->function);
                if (name)
                        remove_arguments(name);
                text_escaped(t, name, PIECE_COLUMNS);
        } else if (f->module && f->module_offset != REPORT_UNKNOWN) {
                text_escaped_tail(t, path_base(f->module), PIECE_COLUMNS);
                buf_printf(t->out, "+%#llx", (unsigned long long)f->module_offset);
        } else {
                buf_printf(t->out, "%#llx", (unsigned long long)f->pc);
        }
}

/* The frames of interest: of a run inside the C library only the outermost, which is what the program
 * called, and nothing of the run at the root. Their number. */
static size_t choose(const struct report_thread *thread, const struct report_frame *chosen[PIECES_MAX])
{
        size_t n = thread->n_frames, found = 0;

        while (n > 0 && (is_root(&thread->frames[n - 1]) || frame_in_c_library(&thread->frames[n - 1]) ||
                         frame_in_cpp_library(&thread->frames[n - 1])))
                n--;
        if (n == 0) { /* nothing else: then this is what there is to see */
                n = thread->n_frames;
                while (n > 1 && is_root(&thread->frames[n - 1]))
                        n--;
        }
        for (size_t i = 0; i < n; i++) {
                const struct report_frame *f = &thread->frames[i];

                if (i + 1 < n &&
                    ((frame_in_c_library(f) && frame_in_c_library(f + 1)) || frame_is_inlined_std(f)))
                        continue;
                /* The outermost always has its place. */
                if (found == PIECES_MAX)
                        found--;
                chosen[found++] = f;
        }
        return found;
}

struct piece {
        size_t at, len, columns;
};

/* All pieces with arrows between; where they do not fit, without those in the middle: what a thread does,
 * and what it was started for, tell most. */
static void join(const char *text, const struct piece *pieces, size_t n, size_t columns, struct buf *out)
{
        const struct piece *last = &pieces[n - 1];
        size_t used = last->columns, fit = 0;

        for (size_t i = 0; i + 1 < n; i++)
                used += pieces[i].columns + ARROW_COLUMNS;
        if (used > columns)
                columns -= last->columns + 2 * ARROW_COLUMNS + 1 < columns
                                   ? last->columns + 2 * ARROW_COLUMNS + 1
                                   : columns;
        for (used = 0; fit + 1 < n; fit++) {
                used += pieces[fit].columns + (fit ? ARROW_COLUMNS : 0);
                if (fit > 0 && used > columns)
                        break;
                buf_printf(out, "%s%.*s", fit ? ARROW : "", (int)pieces[fit].len, text + pieces[fit].at);
        }
        if (fit + 1 < n)
                buf_str(out, ARROW "…");
        buf_printf(out, "%s%.*s", fit ? ARROW : "", (int)last->len, text + last->at);
}

void stack_brief(const struct report_thread *thread, size_t columns, struct buf *out)
{
        static const struct render_style style = {.width = 80};
        _cleanup_buf_ struct buf all = BUF_GROWING(64 * 1024), line = BUF_GROWING(64 * 1024);
        const struct text t = {NULL, &style, &all}, to = {NULL, &style, out};
        const struct report_frame *chosen[PIECES_MAX];
        struct piece pieces[PIECES_MAX];
        size_t n = choose(thread, chosen);

        for (size_t i = 0; i < n; i++) {
                pieces[i].at = all.len;
                add_piece(&t, chosen[i]);
                pieces[i].len = all.len - pieces[i].at;
                pieces[i].columns = text_columns(all.data + pieces[i].at, pieces[i].len);
        }
        if (n > 0) {
                join(all.data, pieces, n, columns, &line);
        } else {
                buf_str(&line, "no stack: ");
                buf_str(&line, thread->reason ? thread->reason : "its registers are not here");
        }
        text_escaped(&to, line.data, columns);
}
