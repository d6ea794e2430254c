/* SPDX-License-Identifier: MIT */
/* The heap: who holds what the program allocated.  On the first screen the places that hold most, in full below.
 *
 *   Heap       612 MiB ±3 %  61 %  shop::Cache::put at cache.cc:41
 *
 * Shares are those of RSS; where that is not known (a process that nobody looked at before it was killed), of the
 * live heap. */
#include <string.h>

#include "base/clock.h"
#include "render/stack_brief.h"
#include "render/text/first.h"

#define FIRST_ROWS  5
#define PLACE_ROWS  20
#define SITE_ROWS   20
#define FRAME_ROWS  12
#define ARENA_ROWS  8
#define NOTE_ROWS   10
#define PLACE_WORDS 60

static uint64_t whole(const struct report *r)
{
        return r->memory.rss != REPORT_UNKNOWN && r->memory.rss > 0 ? r->memory.rss : r->heap.live_bytes;
}

static const char *whole_name(const struct report *r)
{
        return r->memory.rss != REPORT_UNKNOWN && r->memory.rss > 0 ? "RSS" : "the live heap";
}

/* "±3 %", "exact"; in 8 columns. */
static void add_error(const struct text *t, uint64_t bytes, uint64_t error)
{
        double percent = bytes ? 100 * (double)error / (double)bytes : 0;

        if (error == 0)
                buf_printf(t->out, " %-7s", "exact");
        else if (percent < 1)
                buf_str(t->out, " ±<1 %  ");
        else
                buf_printf(t->out, " ±%.0f %%%*s", percent, percent < 9.5 ? 3 : percent < 99.5 ? 2 : 1, "");
}

/* "shop::Cache::put at cache.cc:41" */
static void add_place(const struct text *t, const struct report_frame *f, size_t words)
{
        if (!f) {
                buf_str(t->out, "call stacks that are not known");
                return;
        }
        if (f->function) {
                text_escaped(t, f->function, words);
        } else if (f->module && f->module_offset != REPORT_UNKNOWN) {
                text_escaped_tail(t, path_base(f->module), words);
                buf_printf(t->out, "+%#llx", (unsigned long long)f->module_offset);
        } else {
                buf_printf(t->out, "%#llx", (unsigned long long)f->pc);
        }
        if (f->file) {
                buf_str(t->out, " at ");
                text_escaped_tail(t, path_base(f->file), 40);
                if (f->line != REPORT_UNKNOWN)
                        buf_printf(t->out, ":%llu", (unsigned long long)f->line);
        }
}

static void add_row(const struct text *t, const struct report_place *p, size_t words)
{
        text_size_cell(t, p->live_bytes);
        add_error(t, p->live_bytes, p->live_error);
        text_share(t, p->live_bytes, whole(t->r));
        buf_str(t->out, "  ");
        add_place(t, p->frame, words);
        if (p->growth_bytes > 0) {
                buf_str(t->out, ", +");
                text_size(t, p->growth_bytes);
        }
}

void text_first_heap(const struct text *t)
{
        const struct report *r = t->r;
        size_t n = r->heap.n_places < FIRST_ROWS ? r->heap.n_places : FIRST_ROWS, begin;

        for (size_t i = 0; i < n; i++) {
                begin = text_begin(t);
                text_label(t, i ? "" : "Heap");
                add_row(t, &r->heap.places[i], PLACE_WORDS);
                text_wrap(t, begin, LABEL_COLUMNS + SIZE_COLUMNS + 16);
        }
        text_first_heaps(t);
        text_first_census(t);
        if (r->heap.source && n == 0 && r->heap.n_types == 0) {
                begin = text_begin(t);
                text_label(t, "Heap");
                text_escaped(
                        t, r->heap.n_remarks ? r->heap.remarks[0] : "nothing that is still held was sampled",
                        300);
                text_wrap(t, begin, LABEL_COLUMNS);
        }
        if (r->n_notes > 0) {
                begin = text_begin(t);
                text_label(t, "Last words");
                buf_char(t->out, ' ');
                text_escaped(t, r->notes[r->n_notes - 1].text, 240);
                text_wrap(t, begin, LABEL_COLUMNS);
        }
}

static void add_totals(const struct text *t)
{
        const struct report *r = t->r;
        char count[COUNT_TEXT];
        size_t begin = text_begin(t);

        buf_str(t->out, "  ");
        text_size(t, r->heap.live_bytes);
        if (r->heap.live_error > 0) {
                buf_str(t->out, " ± ");
                text_size(t, r->heap.live_error);
        }
        buf_printf(t->out, " in %s blocks", text_count(r->heap.live_objects, count));
        if (whole(r) == r->memory.rss) {
                buf_printf(t->out, ", %.0f %% of RSS",
                           100 * (double)r->heap.live_bytes / (double)r->memory.rss);
        }
        buf_str(t->out, "; ");
        text_size(t, r->heap.allocated_bytes);
        buf_str(t->out, r->heap.injected_ns == REPORT_UNKNOWN ? " allocated since the start"
                                                              : " allocated since the agent came");
        text_wrap(t, begin, 4);
        begin = text_begin(t);
        if (r->heap.sample_bytes == 1) {
                buf_str(t->out, "  Every allocation was recorded: the figures are exact.");
        } else {
                buf_printf(t->out, "  Estimated from %s samples, one every ",
                           text_count(r->heap.samples, count));
                text_size(t, r->heap.sample_bytes);
                buf_str(t->out, " on average; the truth lies within ± in 19 of 20 cases.");
        }
        buf_printf(t->out, " Shares are of %s", whole_name(r));
        if (r->heap.growth_seconds > 0) {
                buf_str(t->out, "; + is what was allocated in the last ");
                text_duration(t, r->heap.growth_seconds);
                buf_str(t->out, " where more is held than ever before");
        }
        buf_char(t->out, '.');
        text_wrap(t, begin, 2);
        for (size_t i = 0; i < r->heap.n_remarks; i++) {
                begin = text_begin(t);
                buf_str(t->out, "  -- ");
                text_escaped(t, r->heap.remarks[i], 300);
                text_wrap(t, begin, 5);
        }
}

static void add_site_frame(const struct text *t, const struct report_frame *f)
{
        size_t begin = text_begin(t);

        buf_printf(t->out, "%*s", 2 + SIZE_COLUMNS, "");
        add_place(t, f, 200);
        if (f->inlined) {
                buf_str(t->out, " (inlined)");
        } else if (f->module) {
                buf_str(t->out, "  ");
                text_escaped_tail(t, path_base(f->module), 60);
        }
        text_wrap(t, begin, 4 + SIZE_COLUMNS);
}

static void add_site(const struct text *t, const struct report_site *s)
{
        size_t frames = text_rows(t, s->n_frames, FRAME_ROWS), begin = text_begin(t);
        char count[COUNT_TEXT];

        buf_char(t->out, '\n');
        text_size_cell(t, s->live_bytes);
        add_error(t, s->live_bytes, s->live_error);
        buf_printf(t->out, " in %s %s%s; ", text_count(s->live_objects, count),
                   s->kind && strcmp(s->kind, "mapping") == 0 ? "mapping" : "block",
                   s->live_objects == 1 ? "" : "s");
        if (s->growth_bytes > 0) {
                buf_str(t->out, "+");
                text_size(t, s->growth_bytes);
                buf_str(t->out, "; ");
        }
        text_size(t, s->allocated_bytes);
        buf_str(t->out, " allocated in all, at most ");
        text_size(t, s->peak_bytes);
        buf_str(t->out, " held");
        text_wrap(t, begin, 2 + SIZE_COLUMNS);
        for (size_t i = 0; i < frames; i++)
                add_site_frame(t, &s->frames[i]);
        if (frames < s->n_frames)
                buf_printf(t->out, "%*s… %zu more frames: --all shows them, report.json has them\n",
                           2 + SIZE_COLUMNS, "", s->n_frames - frames);
        else if (!s->complete)
                buf_printf(t->out, "%*s-- its outer frames are not known\n", 2 + SIZE_COLUMNS, "");
}

/* Sites that only allocated and hold nothing are in report.json. */
static size_t n_holding(const struct report *r)
{
        size_t n = 0;

        while (n < r->heap.n_sites && r->heap.sites[n].live_bytes > 0)
                n++;
        return n;
}

static void add_caller(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);

        if (!r->heap.caller)
                return;
        buf_str(t->out, "  -- from whatever place, ");
        text_size(t, r->heap.caller_bytes);
        buf_str(t->out, " of ");
        text_size(t, r->heap.live_bytes);
        buf_str(t->out, " were allocated on behalf of ");
        text_escaped(t, r->heap.caller->function, 200);
        text_wrap(t, begin, 5);
}

void text_heap(const struct text *t)
{
        const struct report *r = t->r;
        size_t places = text_rows(t, r->heap.n_places, PLACE_ROWS), holding = n_holding(r);
        size_t sites = text_rows(t, holding, SITE_ROWS), begin;

        if (!r->heap.source || strcmp(r->heap.source, "census") == 0)
                return;
        text_title(t, "HEAP", "what the program allocated and has not freed, by who allocated it");
        add_totals(t);
        for (size_t i = 0; i < places && r->heap.places[i].live_bytes > 0; i++) {
                begin = text_begin(t);
                add_row(t, &r->heap.places[i], 200);
                text_wrap(t, begin, SIZE_COLUMNS + 16);
        }
        text_more(t, r->heap.n_places - places, "places");
        add_caller(t);
        for (size_t i = 0; i < sites; i++)
                add_site(t, &r->heap.sites[i]);
        text_more(t, holding - sites, "call stacks");
}

static void add_arena(const struct text *t, const struct report_arena *a)
{
        buf_printf(t->out, "  arena %-5llu", (unsigned long long)a->number);
        text_size_cell(t, a->in_use);
        text_size_cell(t, a->free_held);
        text_size_cell(t, a->mmapped);
        text_size_cell(t, a->top);
        buf_char(t->out, '\n');
}

static void add_own_word(const struct text *t)
{
        const struct report *r = t->r;

        if (!r->malloc.own.known)
                return;
        buf_printf(t->out, "  %-11s", "its own");
        text_size_cell(t, r->malloc.own.in_use);
        text_size_cell(t, r->malloc.own.free_held);
        text_size_cell(t, r->malloc.own.mmapped);
        text_size_cell(t, r->malloc.own.top);
        buf_char(t->out, '\n');
}

void text_malloc(const struct text *t)
{
        static const char *const headings[] = {"in use", "free", "mmapped", "top"};
        const struct report *r = t->r;
        size_t rows = text_rows(t, r->malloc.n_arena_rows, ARENA_ROWS);
        char detail[160], when[CLOCK_TEXT];

        if (!r->malloc.allocator || r->malloc.time_ns == REPORT_UNKNOWN)
                return;
        snprintf(detail, sizeof(detail), "as %s, at %s; \"top\" is free at the end of the heap",
                 r->malloc.counted ? "counted from outside" : "the allocator says",
                 clock_rfc3339(r->malloc.time_ns, when));
        text_title(t, "MALLOC", detail);
        buf_printf(t->out, "  %-11s", "");
        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                text_heading(t, headings[i]);
        buf_str(t->out, "\n  ");
        text_escaped(t, r->malloc.allocator, 11);
        text_pad(t, 13);
        text_size_cell(t, r->malloc.in_use);
        text_size_cell(t, r->malloc.free_held);
        text_size_cell(t, r->malloc.mmapped);
        text_size_cell(t, r->malloc.top);
        buf_char(t->out, '\n');
        add_own_word(t);
        for (size_t i = 0; i < rows; i++)
                add_arena(t, &r->malloc.arenas[i]);
        text_more(t, r->malloc.n_arena_rows - rows, "arenas");
}

void text_notes(const struct text *t)
{
        const struct report *r = t->r;
        size_t rows = text_rows(t, r->n_notes, NOTE_ROWS);

        if (r->n_notes == 0)
                return;
        text_title(t, "LAST WORDS", "swansong_note(), the newest last");
        text_more(t, r->n_notes - rows, "earlier");
        for (size_t i = r->n_notes - rows; i < r->n_notes; i++) {
                size_t begin = text_begin(t);
                char when[CLOCK_TEXT];

                buf_printf(t->out, "  %s  ", clock_rfc3339(r->notes[i].time_ns, when));
                text_escaped(t, r->notes[i].text, 240);
                text_wrap(t, begin, 4);
        }
}
