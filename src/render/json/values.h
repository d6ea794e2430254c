/* SPDX-License-Identifier: MIT */
/* json_values - how report.json writes the kinds of values that a report has: unknown ones are null. */
#ifndef SWANSONG_RENDER_JSON_VALUES_H
#define SWANSONG_RENDER_JSON_VALUES_H

#include "analysis/report.h"
#include "base/json_out.h"

/* Bytes, ns, counts. null too for what no honest number can be: above 2^63 many readers give up on the
 * whole file. */
void json_put_amount(struct json_out *j, const char *key, uint64_t value);

/* "0x7f12a4c00000": a number would lose its low bits above 2^53 in many readers. */
void json_put_address(struct json_out *j, const char *key, uint64_t value);

/* RFC 3339. */
void json_put_time(struct json_out *j, const char *key, uint64_t realtime_ns);

/* null for NaN and infinity, which JSON does not have. */
void json_put_double(struct json_out *j, const char *key, double value);

/* OOM scores and the order of an allocation: null for REPORT_UNKNOWN_INT. */
void json_put_score(struct json_out *j, const char *key, int32_t value);

/* PIDs and descriptors: null below `least`. */
void json_put_id(struct json_out *j, const char *key, int32_t value, int32_t least);

/* An object with a key for each row. */
void json_put_key_values(struct json_out *j, const char *key, const struct report_key_value *rows, size_t n);

/* The kernel's word about the kill (json_kill.c). */
void json_put_kill(struct json_out *j, const struct report *r);

/* One frame of a stack. */
void json_put_frame(struct json_out *j, const char *key, const struct report_frame *f);

/* What an agent's recorder tells (json_heap.c). */
void json_put_heap(struct json_out *j, const struct report *r);

/* What a census tells (json_census.c): heap.types and heap.sizes, within the heap; the census itself. */
void json_put_types(struct json_out *j, const struct report *r);
void json_put_census(struct json_out *j, const struct report *r);
void json_put_heaps(struct json_out *j, const struct report *r);
void json_put_malloc(struct json_out *j, const struct report *r);
void json_put_notes(struct json_out *j, const struct report *r);

/* The machine (json_system.c). */
void json_put_system(struct json_out *j, const struct report *r);

/* The long lists of a report, one row per line (json_threads.c, json_lists.c). */
void json_put_threads(struct json_out *j, const struct report *r);
void json_put_maps(struct json_out *j, const struct report *r);
void json_put_tree(struct json_out *j, const struct report *r);
void json_put_sockets(struct json_out *j, const struct report *r);
void json_put_fds(struct json_out *j, const struct report *r);
void json_put_history(struct json_out *j, const struct report *r);
void json_put_missing(struct json_out *j, const struct report *r);

#endif
