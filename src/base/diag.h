/* SPDX-License-Identifier: MIT */
/* diag - one line for the user: what is wrong, with which value, what to do.
 *
 * The caller owns the struct; library code fills it and returns -errno; only main() and the cmd_ files
 * print it.  Text that came from outside (paths, comm, options) is escaped on the way in, so that a diag can
 * always be printed on a terminal.
 */
#ifndef SWANSONG_BASE_DIAG_H
#define SWANSONG_BASE_DIAG_H

#include "base/cleanup.h"

struct diag {
        char text[512];
};

/* Format the message (truncated to fit), escape it, and return `err` (a negative errno), so that a caller can
 * write `return diag_set(d, -EINVAL, ...)`.  d may be NULL. */
int diag_set(struct diag *d, int err, const char *format, ...) _printf_(3, 4);

#endif
