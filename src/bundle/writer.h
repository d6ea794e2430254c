/* SPDX-License-Identifier: MIT */
/* bundle writer - puts sections into a bundle directory; knows the layout, not what the sections mean.
 *
 * docs/bundle.md is the format.  A section is opened, written in pieces, and closed with its status; the
 * status of each is kept for the manifest.  A write that fails (disk full) turns the section into `cut` and
 * never stops the capture.  Written under a name ending in .partial, renamed by bundle_finish().
 */
#ifndef SWANSONG_BUNDLE_WRITER_H
#define SWANSONG_BUNDLE_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

enum section_status { SECTION_OK, SECTION_MISSING, SECTION_CUT, SECTION_TARGET_DIED };

struct bundle_writer;

/* Create DIR/COMM.PID.TIME.swansong.partial below the directory dirfd (`dir_name` is how the user wrote it,
 * for messages and the final path). 0 or -errno with d filled; then nothing is left behind. */
int bundle_create(int dirfd, const char *dir_name, const char *comm, pid_t pid, uint64_t realtime_ns,
                  struct bundle_writer **ret, struct diag *d);

/* The same in two steps, for a target that must not wait for a disk: sections go into memory, at most most_bytes of
 * them, of which touched_bytes will cause no page fault; then everything is written out.  -ENOMEM. */
int bundle_create_in_memory(size_t most_bytes, size_t touched_bytes, struct bundle_writer **ret);

/* 0; -errno with d filled of the first failure: what could be written is there. */
int bundle_write_out(struct bundle_writer *w, int dirfd, const char *dir_name, const char *comm, pid_t pid,
                     uint64_t realtime_ns, struct diag *d);

/* One section.  `path` is relative, its directories are made as needed.  What goes wrong with the file itself
 * becomes its status.  A section that ends other than ok without a byte leaves no file. */
void section_begin(struct bundle_writer *w, const char *path, bool optional);
void section_write(struct bundle_writer *w, const void *data, size_t n);
void section_end(struct bundle_writer *w, enum section_status status, int err, const char *reason);

/* Never mind the section that was begun: no file, no line in the manifest.  Only before its first byte. */
void section_cancel(struct bundle_writer *w);

/* A section that the process did not live to see. */
void section_died(struct bundle_writer *w, const char *path, bool optional);

/* A section that could not be had at all: no file, one manifest line. err: positive errno or 0; reason may be
 * NULL (then strerror). */
void section_missing(struct bundle_writer *w, const char *path, bool optional, int err, const char *reason);

/* Many small files that make one line of the manifest: `path` has a * where they differ (for the TID in
 * "proc/4711/task/4712/stat").  Fill in path and optional, begin each file with section_begin_in(), note a
 * missing one with section_missing_in(), and close the family at the end with what there is to say of it as a
 * whole; failures of single files are said when that is SECTION_OK. */
struct section_family {
        const char *path;
        bool optional;

        unsigned seen, files, failed; /* the writer's: all; had at least in part; not had in full */
        int err;                      /* of the first failure */
        char reason[96];
        uint64_t bytes, begin_ns, end_ns;
};
void section_begin_in(struct bundle_writer *w, struct section_family *family, const char *path);
void section_missing_in(struct section_family *family, int err, const char *reason);
void family_end(struct bundle_writer *w, const struct section_family *family, enum section_status status,
                int err, const char *reason);

/* The process that was writing has been killed: close the section that it left open, if there is one, with
 * all the bytes that it had. Returns whether there was one. */
bool section_abandon(struct bundle_writer *w, enum section_status status, int err, const char *reason);

/* A whole section at once. */
void section_put(struct bundle_writer *w, const char *path, const void *data, size_t n);

/* Replace manifest.json atomically.  `head` is the JSON of everything but "sections" (an open object:
 * `{"format":1,...`), the writer appends the sections and closes it. */
int bundle_write_manifest(struct bundle_writer *w, const char *head, size_t head_len);

/* Did any section that is not optional end other than ok? */
bool bundle_incomplete(const struct bundle_writer *w);

/* The bytes of all sections so far. */
uint64_t bundle_bytes(const struct bundle_writer *w);

/* The directory (for the report's child) and the path it has now, then the final rename. */
int bundle_fd(const struct bundle_writer *w);
const char *bundle_path(const struct bundle_writer *w);
int bundle_finish(struct bundle_writer *w, struct diag *d);

/* Throw away what was written: only for a dump that never began. */
void bundle_discard(struct bundle_writer *w);

void bundle_writer_free(struct bundle_writer *w);

#endif
