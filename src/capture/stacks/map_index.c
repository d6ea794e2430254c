/* SPDX-License-Identifier: MIT */
#include "capture/stacks/map_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/maps_line.h"

static struct map_range range_of(const struct maps_line *line)
{
        struct map_range r = {
                .start = line->start,
                .end = line->end,
                .offset = line->offset,
                .inode = line->inode,
                .dev_major = line->dev_major,
                .dev_minor = line->dev_minor,
        };

        r.flags |= line->perms[0] == 'r' ? MAP_IS_READ : 0;
        r.flags |= line->perms[1] == 'w' ? MAP_IS_WRITE : 0;
        r.flags |= line->perms[2] == 'x' ? MAP_IS_EXEC : 0;
        r.flags |= line->inode ? MAP_IS_FILE : 0;
        r.flags |= maps_line_is(line, "[stack]") ? MAP_IS_STACK : 0;
        r.flags |= maps_line_is(line, "[vdso]") ? MAP_IS_VDSO : 0;
        return r;
}

int map_index_make(const struct buf *maps, struct map_index *ret)
{
        const char *p = maps->data, *end = p + maps->len;
        struct map_index m = {0};
        size_t lines = 0;

        for (const char *q = p; q < end && (q = memchr(q, '\n', (size_t)(end - q))); q++)
                lines++;
        m.ranges = malloc((lines + 1) * sizeof(*m.ranges));
        if (!m.ranges)
                return -ENOMEM;
        while (p < end && m.n <= lines) {
                struct maps_line line;

                /* The text is read in pieces while the target runs: a mapping may come twice. */
                if (maps_line_parse(p, (size_t)(end - p), &line, &p) == 0 &&
                    (m.n == 0 || line.start >= m.ranges[m.n - 1].end))
                        m.ranges[m.n++] = range_of(&line);
        }
        *ret = m;
        return 0;
}

void map_index_done(struct map_index *m)
{
        free(m->ranges);
        *m = (struct map_index){0};
}

const struct map_range *map_index_at_or_above(const struct map_index *m, uint64_t address)
{
        size_t low = 0, high = m->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (m->ranges[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < m->n ? &m->ranges[low] : NULL;
}

const struct map_range *map_index_find(const struct map_index *m, uint64_t address)
{
        const struct map_range *r = map_index_at_or_above(m, address);

        return r && r->start <= address ? r : NULL;
}
