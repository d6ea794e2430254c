/* SPDX-License-Identifier: MIT */
/* size - amounts of memory as users write and read them.
 *
 * Written: 512M, 2G, 64K, 1.5G, 4096 (bytes), 90% (of a whole that the caller names).  Units are powers of
 * 1024, as in the kernel's own files; "MB", "MiB" and "m" mean the same as "M".
 */
#ifndef SWANSONG_BASE_SIZE_H
#define SWANSONG_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct size_spec {
        bool is_percent;
        uint64_t bytes; /* when !is_percent */
        double percent; /* when is_percent; 0 < percent <= 100 */
};

/* 0, -EINVAL (not a size), -ERANGE (zero, too large, a percentage outside 0..100). */
int size_parse(const char *s, struct size_spec *ret);

/* The amount in bytes, `whole` being 100 %. */
uint64_t size_resolve(const struct size_spec *spec, uint64_t whole);

/* "0 B", "640 KiB", "1.25 GiB": three significant digits, into a buffer of SIZE_TEXT bytes; returns out. */
#define SIZE_TEXT 24
char *size_format(uint64_t bytes, char out[SIZE_TEXT]);

#endif
