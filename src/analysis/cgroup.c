/* SPDX-License-Identifier: MIT */
#include "analysis/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/memory_group.h"
#include "bundle/reader.h"

#define TEXT_MAX   (1u << 20) /* cgroup.procs of 100,000 processes */
#define LEVELS_MAX 64         /* deeper than any machine nests its groups */

static bool list_has(struct scan list, const char *name)
{
        struct scan word;

        while (scan_until(&list, ",", &word))
                if (scan_is(&word, name))
                        return true;
        return scan_is(&list, name);
}

int cgroup_name_parse(const char *text, size_t len, struct pool *pool, int *ret_version,
                      const char **ret_path)
{
        struct scan s = scan_of(text, len), line, path = {0};
        int version = 0;

        while (line_next(&s, &line)) {
                struct scan id, controllers;
                bool v1, v2;

                if (!scan_until(&line, ":", &id) || !scan_until(&line, ":", &controllers) ||
                    scan_left(&line) == 0 || *line.at != '/')
                        continue;
                v1 = list_has(controllers, "memory");
                v2 = scan_is(&id, "0") && scan_left(&controllers) == 0;
                /* On a machine with both, memory is where v1 has it. */
                if (!v1 && (!v2 || version != 0))
                        continue;
                version = v1 ? 1 : 2;
                path = line;
        }
        if (version == 0)
                return -ENOENT;
        *ret_path = pool_strndup(pool, path.at, scan_left(&path));
        *ret_version = version;
        return *ret_path ? 0 : -ENOMEM;
}

/* What the two versions call the same things. */
static const struct names {
        const char *root, *usage, *peak, *limit, *high, *swap_usage, *swap_limit, *events, *failures;
} names_of_version[] = {
        [1] = {"sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.max_usage_in_bytes",
               "memory.limit_in_bytes", NULL, "memory.memsw.usage_in_bytes", "memory.memsw.limit_in_bytes",
               "memory.oom_control", "memory.failcnt"},
        [2] = {"sys/fs/cgroup", "memory.current", "memory.peak", "memory.max", "memory.high",
               "memory.swap.current", "memory.swap.max", "memory.events", NULL},
};

struct level { /* one group */
        int dir;
        struct buf *text;
};

/* The text of a file of the group, or NULL. */
static const char *read_text(const struct level *l, const char *file)
{
        buf_reset(l->text);
        return file && section_read(l->dir, file, l->text) == 0 ? l->text->data : NULL;
}

static uint64_t read_number(const struct level *l, const char *file)
{
        const char *text = read_text(l, file);
        struct scan s = scan_of(text ? text : "", text ? l->text->len : 0);
        uint64_t value;

        return scan_number(&s, &value) ? value : REPORT_UNKNOWN;
}

/* REPORT_UNKNOWN (which is MEMORY_GROUP_UNLIMITED, too): none, or not known. */
static uint64_t read_limit(const struct level *l, const char *file)
{
        const char *text = read_text(l, file);

        return text ? memory_group_limit_parse(text) : REPORT_UNKNOWN;
}

static uint64_t count_lines(const struct level *l, const char *file)
{
        const char *text = read_text(l, file);
        struct scan s = scan_of(text ? text : "", text ? l->text->len : 0), line;
        uint64_t n = 0;

        while (line_next(&s, &line))
                n++;
        return text ? n : REPORT_UNKNOWN;
}

/* memory.events; v1 has the number of failures in a file of its own. */
static int take_events(const struct level *l, const struct names *names, struct pool *pool,
                       struct report_cgroup *c)
{
        uint64_t failures = read_number(l, names->failures);

        if (!read_text(l, names->events))
                return 0;
        if (amount_known(failures))
                buf_printf(l->text, "\nfailcnt %" PRIu64 "\n", failures);
        return key_value_list(l->text->data, l->text->len, pool, &c->events, &c->n_events);
}

/* The group itself. */
static int take_group(const struct level *l, const struct names *names, struct pool *pool,
                      struct report_cgroup *c)
{
        int r = 0;

        c->usage = read_number(l, names->usage);
        c->peak = read_number(l, names->peak);
        c->high = read_limit(l, names->high);
        c->n_processes = count_lines(l, "cgroup.procs");
        c->swap_usage = read_number(l, names->swap_usage);
        c->swap_limit = read_limit(l, names->swap_limit);
        if (c->version == 1) { /* counts memory and swap together */
                c->swap_usage = amount_less(c->swap_usage, c->usage);
                c->swap_limit = amount_less(c->swap_limit, read_limit(l, names->limit));
        }
        if (read_text(l, "memory.stat"))
                r = key_value_list(l->text->data, l->text->len, pool, &c->stat, &c->n_stat);
        return r < 0 ? r : take_events(l, names, pool, c);
}

/* v1's "none" is PAGE_COUNTER_MAX pages, just below 2^63 bytes, as memory_group_limit_parse() knows. */
static uint64_t limit_value(uint64_t bytes)
{
        return bytes >= UINT64_C(1) << 60 ? REPORT_UNKNOWN : bytes;
}

/* The tightest limit stays, with the group that sets it and what that group uses. */
static void take_limit(struct report_cgroup *c, uint64_t limit, uint64_t usage, struct pool *pool,
                       const char *path)
{
        if (limit >= c->limit)
                return;
        c->limit = limit;
        c->limit_usage = usage;
        c->limit_path = pool_strdup(pool, path);
}

/* Where the bundle has the group `path`: "/a/../b" as "ROOT/a/@parent/b" (a group above the watcher's cgroup namespace
 * is shown with "..", which no path in a bundle may hold). */
static int open_group(const struct source *s, const char *root, const char *path)
{
        char full[PATH_MAX];
        struct buf b = BUF_FIXED(full, sizeof(full));
        struct scan rest = scan_of(path, strlen(path)), name;

        buf_str(&b, root);
        while (scan_word(&rest, "/")) {
                name = rest;
                while (rest.at < rest.end && *rest.at != '/')
                        rest.at++;
                name.end = rest.at;
                if (scan_left(&name) == 0)
                        continue;
                buf_char(&b, '/');
                if (scan_is(&name, ".."))
                        buf_str(&b, "@parent");
                else
                        buf_add(&b, name.at, scan_left(&name));
        }
        return b.cut ? -ENAMETOOLONG : section_open_dir(s->bundle, full);
}

/* The limits of the groups above: "/a/b" has "/a" and "/". */
static void take_ancestors(struct source *s, const struct names *names, struct buf *text,
                           struct report_cgroup *c)
{
        char *above = pool_strdup(s->pool, c->path);

        for (int level = 0; above && level < LEVELS_MAX && strcmp(above, "/") != 0; level++) {
                char *slash = strrchr(above, '/');
                _cleanup_fd_ int dir = -1;
                struct level l = {.text = text};
                uint64_t high;

                /* Each level gets a copy of its own: it may become limit_path. */
                slash[slash == above] = '\0';
                dir = open_group(s, names->root, above);
                if (dir < 0)
                        continue;
                l.dir = dir;
                take_limit(c, read_limit(&l, names->limit), read_number(&l, names->usage), s->pool, above);
                high = read_limit(&l, names->high);
                if (high < c->high)
                        c->high = high;
        }
}

struct report_cgroup cgroup_unknown(void)
{
        return (struct report_cgroup){
                .usage = REPORT_UNKNOWN,
                .limit_usage = REPORT_UNKNOWN,
                .peak = REPORT_UNKNOWN,
                .limit = REPORT_UNKNOWN,
                .high = REPORT_UNKNOWN,
                .swap_usage = REPORT_UNKNOWN,
                .swap_limit = REPORT_UNKNOWN,
                .n_processes = REPORT_UNKNOWN,
        };
}

int cgroup_fill(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(TEXT_MAX);
        struct report_cgroup c = cgroup_unknown();
        const struct names *names;
        _cleanup_fd_ int dir = -1;
        struct level l;
        int ret, version;

        r->cgroup = c;
        if (source_read(s, &text, true, "proc/%d/cgroup", s->pid) < 0)
                return 0;
        ret = cgroup_name_parse(text.data, text.len, s->pool, &version, &c.path);
        if (ret < 0)
                return ret == -ENOMEM ? ret : 0;
        c.version = (uint32_t)version;
        names = &names_of_version[version];
        dir = open_group(s, names->root, c.path);
        if (dir >= 0) {
                l = (struct level){dir, &text};
                ret = take_group(&l, names, s->pool, &c);
                if (ret < 0)
                        return ret;
                take_limit(&c, read_limit(&l, names->limit), c.usage, s->pool, c.path);
        }
        take_ancestors(s, names, &text, &c);
        /* Tighter than all that could be seen: set above it. */
        take_limit(&c, limit_value(key_value_get(c.stat, c.n_stat, "hierarchical_memory_limit")),
                   REPORT_UNKNOWN, s->pool, "a group above those that can be seen");
        r->cgroup = c;
        return 0;
}
