/* SPDX-License-Identifier: MIT */
/* json_out - write JSON into a buffer, one value after the other; no tree, nothing allocated but the buffer.
 *
 * For the capture half (the manifest), which must not need a JSON library when memory is out.  Strings come
 * out as pure ASCII: what is not printable ASCII is \uXXXX; bytes that are not UTF-8 appear as the text \xNN
 * (see escape.h).
 */
#ifndef SWANSONG_BASE_JSON_OUT_H
#define SWANSONG_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct json_out {
        struct buf *buf;
        bool comma; /* a value stands before the next one */
        bool line;  /* the next value begins a line */
};

/* key is NULL inside an array and for the outermost value. */
void json_put_object_begin(struct json_out *j, const char *key);
void json_put_object_end(struct json_out *j);
void json_put_array_begin(struct json_out *j, const char *key);
void json_put_array_end(struct json_out *j);
void json_put_string(struct json_out *j, const char *key, const char *value); /* NULL writes null */
void json_put_string_n(struct json_out *j, const char *key, const char *value, size_t n);
void json_put_uint(struct json_out *j, const char *key, uint64_t value);
void json_put_int(struct json_out *j, const char *key, int64_t value);
void json_put_decimal(struct json_out *j, const char *key, double value); /* finite; three decimals */
void json_put_bool(struct json_out *j, const char *key, bool value);
void json_put_null(struct json_out *j, const char *key);

/* Begin a new line before the next value: a file with one row per line can be read, searched and compared. */
void json_put_line(struct json_out *j);

#endif
