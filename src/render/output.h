/* SPDX-License-Identifier: MIT */
/* output - where a rendered report goes: standard output, a file of the user's, the bundle itself. */
#ifndef SWANSONG_RENDER_OUTPUT_H
#define SWANSONG_RENDER_OUTPUT_H

#include "base/buf.h"
#include "base/diag.h"

/* A report of 4,000 threads and 60,000 mappings has some 50 MB as JSON. */
#define OUTPUT_MAX (1u << 30)

/* 0, or -errno with d filled (-EPIPE: nobody reads any more). */
int output_stdout(const struct buf *b, struct diag *d);

/* Write the file, replacing it as a whole; never through a symbolic link that belongs to somebody else. */
int output_file(const char *path, const struct buf *b, struct diag *d);

/* The same for a file in a bundle, mode 0600; no link is followed at all. */
int output_into_bundle(const char *bundle, const char *name, const struct buf *b, struct diag *d);

#endif
