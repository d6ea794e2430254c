/* SPDX-License-Identifier: MIT */
#include "render/json/values.h"

static void put_site(struct json_out *j, const struct report_site *s)
{
        json_put_object_begin(j, NULL);
        json_put_string(j, "kind", s->kind);
        json_put_amount(j, "live_bytes", s->live_bytes);
        json_put_amount(j, "live_error", s->live_error);
        json_put_amount(j, "live_objects", s->live_objects);
        json_put_amount(j, "growth_bytes", s->growth_bytes);
        json_put_amount(j, "growth_error", s->growth_error);
        json_put_amount(j, "allocated_bytes", s->allocated_bytes);
        json_put_amount(j, "allocated_objects", s->allocated_objects);
        json_put_amount(j, "peak_bytes", s->peak_bytes);
        json_put_time(j, "last_growth", s->last_growth_ns);
        json_put_amount(j, "samples", s->samples);
        json_put_amount(j, "place", s->place);
        json_put_bool(j, "complete", s->complete);
        json_put_array_begin(j, "frames");
        for (size_t i = 0; i < s->n_frames; i++)
                json_put_frame(j, NULL, &s->frames[i]);
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_place(struct json_out *j, const struct report_place *p)
{
        json_put_object_begin(j, NULL);
        json_put_amount(j, "live_bytes", p->live_bytes);
        json_put_amount(j, "live_error", p->live_error);
        json_put_amount(j, "live_objects", p->live_objects);
        json_put_amount(j, "growth_bytes", p->growth_bytes);
        json_put_amount(j, "growth_error", p->growth_error);
        json_put_amount(j, "sites", p->n_sites);
        if (p->frame)
                json_put_frame(j, "frame", p->frame);
        else
                json_put_null(j, "frame");
        json_put_object_end(j);
}

static void put_caller(struct json_out *j, const struct report *r)
{
        if (!r->heap.caller) {
                json_put_null(j, "caller");
                return;
        }
        json_put_object_begin(j, "caller");
        json_put_amount(j, "live_bytes", r->heap.caller_bytes);
        json_put_frame(j, "frame", r->heap.caller);
        json_put_object_end(j);
}

void json_put_heap(struct json_out *j, const struct report *r)
{
        if (!r->heap.source) {
                json_put_null(j, "heap");
                return;
        }
        json_put_object_begin(j, "heap");
        json_put_string(j, "source", r->heap.source);
        json_put_amount(j, "sample_bytes", r->heap.sample_bytes);
        json_put_amount(j, "live_bytes", r->heap.live_bytes);
        json_put_amount(j, "live_error", r->heap.live_error);
        json_put_amount(j, "live_objects", r->heap.live_objects);
        json_put_amount(j, "allocated_bytes", r->heap.allocated_bytes);
        json_put_amount(j, "samples", r->heap.samples);
        json_put_time(j, "injected", r->heap.injected_ns);
        json_put_time(j, "detached", r->heap.detached_ns);
        json_put_double(j, "growth_seconds", r->heap.growth_seconds);
        json_put_array_begin(j, "remarks");
        for (size_t i = 0; i < r->heap.n_remarks; i++)
                json_put_string(j, NULL, r->heap.remarks[i]);
        json_put_array_end(j);
        json_put_array_begin(j, "places");
        for (size_t i = 0; i < r->heap.n_places; i++) {
                json_put_line(j);
                put_place(j, &r->heap.places[i]);
        }
        json_put_array_end(j);
        put_caller(j, r);
        json_put_array_begin(j, "sites");
        for (size_t i = 0; i < r->heap.n_sites; i++) {
                json_put_line(j);
                put_site(j, &r->heap.sites[i]);
        }
        json_put_array_end(j);
        json_put_types(j, r);
        json_put_object_end(j);
}

static void put_own_word(struct json_out *j, const struct report *r)
{
        if (!r->malloc.own.known) {
                json_put_null(j, "own");
                return;
        }
        json_put_object_begin(j, "own");
        json_put_amount(j, "in_use", r->malloc.own.in_use);
        json_put_amount(j, "free_held", r->malloc.own.free_held);
        json_put_amount(j, "mmapped", r->malloc.own.mmapped);
        json_put_amount(j, "top", r->malloc.own.top);
        json_put_amount(j, "resident", r->malloc.own.resident);
        json_put_object_end(j);
}

void json_put_malloc(struct json_out *j, const struct report *r)
{
        if (!r->malloc.allocator) {
                json_put_null(j, "malloc");
                return;
        }
        json_put_object_begin(j, "malloc");
        json_put_string(j, "allocator", r->malloc.allocator);
        json_put_time(j, "time", r->malloc.time_ns);
        json_put_amount(j, "in_use", r->malloc.in_use);
        json_put_amount(j, "free_held", r->malloc.free_held);
        json_put_amount(j, "mmapped", r->malloc.mmapped);
        json_put_amount(j, "top", r->malloc.top);
        json_put_amount(j, "resident", r->malloc.resident);
        json_put_amount(j, "n_arenas", r->malloc.n_arenas);
        json_put_array_begin(j, "arenas");
        for (size_t i = 0; i < r->malloc.n_arena_rows; i++) {
                const struct report_arena *a = &r->malloc.arenas[i];

                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_amount(j, "number", a->number);
                json_put_amount(j, "in_use", a->in_use);
                json_put_amount(j, "free_held", a->free_held);
                json_put_amount(j, "mmapped", a->mmapped);
                json_put_amount(j, "top", a->top);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        put_own_word(j, r);
        json_put_object_end(j);
}

void json_put_notes(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "notes");
        for (size_t i = 0; i < r->n_notes; i++) {
                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_time(j, "time", r->notes[i].time_ns);
                json_put_id(j, "tid", r->notes[i].tid, 1);
                json_put_string(j, "text", r->notes[i].text);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}
