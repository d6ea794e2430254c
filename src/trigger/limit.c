/* SPDX-License-Identifier: MIT */
#include "trigger/limit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory_group.h"

void limit_reader_open(int proc_fd, struct limit_reader *ret)
{
        struct memory_group g;

        *ret = (struct limit_reader){0};
        if (memory_group_find(proc_fd, &g) < 0)
                return;
        if (asprintf(&ret->dir, "%s%s", g.mount, g.path) < 0) {
                ret->dir = NULL;
                return;
        }
        ret->mount_len = strlen(g.mount);
        ret->version = g.version;
}

void limit_reader_close(struct limit_reader *l)
{
        freep(&l->dir);
}

/* The limit in the first `len` bytes of the directory's name. */
static uint64_t group_limit(const struct limit_reader *l, size_t len)
{
        char path[2 * PATH_MAX], text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));

        snprintf(path, sizeof(path), "%.*s/%s", (int)len, l->dir,
                 l->version == 1 ? "memory.limit_in_bytes" : "memory.max");
        if (file_read_at(AT_FDCWD, path, &b) < 0)
                return MEMORY_GROUP_UNLIMITED;
        return memory_group_limit_parse(b.data);
}

void limit_read(const struct limit_reader *l, uint64_t mem_total, struct memory_limit *ret)
{
        *ret = (struct memory_limit){.bytes = mem_total, .source = "this machine's memory"};
        if (!l->dir)
                return;
        for (size_t len = strlen(l->dir);;) {
                uint64_t bytes = group_limit(l, len);

                if (bytes < ret->bytes) {
                        ret->bytes = bytes;
                        snprintf(ret->source, sizeof(ret->source), "memory group %.*s",
                                 (int)(len - l->mount_len), l->dir + l->mount_len);
                }
                if (len <= l->mount_len)
                        return;
                while (len > l->mount_len && l->dir[len - 1] != '/')
                        len--;
                if (len > l->mount_len)
                        len--;
        }
}
