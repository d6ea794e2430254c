/* SPDX-License-Identifier: MIT */
/* gathered - the files of one name of all threads, one behind the other in one file of the bundle.
 *
 * proc/PID/task/stat, for example; 4,000 threads would be 16,000 files, and to make a file costs ten times as
 * much as to read the kernel's (ext4: 50 us against 5).  Each entry is a line with the TID and the number of
 * bytes, these bytes as the kernel gave them, and a newline:
 *   4711 313
 *   4711 (redis-server) S 1 4711 ...
 *   <blank line, for the kernel's text ends with a newline of its own>
 *   4712 16
 *   futex_wait_queue
 * Lengths, not separators: comm may hold any byte. */
#ifndef SWANSONG_BASE_GATHERED_H
#define SWANSONG_BASE_GATHERED_H

#include <stddef.h>
#include <sys/types.h>

struct gathered {
        pid_t tid;
        const char *data; /* into the text, not NUL-terminated */
        size_t len;
};

/* The entry at *p, which moves behind it.  1, 0 at the end, -EBADMSG when what follows is damaged or cut (the
 * entries before it are good). */
int gathered_next(const char **p, const char *end, struct gathered *ret);

#endif
