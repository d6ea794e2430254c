/* SPDX-License-Identifier: MIT */
/* tsv - the bundle's own tables: tab-separated cells, one row per line, the columns named by the first line.
 *
 *   fd	kind	size	dev	inode	target
 *   3	socket	-	0:8	41234	socket:[41234]
 * Columns are found by name: a later version may add some, and a reader of an older bundle misses some. Works
 * on bytes.
 */
#ifndef SWANSONG_ANALYSIS_TSV_H
#define SWANSONG_ANALYSIS_TSV_H

#include "analysis/report.h"
#include "base/scan.h"

#define TSV_COLUMNS_MAX 16

struct tsv {
        struct scan rest;
        size_t n;                        /* wanted columns */
        unsigned place[TSV_COLUMNS_MAX]; /* of each wanted column in the file; UINT_MAX: the file has none */
};

/* Read the header line.  `columns` are the names of the wanted ones, n <= TSV_COLUMNS_MAX.  0; -EINVAL when
 * the first of them, without which a row is worth nothing, is missing. */
int tsv_begin(const char *text, size_t len, const char *const *columns, size_t n, struct tsv *ret);

/* The wanted cells of the next row; a cell which is not there is empty.  False at the end. */
bool tsv_next(struct tsv *t, struct scan *ret_cells);

/* A cell as a number, decimal or with 0x; REPORT_UNKNOWN for "-" and everything else. */
uint64_t tsv_number(const struct scan *cell);

/* A cell as raw bytes: \xNN undone.  NULL for "-" and an empty cell, and when memory is out. */
const char *tsv_text(const struct scan *cell, struct pool *pool);

#endif
