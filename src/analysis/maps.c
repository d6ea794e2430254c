/* SPDX-License-Identifier: MIT */
#include "analysis/maps.h"

#include <errno.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"
#include "base/maps_line.h"

#define NOWHERE SIZE_MAX

/* smaps' keys, in the kernel's order (fs/proc/task_mmu.c, __show_smap). */
static const struct smaps_key {
        const char *key;
        size_t map, total; /* offsets into struct report_map and struct smaps_total */
} keys[] = {
        {"KernelPageSize", NOWHERE, offsetof(struct smaps_total, page_size)},
        {"Rss", offsetof(struct report_map, rss), offsetof(struct smaps_total, rss)},
        {"Pss", offsetof(struct report_map, pss), offsetof(struct smaps_total, pss)},
        {"Private_Clean", offsetof(struct report_map, private_clean),
         offsetof(struct smaps_total, private_clean)},
        {"Private_Dirty", offsetof(struct report_map, private_dirty),
         offsetof(struct smaps_total, private_dirty)},
        {"Anonymous", offsetof(struct report_map, anonymous), offsetof(struct smaps_total, anonymous)},
        {"AnonHugePages", NOWHERE, offsetof(struct smaps_total, anon_huge)},
        {"Shared_Hugetlb", NOWHERE, offsetof(struct smaps_total, shared_hugetlb)},
        {"Private_Hugetlb", NOWHERE, offsetof(struct smaps_total, private_hugetlb)},
        {"Swap", offsetof(struct report_map, swap), offsetof(struct smaps_total, swap)},
        {"Locked", NOWHERE, offsetof(struct smaps_total, locked)},
};

const struct smaps_total smaps_total_unknown = {
        REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN,
        REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN,
};

static uint64_t *field(void *out, size_t offset)
{
        return (uint64_t *)((char *)out + offset);
}

/* `m` may be NULL (rollup).  A key counts once per mapping. */
static void take_key(const struct key_value *kv, struct report_map *m, struct smaps_total *total)
{
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (!scan_is(&kv->key, keys[i].key))
                        continue;
                if (keys[i].total == offsetof(struct smaps_total, page_size)) {
                        if (!amount_known(total->page_size))
                                total->page_size = kv->value;
                        return;
                }
                if (m && keys[i].map != NOWHERE) {
                        if (amount_known(*field(m, keys[i].map)))
                                return;
                        *field(m, keys[i].map) = kv->value;
                }
                amount_add(field(total, keys[i].total), kv->value);
                return;
        }
}

/* Neighbouring mappings mostly are segments of one file: they share the string. */
static int map_fill(const struct maps_line *line, const struct report_map *before, struct pool *pool,
                    struct report_map *ret)
{
        *ret = (struct report_map){
                .start = line->start,
                .end = line->end,
                .offset = line->offset,
                .inode = line->inode,
                .dev_major = line->dev_major,
                .dev_minor = line->dev_minor,
                .size = line->end - line->start,
                .rss = REPORT_UNKNOWN,
                .pss = REPORT_UNKNOWN,
                .private_clean = REPORT_UNKNOWN,
                .private_dirty = REPORT_UNKNOWN,
                .swap = REPORT_UNKNOWN,
                .anonymous = REPORT_UNKNOWN,
        };
        ret->perms = before && strcmp(before->perms, line->perms) == 0 ? before->perms
                                                                       : pool_strdup(pool, line->perms);
        if (before && before->path && maps_line_is(line, before->path))
                ret->path = before->path;
        else if (line->path)
                ret->path = pool_strndup(pool, line->path, line->path_len);
        return !ret->perms || (line->path && !ret->path) ? -ENOMEM : 0;
}

static int maps_add(const struct maps_line *line, struct pool *pool, struct maps *m, size_t *room)
{
        int r;

        m->list = pool_grow(pool, m->list, m->n, m->n + 1, room, sizeof(*m->list));
        if (!m->list)
                return -ENOMEM;
        r = map_fill(line, m->n > 0 ? &m->list[m->n - 1] : NULL, pool, &m->list[m->n]);
        if (r == 0)
                m->n++;
        return r;
}

int maps_parse(const char *text, size_t len, struct pool *pool, struct maps *ret)
{
        struct scan s = scan_of(text, len), line;
        struct maps m = {0};
        size_t room = 0;

        while (line_next(&s, &line)) {
                struct maps_line parsed;

                if (maps_line_parse(line.at, scan_left(&line), &parsed, NULL) < 0)
                        continue;
                if (maps_add(&parsed, pool, &m, &room) < 0)
                        return -ENOMEM;
        }
        *ret = m;
        return 0;
}

int smaps_parse(const char *text, size_t len, struct pool *pool, struct maps *ret,
                struct smaps_total *ret_total)
{
        struct smaps_total total = smaps_total_unknown;
        struct scan s = scan_of(text, len);
        struct maps m = {0};
        size_t room = 0;

        while (s.at < s.end) {
                struct maps_line parsed;
                struct scan line, one;
                struct key_value kv;

                line_next(&s, &line);
                one = line;
                /* Keys begin with a capital letter, addresses with a lower-case hex digit. */
                if (scan_left(&line) > 0 && *line.at >= 'A' && *line.at <= 'Z') {
                        if (m.n > 0 && key_value_next(&one, &kv))
                                take_key(&kv, &m.list[m.n - 1], &total);
                } else if (maps_line_parse(line.at, scan_left(&line), &parsed, NULL) == 0) {
                        if (maps_add(&parsed, pool, &m, &room) < 0)
                                return -ENOMEM;
                }
        }
        *ret = m;
        *ret_total = total;
        return 0;
}

void smaps_rollup_parse(const char *text, size_t len, struct smaps_total *ret)
{
        struct smaps_total total = smaps_total_unknown;
        struct scan s = scan_of(text, len);
        struct key_value kv;

        while (key_value_next(&s, &kv))
                take_key(&kv, NULL, &total);
        *ret = total;
}

int maps_merge(const struct maps *maps, const struct maps *smaps, struct pool *pool, struct maps *ret,
               bool *ret_complete)
{
        const struct report_map *last = smaps->n > 0 ? &smaps->list[smaps->n - 1] : NULL;
        struct maps m = *smaps;
        size_t room = smaps->n, first = 0;

        while (last && first < maps->n && maps->list[first].start < last->end)
                first++;
        if (first < maps->n) {
                m.list = pool_grow(pool, NULL, 0, smaps->n + maps->n - first, &room, sizeof(*m.list));
                if (!m.list)
                        return -ENOMEM;
                if (smaps->n > 0)
                        memcpy(m.list, smaps->list, smaps->n * sizeof(*m.list));
                memcpy(m.list + smaps->n, maps->list + first, (maps->n - first) * sizeof(*m.list));
                m.n = smaps->n + maps->n - first;
        }
        *ret = m;
        *ret_complete = last && first == maps->n && amount_known(last->rss);
        return 0;
}

bool maps_are_static(const struct report_map *maps, size_t n)
{
        size_t files = 0;

        for (size_t i = 0; i < n; i++) {
                if (!maps[i].path || maps[i].path[0] != '/' || !strchr(maps[i].perms, 'x'))
                        continue;
                if (strstr(strrchr(maps[i].path, '/'), ".so"))
                        return false;
                files++;
        }
        return files > 0;
}
