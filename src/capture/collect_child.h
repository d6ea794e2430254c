/* SPDX-License-Identifier: MIT */
/* collect_child - between collect.c (the table's loop) and collect_child.c (the process it runs in). */
#ifndef SWANSONG_CAPTURE_COLLECT_CHILD_H
#define SWANSONG_CAPTURE_COLLECT_CHILD_H

#include <stddef.h>

#include "capture/collect.h"

/* Take one of the table's rows, in this process, and its neighbours that are the same pass.  Returns the next. */
size_t collect_row(struct collect *c, size_t row);

/* Take the rows from `first` on. */
void collect_rows(struct collect *c, size_t first);

/* The path in the bundle that stands for the whole row. */
void collector_path(const struct collect *c, const struct collector *row, char *out, size_t size);

#endif
