/* SPDX-License-Identifier: MIT */
/* writer_ledger - what is known of each section so far, in memory that two processes share.
 *
 * The process that collects may have to be killed (a read that never returns); the one that waits for it
 * then finds here all finished rows, the section that was open, and its unwritten bytes.  Rows are kept as
 * the manifest will show them: JSON objects, separated by commas. One process writes at a time. */
#ifndef SWANSONG_BUNDLE_WRITER_LEDGER_H
#define SWANSONG_BUNDLE_WRITER_LEDGER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bundle/writer.h"

/* Only address space until it is touched; some 25,000 rows. */
#define LEDGER_ROWS_MAX (4 * 1024 * 1024)

struct ledger_row {
        const char *path;
        enum section_status status;
        int err;            /* positive errno, 0 unknown */
        const char *reason; /* NULL: strerror(err), or null */
        bool optional;
        bool is_family; /* `files` counts */
        uint64_t files, bytes, begin_ns, end_ns;
};

struct ledger {
        bool incomplete; /* a row that is not optional ended other than ok, or the rows are full */
        uint64_t bytes; /* of all rows */
        size_t rows_len;
        struct {
                bool open, optional;
                uint64_t begin_ns;
                uint64_t bytes; /* that reached the file */
                char path[PATH_MAX], family[PATH_MAX];
        } current;
        size_t pending_len;
        char pending[65536];
        char rows[LEDGER_ROWS_MAX];
};

struct ledger *ledger_new(void); /* NULL: no memory */
void ledger_free(struct ledger *l);

void ledger_open(struct ledger *l, const char *path, const char *family, bool optional, uint64_t begin_ns);
void ledger_close(struct ledger *l);
void ledger_add(struct ledger *l, const struct ledger_row *row);

/* Count a finished file for its family. */
void family_add(struct section_family *f, const struct ledger_row *row);

/* The family's own row; its reason may point into `reason`. */
void family_row(const struct section_family *f, struct ledger_row *ret, char *reason, size_t reason_size);

#endif
