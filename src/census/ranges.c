/* SPDX-License-Identifier: MIT */
#include "census/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/maps_line.h"

static bool name_begins(const struct maps_line *m, const char *prefix)
{
        const char *slash = m->path ? memrchr(m->path, '/', m->path_len) : NULL;
        size_t left = slash ? (size_t)(m->path + m->path_len - slash - 1) : 0, n = strlen(prefix);

        return slash && left >= n && memcmp(slash + 1, prefix, n) == 0;
}

static void note_names(struct ranges *r, const struct maps_line *m)
{
        if (r->libc == SIZE_MAX && (name_begins(m, "libc.so.6") || name_begins(m, "libc-2."))) {
                r->libc = r->n;
                r->glibc = true;
        }
}

static void name_take(const struct maps_line *m, struct range *range)
{
        const char *slash = m->path ? memrchr(m->path, '/', m->path_len) : NULL;

        range->name = slash ? slash + 1 : NULL;
        range->name_len = slash ? (size_t)(m->path + m->path_len - slash - 1) : 0;
}

/* Of the same file as the range before it, or its .bss. */
static uint32_t module_of(const struct ranges *r, const struct maps_line *m, uint64_t inode_before)
{
        const struct range *before = r->n > 0 ? &r->list[r->n - 1] : NULL;

        if (before && before->module &&
            (m->inode ? m->inode == inode_before : before->end == m->start && !m->path))
                return before->module;
        return m->inode ? (uint32_t)r->n + 1 : 0;
}

int ranges_make(const struct buf *maps, struct ranges *ret)
{
        struct ranges r = {.libc = SIZE_MAX};
        const char *at = maps->data, *end = maps->data + maps->len;
        uint64_t inode_before = 0;
        size_t lines = 0;

        for (const char *p = at; p < end; p++)
                lines += *p == '\n';
        r.list = calloc(lines + 1, sizeof(*r.list));
        if (!r.list)
                return -ENOMEM;
        while (at < end && r.n < lines + 1) {
                struct maps_line m;
                struct range *range = &r.list[r.n];

                if (maps_line_parse(at, (size_t)(end - at), &m, &at) < 0 ||
                    (r.n > 0 && m.start < range[-1].end))
                        continue;
                *range = (struct range){.start = m.start,
                                        .end = m.end,
                                        .module = module_of(&r, &m, inode_before),
                                        .readable = m.perms[0] == 'r',
                                        .executable = m.perms[2] == 'x' && !maps_line_is(&m, "[vdso]") &&
                                                      !maps_line_is(&m, "[vsyscall]"),
                                        .writable = m.perms[1] == 'w' && m.perms[3] == 'p',
                                        .anonymous = m.inode == 0,
                                        .heap = maps_line_is(&m, "[heap]"),
                                        .stack = maps_line_is(&m, "[stack]")};
                name_take(&m, range);
                note_names(&r, &m);
                if (m.inode)
                        inode_before = m.inode;
                r.n++;
        }
        *ret = r;
        return 0;
}

void ranges_done(struct ranges *r)
{
        free(r->list);
        *r = (struct ranges){0};
}

const struct range *ranges_find(const struct ranges *r, uint64_t address)
{
        size_t low = 0, high = r->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (r->list[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < r->n && r->list[low].start <= address ? &r->list[low] : NULL;
}
