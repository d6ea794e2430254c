/* SPDX-License-Identifier: MIT */
/* table - a section that is a table of our own about the machine: tab-separated, its first line names the columns.
 *
 * Rows are gathered in the collector's buffer: nothing is allocated, and the kernel sees one write per 16 KiB.
 *
 *   table_begin(&t, c, row, "name\tobjects\n");
 *   while (…table_goes_on(&t))
 *           table_print(&t, "%s\t%" PRIu64 "\n", …);
 *   table_end(&t, 0);
 */
#ifndef SWANSONG_CAPTURE_TABLE_H
#define SWANSONG_CAPTURE_TABLE_H

#include "base/buf.h"
#include "capture/collect.h"

struct table {
        struct collect *c;
        const struct collector *row;
        struct buf text;
        uint64_t bytes; /* written already */
        bool over;      /* the deadline or the cap ended it */
};

void table_begin(struct table *t, struct collect *c, const struct collector *row, const char *header);

/* Is there time and room for another row? */
bool table_goes_on(struct table *t);

/* Append to the row that is being written; rows end with a newline. */
void table_print(struct table *t, const char *format, ...) _printf_(2, 3);

/* A cell of bytes from outside, at most PATH_MAX of them; "-" for none. */
void table_cell(struct table *t, const char *text, size_t len);

/* Are the tables of processes and groups to be taken now?  If not, that is in the manifest. */
struct storm;
bool tables_due(struct storm *s, struct bundle_writer *w);

/* err: positive errno of what ended it early, 0 for nothing. */
void table_end(struct table *t, int err);

#endif
