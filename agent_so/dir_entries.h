/* SPDX-License-Identifier: MIT */
/* dir_entries - the names in a directory, piece by piece, without malloc (readdir() needs it).
 *
 *     struct dir_entries entries = {.fd = fd};
 *     while ((name = dir_entries_next(&entries)))
 */
#ifndef SWANSONG_AGENT_DIR_ENTRIES_H
#define SWANSONG_AGENT_DIR_ENTRIES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct dir_entries {
        int fd; /* the caller's; is read to its end */
        long at, got;
        char buffer[1024] __attribute__((aligned(8)));
};

/* The next name, until the next call; NULL: the end, or an error. */
static inline const char *dir_entries_next(struct dir_entries *e)
{
        const struct { /* struct linux_dirent64 of getdents(2) */
                uint64_t ino;
                int64_t off;
                uint16_t reclen;
                uint8_t type;
                char name[];
        } * entry;

        if (e->at >= e->got) {
                e->at = 0;
                e->got = syscall(SYS_getdents64, e->fd, e->buffer, sizeof(e->buffer));
                if (e->got <= 0)
                        return NULL;
        }
        entry = (const void *)(e->buffer + e->at);
        e->at += entry->reclen;
        return entry->name;
}

#endif
