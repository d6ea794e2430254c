/* SPDX-License-Identifier: MIT */
/* malloc_info - what the allocator itself says, asked by a thread of the process (injector/call/remote_call.h): proc/PID/malloc_info.
 *
 * Only for whoever asks for it (--malloc-info): a thread is disturbed, and glibc holds each arena's lock while it counts, 0.2 s
 * for a heap of 1 GB.  The arenas' locks are other threads', which run on and let go of them; a thread that holds one
 * itself is never chosen (thread_check.h).
 *
 * Several allocators may be there (redis is linked with jemalloc, and has another one preloaded): the loader says which of them
 * malloc() is, and that one is asked.
 *
 *   totals.tsv   in the bundle's words, whatever the allocator
 *   text         malloc_info()'s XML, or tcmalloc's statistics, as they are
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "capture/collectors.h"
#include "injector/call/call_target.h"

/* Left for writing, and to let go of a thread whose call does not return. */
#define WRITING_NS (500 * NS_PER_MS)

enum figure { IN_USE, FREE_HELD, MMAPPED, TOP, RESIDENT, FIGURES };
static const char *const figure_names[FIGURES] = {"in_use", "free_held", "mmapped", "top", "resident"};

struct ask {
        const struct call_target *target;
        uint64_t end_ns;                   /* CLOCK_MONOTONIC */
        const struct code_module *serving; /* whose malloc() the program calls; NULL: not known */
        uint64_t malloc, free;             /* the program's */
        const char *allocator;
        uint64_t figures[FIGURES];
        unsigned known; /* bits */
        struct buf text;
};

static uint64_t left_ns(const struct ask *a)
{
        uint64_t now = clock_monotonic_ns();

        return now < a->end_ns ? a->end_ns - now : 1;
}

static void tell(struct ask *a, enum figure figure, uint64_t value)
{
        a->figures[figure] = value;
        a->known |= 1U << figure;
}

static int call(struct ask *a, struct remote_thread *t, uint64_t function,
                const struct call_argument *arguments, size_t n, uint64_t *ret)
{
        return function ? remote_call(t, function, arguments, n, left_ns(a), ret) : -ENOSYS;
}

static struct call_argument number(uint64_t value)
{
        return (struct call_argument){.number = value};
}

static struct call_argument memory(void *at, size_t bytes, bool back)
{
        return (struct call_argument){.memory = at, .bytes = bytes, .back = back};
}

/* dlsym(RTLD_DEFAULT, name): the first in the order in which the program looks for it.  0: it did not say. */
static uint64_t ask_loader(struct ask *a, struct remote_thread *t, const char *name)
{
        struct call_argument arguments[] = {number(0), memory((char *)name, strlen(name) + 1, false)};
        uint64_t result = 0;

        if (call(a, t, code_map_find(&a->target->code, CODE_LIBC, "dlsym"), arguments, ARRAY_SIZE(arguments),
                 &result) < 0)
                return 0;
        return result;
}

/* The module that defines the function at this address.  In a program at a fixed address the loader's word may be a stub in the
 * program itself, which is as good to be called, but says nothing. */
static const struct code_module *definer(const struct ask *a, const char *name, uint64_t address)
{
        const struct code_module *m = address ? code_map_module(&a->target->code, address) : NULL;

        return m && module_view_function(&m->view, name) == address ? m : NULL;
}

static void find_serving(struct ask *a, struct remote_thread *t)
{
        /* Programs take the addresses of the first ones (CPython), not of the last. */
        static const char *const others[] = {"calloc", "realloc", "memalign", "malloc_usable_size"};

        a->malloc = ask_loader(a, t, "malloc");
        a->free = a->malloc ? ask_loader(a, t, "free") : 0;
        if (!a->malloc || !a->free) {
                a->malloc = code_map_find_any(&a->target->code, "malloc");
                a->free = code_map_find_any(&a->target->code, "free");
                return;
        }
        a->serving = definer(a, "malloc", a->malloc);
        for (size_t i = 0; !a->serving && i < ARRAY_SIZE(others); i++)
                a->serving = definer(a, others[i], ask_loader(a, t, others[i]));
        /* Our agent stands in front of another one. */
        if (a->serving && strstr(a->serving->name, "libswansong"))
                a->serving = NULL;
}

/* A function of the allocator's. */
static uint64_t find(const struct ask *a, const char *name)
{
        return a->serving ? module_view_function(&a->serving->view, name)
                          : code_map_find_any(&a->target->code, name);
}

/* --- glibc --- */

/* struct mallinfo2, malloc.h since 2.33. */
struct mallinfo2_ {
        uint64_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

static void read_text(struct ask *a, const struct remote_thread *t, uint64_t at, uint64_t bytes)
{
        char piece[4096];

        while (bytes > 0 && !a->text.cut) {
                size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

                if (pread(t->memory_fd, piece, n, (off_t)at) != (ssize_t)n)
                        return;
                buf_add(&a->text, piece, n);
                at += n;
                bytes -= n;
        }
}

/* malloc_info() writes to a stream: one that grows in the process's own memory.  Its address and length need a place that
 * stays from call to call. */
static int ask_glibc_text(struct ask *a, struct remote_thread *t)
{
        const struct code_map *code = &a->target->code;
        uint64_t place = 0, stream = 0, ends[2];
        struct call_argument where[2], info[2];
        int r;

        r = call(a, t, a->malloc, (struct call_argument[]){number(sizeof(ends))}, 1, &place);
        if (r < 0 || !place)
                return r < 0 ? r : -ENOMEM;
        where[0] = number(place);
        where[1] = number(place + 8);
        r = call(a, t, code_map_find(code, CODE_LIBC, "open_memstream"), where, 2, &stream);
        if (r == 0 && stream) {
                info[0] = number(0);
                info[1] = number(stream);
                r = call(a, t, code_map_find(code, CODE_LIBC, "malloc_info"), info, 2, NULL);
                if (r == 0)
                        r = call(a, t, code_map_find(code, CODE_LIBC, "fclose"), info + 1, 1, NULL);
                if (r == 0 && pread(t->memory_fd, ends, sizeof(ends), (off_t)place) == sizeof(ends)) {
                        read_text(a, t, ends[0], ends[1]);
                        r = call(a, t, a->free, (struct call_argument[]){number(ends[0])}, 1, NULL);
                }
        }
        /* After a call that did not return there is no thread to free it with. */
        if (t->stopped)
                call(a, t, a->free, where, 1, NULL);
        return r;
}

static int ask_glibc(struct ask *a, struct remote_thread *t)
{
        uint64_t function = code_map_find(&a->target->code, CODE_LIBC, "mallinfo2");
        struct mallinfo2_ m = {0};

        a->allocator = "glibc";
        if (function) {
                struct call_argument result = memory(&m, sizeof(m), true);
                int r = call(a, t, function, &result, 1, NULL);

                if (r < 0)
                        return r;
                tell(a, IN_USE, m.uordblks + m.hblkhd);
                tell(a, FREE_HELD, m.fordblks);
                tell(a, MMAPPED, m.hblkhd);
                tell(a, TOP, m.keepcost);
        }
        return ask_glibc_text(a, t);
}

/* --- jemalloc --- */

/* mallctl(name, &value, &size, NULL, 0).  False: there is no such figure. */
static bool jemalloc_figure(struct ask *a, struct remote_thread *t, uint64_t mallctl, const char *name,
                            uint64_t *ret)
{
        uint64_t value = 0, size = sizeof(value), result = 1;
        struct call_argument arguments[] = {memory((char *)name, strlen(name) + 1, false),
                                            memory(&value, sizeof(value), true),
                                            memory(&size, sizeof(size), false), number(0), number(0)};

        if (call(a, t, mallctl, arguments, ARRAY_SIZE(arguments), &result) < 0 || (int32_t)result != 0)
                return false;
        *ret = value;
        return true;
}

static int ask_jemalloc(struct ask *a, struct remote_thread *t)
{
        uint64_t mallctl = find(a, "mallctl"), epoch = 1, allocated, active, resident;
        struct call_argument renew[] = {memory((char *)"epoch", sizeof("epoch"), false), number(0), number(0),
                                        memory(&epoch, sizeof(epoch), false), number(sizeof(epoch))};
        int r = call(a, t, mallctl, renew, ARRAY_SIZE(renew), NULL);

        a->allocator = "jemalloc";
        if (r < 0)
                return r;
        if (!jemalloc_figure(a, t, mallctl, "stats.allocated", &allocated))
                return -ENODATA;
        tell(a, IN_USE, allocated);
        if (jemalloc_figure(a, t, mallctl, "stats.active", &active) && active >= allocated)
                tell(a, FREE_HELD, active - allocated);
        if (jemalloc_figure(a, t, mallctl, "stats.resident", &resident))
                tell(a, RESIDENT, resident);
        return 0;
}

/* --- tcmalloc --- */

static bool tcmalloc_figure(struct ask *a, struct remote_thread *t, const char *name, uint64_t *ret)
{
        uint64_t value = 0, result = 0;
        struct call_argument arguments[] = {memory((char *)name, strlen(name) + 1, false),
                                            memory(&value, sizeof(value), true)};

        if (call(a, t, find(a, "MallocExtension_GetNumericProperty"), arguments, 2, &result) < 0 ||
            (int32_t)result == 0)
                return false;
        *ret = value;
        return true;
}

static int ask_tcmalloc(struct ask *a, struct remote_thread *t)
{
        uint64_t in_use, heap, unmapped;
        char text[8192] = "";
        struct call_argument statistics[] = {memory(text, sizeof(text), true), number(sizeof(text))};

        a->allocator = "tcmalloc";
        if (!tcmalloc_figure(a, t, "generic.current_allocated_bytes", &in_use))
                return -ENODATA;
        tell(a, IN_USE, in_use);
        if (tcmalloc_figure(a, t, "generic.heap_size", &heap) &&
            tcmalloc_figure(a, t, "tcmalloc.pageheap_unmapped_bytes", &unmapped) && heap >= unmapped) {
                tell(a, RESIDENT, heap - unmapped);
                if (heap - unmapped >= in_use)
                        tell(a, FREE_HELD, heap - unmapped - in_use);
        }
        if (call(a, t, find(a, "MallocExtension_GetStats"), statistics, 2, NULL) == 0)
                buf_add(&a->text, text, strnlen(text, sizeof(text)));
        return 0;
}

/* The first whose function is there. */
static const struct {
        const char *function;
        int (*ask)(struct ask *a, struct remote_thread *t);
} allocators[] = {
        {"mallctl", ask_jemalloc},
        {"MallocExtension_GetNumericProperty", ask_tcmalloc},
        {"malloc_info", ask_glibc},
};

static int ask_it(struct remote_thread *t, void *arg)
{
        struct ask *a = arg;

        find_serving(a, t);
        for (size_t i = 0; i < ARRAY_SIZE(allocators); i++)
                if (find(a, allocators[i].function))
                        return allocators[i].ask(a, t);
        return -ENOSYS;
}

/* --- the sections --- */

static void write_totals(struct collect *c, const struct collector *row, const struct ask *a)
{
        char path[96], text[512];
        struct buf b = BUF_FIXED(text, sizeof(text));

        buf_printf(&b, "what\tvalue\nallocator\t%s\n", a->allocator);
        for (int i = 0; i < FIGURES; i++)
                if (a->known & 1U << i)
                        buf_printf(&b, "%s\t%" PRIu64 "\n", figure_names[i], a->figures[i]);
        snprintf(path, sizeof(path), "proc/%d/%s/totals.tsv", c->target->pid, row->name);
        section_put(c->writer, path, b.data, b.len);
        if (a->text.len == 0)
                return;
        snprintf(path, sizeof(path), "proc/%d/%s/text", c->target->pid, row->name);
        section_put(c->writer, path, a->text.data, a->text.len);
}

void malloc_info_make(struct collect *c, const struct collector *row)
{
        struct call_target target;
        struct ask a = {.target = &target,
                        .end_ns = c->progress->deadline_ns - WRITING_NS,
                        .text = BUF_GROWING((size_t)row->cap)};
        struct diag d = {""};
        char path[96];
        int r;

        if (!c->with_malloc_info)
                return;
        r = call_target_make(c->target, &target, &d);
        if (r == 0) {
                r = call_target_use(&target, left_ns(&a) / 2, ask_it, &a, NULL, &d);
                if (r == -ENOSYS && a.serving)
                        diag_set(&d, r, "%s has no figures that can be asked for", a.serving->name);
                call_target_done(&target);
        }
        snprintf(path, sizeof(path), "proc/%d/%s", c->target->pid, row->name);
        if (a.known)
                write_totals(c, row, &a);
        else if (collect_target_died(c))
                section_died(c->writer, path, row->optional);
        else
                section_missing(c->writer, path, row->optional, -r, d.text[0] ? d.text : NULL);
        buf_done(&a.text);
}
