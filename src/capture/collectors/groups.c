/* SPDX-License-Identifier: MIT */
/* groups - groups.tsv: the machine's memory groups, what each uses and its limit (docs/bundle.md).
 *
 * All that can be seen from here, each with the groups below it counted in (v1's use_hierarchy, v2 always).  Two
 * short files each, 15 us.  memory.stat would say more, and costs milliseconds: its counters are gathered first. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/group_tree.h"
#include "capture/collectors.h"
#include "capture/table.h"

struct groups_walk {
        struct table table;
        const struct memory_group *root;
        int version;
};

/* "-": there is no such file (v2's root), or it says that there is no limit. */
static void print_amount(struct table *t, const char *group, const char *file)
{
        char path[PATH_MAX + 64], text[64] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        uint64_t value = MEMORY_GROUP_UNLIMITED;

        snprintf(path, sizeof(path), "%s/%s", group, file);
        if (file_read_at(AT_FDCWD, path, &b) == 0)
                value = memory_group_limit_parse(text);
        if (value == MEMORY_GROUP_UNLIMITED)
                table_print(t, "-\t");
        else
                table_print(t, "%" PRIu64 "\t", value);
}

static int print_group(const char *path, void *arg)
{
        struct groups_walk *w = arg;
        const char *above = strcmp(w->root->kernel, "/") == 0 ? "" : w->root->kernel,
                   *below = path + strlen(w->root->mount);
        char name[2 * PATH_MAX];

        if (!table_goes_on(&w->table))
                return 1;
        print_amount(&w->table, path, w->version == 1 ? "memory.usage_in_bytes" : "memory.current");
        print_amount(&w->table, path, w->version == 1 ? "memory.limit_in_bytes" : "memory.max");
        snprintf(name, sizeof(name), "%s%s", above, below);
        table_cell(&w->table, *name ? name : "/", *name ? strlen(name) : 1);
        table_print(&w->table, "\n");
        return 0;
}

void memory_groups_make(struct collect *c, const struct collector *row)
{
        struct memory_group root;
        struct groups_walk w = {.root = &root};
        struct diag d;
        int r = group_root(&root, &d);

        if (r < 0) {
                section_missing(c->writer, row->name, row->optional, -r, d.text);
                return;
        }
        w.version = root.version;
        table_begin(&w.table, c, row, "usage\tlimit\tgroup\n");
        r = group_walk(root.mount, print_group, &w);
        table_end(&w.table, r < 0 ? -r : 0);
}
