/* SPDX-License-Identifier: MIT */
/* maps_line - one line of /proc/PID/maps (and the header lines of smaps), without allocating.
 *
 * Works on bytes; never opens /proc.  One line:
 *   7fab0c53c000-7fab0c55e000 r-xp 00022000 103:02 332162    /opt/my app/lib x.so (deleted)
 * Traps: majors above 255 (NVMe) widen the device field; paths hold spaces; a newline in a path comes as
 * \012; a mapping without a path ends after the inode (with or without blanks); " (deleted)" may be part of a
 * real name.
 */
#ifndef SWANSONG_BASE_MAPS_LINE_H
#define SWANSONG_BASE_MAPS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maps_line {
        uint64_t start, end; /* addresses; start < end */
        uint64_t offset;     /* into the file, bytes */
        uint64_t inode;
        uint32_t dev_major, dev_minor;
        char perms[5]; /* "r-xp" */
        const char
                *path; /* into the text, not NUL-terminated, as the kernel wrote it; NULL if there is none */
        size_t path_len;
};

/* Parse the line at [text, text+len) up to its newline or the end.  *ret_next is where the following line
 * begins (may be NULL). 0, or -EINVAL when it is no maps line (then *ret_next is still set). */
int maps_line_parse(const char *text, size_t len, struct maps_line *ret, const char **ret_next);

static inline bool maps_line_is(const struct maps_line *m, const char *path)
{
        return m->path && m->path_len == __builtin_strlen(path) &&
               __builtin_memcmp(m->path, path, m->path_len) == 0;
}

#endif
