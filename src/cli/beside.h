/* SPDX-License-Identifier: MIT */
/* beside - what was built or installed together with this program: it lies beside it, or in its place below ../. */
#ifndef SWANSONG_CLI_BESIDE_H
#define SWANSONG_CLI_BESIDE_H

#include <limits.h>

#include "base/diag.h"

/* The first of DIR/name and DIR/installed[i] that is there, DIR being this program's directory; `installed` ends with
 * NULL.  0, or -ENOENT with d filled. */
int beside_find(const char *name, const char *const installed[], char path[PATH_MAX], struct diag *d);

#endif
