/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/stacks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/heap/census.h"
#include "analysis/stacks/frames.h"
#include "analysis/stacks/stack_table.h"
#include "analysis/stacks/stacks_input.h"
#include "bundle/reader.h"

/* In all stacks together: an honest bundle of 4,096 threads has 100,000; a forged one must not take for ever. */
#define FRAMES_MAX (4u << 20)

struct analysis {
        struct stacks_input in;
        struct pool *pool;
        struct stack_table stacks;
        size_t *stack_of; /* by thread; SIZE_MAX: none */
};

/* A module's path, or "memory outside all files". */
static const char *where_name(const struct analysis *a, uint64_t address)
{
        const struct module_range *range = modules_find(&a->in.modules, address);

        return range && range->module ? range->module->path : "memory outside all files";
}

/* Why the stack ends where it does: NULL when that is the thread's root. */
static const char *end_reason(const struct analysis *a, const struct unwind_result *r)
{
        char text[256];

        switch (r->end) {
        case UNWIND_ROOT:
                return NULL;
        case UNWIND_NO_MEMORY:
                snprintf(text, sizeof(text), "the stack's memory at 0x%" PRIx64 " was not captured",
                         r->address);
                break;
        case UNWIND_NO_CFI:
                snprintf(text, sizeof(text), "no call frame information at 0x%" PRIx64 " in %s", r->address,
                         where_name(a, r->address));
                break;
        case UNWIND_NO_REGS:
                snprintf(text, sizeof(text),
                         "a register that was not captured is needed at 0x%" PRIx64 " in %s", r->address,
                         where_name(a, r->address));
                break;
        case UNWIND_TOO_DEEP:
                snprintf(text, sizeof(text), "deeper than %d frames", UNWIND_FRAMES_MAX);
                break;
        default:
                snprintf(text, sizeof(text), "the stack is damaged: a frame at 0x%" PRIx64 " repeats",
                         r->address);
                break;
        }
        return pool_strdup(a->pool, text);
}

static int unwind_all(struct analysis *a)
{
        struct unwinder u = unwinder_of(&a->in.modules, &a->in.finder);
        _cleanup_free_ struct unwind_frame *frames = calloc(UNWIND_FRAMES_MAX, sizeof(*frames));
        size_t budget = FRAMES_MAX;
        int r = 0;

        a->stack_of = pool_alloc(a->pool, a->in.n_threads * sizeof(*a->stack_of));
        if (!frames || !a->stack_of)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < a->in.n_threads; i++) {
                const struct thread_entry *t = &a->in.threads[i];
                struct unwind_result result;
                struct unwind_regs regs;

                a->stack_of[i] = SIZE_MAX;
                if (!t->gregs || budget < UNWIND_FRAMES_MAX)
                        continue;
                unwind_regs_load(a->in.core.arch, t->gregs, strcmp(t->how, "syscall") == 0, &regs);
                r = unwind_thread(&u, &regs, frames, &result);
                budget -= result.n_frames;
                if (r == 0)
                        r = stack_table_put(&a->stacks, frames, &result, &a->stack_of[i]);
        }
        row_cache_done(&u.rows);
        return r;
}

/* As gdb shows it: no function of anybody's stands there. */
static void show_trampoline(struct report_frame *shown)
{
        shown->function = "<signal handler called>";
        shown->file = NULL;
        shown->line = REPORT_UNKNOWN;
}

/* The frames of one stack as the report shows them. */
static int stack_show(struct analysis *a, struct stack *s, const struct frame_places *places)
{
        struct report_frame *shown;
        size_t n = 0;

        for (size_t i = 0; i < s->result.n_frames; i++)
                n += frame_place_find(places, unwind_frame_lookup(&s->frames[i]))->n_frames;
        shown = pool_alloc(a->pool, n * sizeof(*shown));
        if (!shown)
                return -ENOMEM;
        s->shown = shown;
        s->n_shown = n;
        for (size_t i = 0; i < s->result.n_frames; i++) {
                const struct unwind_frame *f = &s->frames[i];
                const struct frame_place *p = frame_place_find(places, unwind_frame_lookup(f));

                for (size_t k = 0; k < p->n_frames; k++) {
                        *shown = p->frames[k];
                        shown->pc = f->pc;
                        shown->module_offset =
                                p->module && p->module->has_bias ? f->pc - p->module->bias : REPORT_UNKNOWN;
                        if (f->trampoline && k + 1 == p->n_frames)
                                show_trampoline(shown);
                        shown++;
                }
                if (i == 0)
                        s->n_innermost = p->n_frames;
        }
        s->reason = end_reason(a, &s->result);
        return s->result.end != UNWIND_ROOT && !s->reason ? -ENOMEM : 0;
}

static int resolve_all(struct analysis *a, bool lines)
{
        const struct frame_sources sources = {.modules = &a->in.modules,
                                              .finder = &a->in.finder,
                                              .lines = lines,
                                              .perf_map = a->in.perf_map.data,
                                              .perf_map_len = a->in.perf_map.len};
        _cleanup_free_ uint64_t *lookups = calloc(a->stacks.n_frames + 1, sizeof(*lookups));
        struct frame_places places;
        size_t n = 0;
        int r;

        if (!lookups)
                return -ENOMEM;
        for (size_t i = 0; i < a->stacks.n; i++)
                for (size_t k = 0; k < a->stacks.stacks[i].result.n_frames; k++)
                        lookups[n++] = unwind_frame_lookup(&a->stacks.stacks[i].frames[k]);
        r = frames_resolve(&sources, lookups, n, &places);
        for (size_t i = 0; r == 0 && i < a->stacks.n; i++)
                r = stack_show(a, &a->stacks.stacks[i], &places);
        return r < 0 ? r : stack_table_group(&a->stacks);
}

/* Which modules hold frames, but could not be read? */
static int tell_modules(struct analysis *a)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < a->in.modules.n_modules; i++) {
                const struct module *m = &a->in.modules.modules[i];

                if (m->file && !m->file->elf)
                        r = stacks_missing(&a->in, m->path, true, "no symbols: %s", m->file->why);
        }
        return r;
}

static int fill_threads(struct analysis *a)
{
        struct report_thread *list = pool_alloc(a->pool, a->in.n_threads * sizeof(*list));
        _cleanup_free_ size_t *first = calloc(a->stacks.n + 1, sizeof(*first)); /* thread, by stack */
        _cleanup_fd_ int task = -1;
        char path[48];
        int r = 0;

        snprintf(path, sizeof(path), "proc/%d/task", a->in.report->process.pid);
        task = section_open_dir(a->in.bundle, path);
        if (!list || !first)
                return -ENOMEM;
        a->in.report->threads = list;
        a->in.report->n_threads = a->in.n_threads;
        a->in.report->n_threads_captured = 0;
        for (size_t i = 0; i < a->stacks.n; i++)
                first[i] = SIZE_MAX;
        for (size_t i = 0; r == 0 && i < a->in.n_threads; i++) {
                const struct thread_entry *e = &a->in.threads[i];
                struct report_thread *t = &list[i];

                *t = (struct report_thread){
                        .tid = e->tid, .captured = e->how, .reason = e->reason, .same_stack_as = i};
                if (a->stack_of[i] != SIZE_MAX) {
                        const struct stack *s = &a->stacks.stacks[a->stack_of[i]];

                        t->frames = s->shown;
                        t->n_frames = s->n_shown;
                        t->complete = s->result.end == UNWIND_ROOT;
                        t->reason = t->reason ? t->reason : s->reason;
                        if (first[s->same_as] == SIZE_MAX)
                                first[s->same_as] = i;
                        t->same_stack_as = first[s->same_as];
                        a->in.report->n_threads_captured++;
                } else if (e->gregs) {
                        t->reason = "the other stacks are too large";
                }
                if (task >= 0)
                        r = thread_files_read(task, a->pool, t);
        }
        return r;
}

int stacks_analyse(int bundle_dirfd, const struct stacks_options *o, struct report *r)
{
        struct analysis a = {.pool = &r->pool, .stacks = {.pool = &r->pool}};
        int result = stacks_input_read(&a.in, bundle_dirfd, o, r);

        if (result == 0)
                result = unwind_all(&a);
        if (result == 0)
                result = resolve_all(&a, o->lines);
        if (result == 0)
                result = census_name(&a.in.modules, &a.in.finder, r);
        if (result == 0)
                result = tell_modules(&a);
        if (result == 0)
                result = fill_threads(&a);
        stack_table_done(&a.stacks);
        stacks_input_done(&a.in);
        return result;
}
