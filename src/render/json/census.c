/* SPDX-License-Identifier: MIT */
#include "render/json/values.h"

static void put_type(struct json_out *j, const struct report_type *t)
{
        json_put_object_begin(j, NULL);
        json_put_string(j, "kind", t->kind);
        json_put_string(j, "name", t->name);
        json_put_string(j, "module", t->module);
        json_put_address(j, "module_offset", t->module_offset);
        json_put_amount(j, "size_max", t->size_max);
        json_put_amount(j, "live_bytes", t->live_bytes);
        json_put_amount(j, "live_objects", t->live_objects);
        json_put_string(j, "contents", t->contents);
        json_put_object_end(j);
}

static void put_sizes(struct json_out *j, const struct report_size_class *sizes, size_t n)
{
        json_put_array_begin(j, "sizes");
        for (size_t i = 0; i < n; i++) {
                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_amount(j, "size_max", sizes[i].size_max);
                json_put_amount(j, "live_bytes", sizes[i].live_bytes);
                json_put_amount(j, "live_objects", sizes[i].live_objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_types(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "types");
        for (size_t i = 0; i < r->heap.n_types; i++) {
                json_put_line(j);
                put_type(j, &r->heap.types[i]);
        }
        json_put_array_end(j);
        put_sizes(j, r->heap.sizes, r->heap.n_sizes);
}

void json_put_census(struct json_out *j, const struct report *r)
{
        if (!r->census.layout) {
                json_put_null(j, "census");
                return;
        }
        json_put_object_begin(j, "census");
        json_put_string(j, "layout", r->census.layout);
        json_put_bool(j, "complete", r->census.complete);
        json_put_amount(j, "system", r->census.system);
        json_put_amount(j, "in_use", r->census.in_use);
        json_put_amount(j, "in_use_blocks", r->census.blocks_in_use);
        json_put_amount(j, "free", r->census.free);
        json_put_amount(j, "free_blocks", r->census.blocks_free);
        json_put_amount(j, "free_largest", r->census.free_largest);
        json_put_amount(j, "cached", r->census.cached);
        json_put_amount(j, "trimmable", r->census.trimmable);
        json_put_amount(j, "top", r->census.top);
        json_put_amount(j, "unseen", r->census.unseen);
        json_put_amount(j, "swapped_pages", r->census.swapped_pages);
        json_put_amount(j, "bytes_read", r->census.read);
        json_put_amount(j, "duration_ns", r->census.duration_ns);
        json_put_amount(j, "sample_pieces", r->census.sample_pieces);
        json_put_amount(j, "sample_error", r->census.sample_error);
        json_put_object_end(j);
}

static void put_heap(struct json_out *j, const struct report_other_heap *h)
{
        json_put_object_begin(j, NULL);
        json_put_string(j, "name", h->name);
        json_put_string(j, "kind", h->kind);
        json_put_string(j, "version", h->version);
        json_put_string(j, "refused", h->refused);
        json_put_amount(j, "system", h->system);
        json_put_amount(j, "in_use", h->in_use);
        json_put_amount(j, "blocks", h->blocks);
        json_put_amount(j, "free", h->free);
        json_put_amount(j, "overhead", h->overhead);
        json_put_amount(j, "returned", h->returned);
        json_put_array_begin(j, "types");
        for (size_t i = 0; i < h->n_types; i++) {
                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_string(j, "name", h->types[i].name);
                json_put_amount(j, "live_bytes", h->types[i].live_bytes);
                json_put_amount(j, "live_objects", h->types[i].live_objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        put_sizes(j, h->sizes, h->n_sizes);
        json_put_object_end(j);
}

void json_put_heaps(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "heaps");
        for (size_t i = 0; i < r->n_heaps; i++) {
                json_put_line(j);
                put_heap(j, &r->heaps[i]);
        }
        json_put_array_end(j);
}
