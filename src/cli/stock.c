/* SPDX-License-Identifier: MIT */
#include "cli/stock.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

static void item_remove(struct stock *s, size_t i)
{
        s->bytes -= s->items[i].bytes;
        free(s->items[i].name);
        memmove(&s->items[i], &s->items[i + 1], (s->n - i - 1) * sizeof(*s->items));
        s->n--;
}

void stock_free(struct stock *s)
{
        while (s->n > 0)
                item_remove(s, s->n - 1);
        freep(&s->items);
        freep(&s->adopted);
        *s = (struct stock){0};
}

static bool has(const struct stock *s, const char *name)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->items[i].name, name) == 0)
                        return true;
        return false;
}

int stock_add(struct stock *s, int dirfd, const char *name, bool first)
{
        struct stock_item item = {.first = first};
        int r = bundle_label_parse(name, &item.label);

        if (r < 0 || has(s, name))
                return r;
        r = dir_tree_bytes(dirfd, name, &item.bytes);
        if (r < 0)
                return r;
        if (s->n == s->room) {
                size_t room = s->room ? 2 * s->room : 16;
                struct stock_item *more = realloc(s->items, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                s->items = more;
                s->room = room;
        }
        item.name = strdup(name);
        if (!item.name)
                return -ENOMEM;
        s->bytes += item.bytes;
        s->items[s->n++] = item;
        return 0;
}

int stock_adopt(struct stock *s, int dirfd, const char *exe)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int r;

        if (s->adopted && strcmp(s->adopted, exe) == 0)
                return 0;
        r = dir_open_at(dirfd, ".", &dir);
        if (r < 0)
                return r;
        while ((entry = readdir(dir))) {
                struct bundle_label l;

                if (bundle_label_parse(entry->d_name, &l) == 0 && bundle_is_ours(dirfd, entry->d_name) &&
                    bundle_names_exe(dirfd, entry->d_name, exe))
                        stock_add(s, dirfd, entry->d_name, false);
        }
        free(s->adopted);
        s->adopted = strdup(exe);
        return 0;
}

static bool is_newest_of_its_target(const struct stock *s, const struct stock_item *item)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->items[i].label.target, item->label.target) == 0 &&
                    bundle_label_compare(&s->items[i].label, &item->label) > 0)
                        return false;
        return true;
}

static bool is_newest(const struct stock *s, const struct stock_item *item)
{
        for (size_t i = 0; i < s->n; i++)
                if (bundle_label_compare(&s->items[i].label, &item->label) > 0)
                        return false;
        return true;
}

/* How long it stays. */
static int worth(const struct stock *s, const struct stock_item *item)
{
        return is_newest_of_its_target(s, item) ? 2 : item->first ? 1 : 0;
}

const struct stock_item *stock_next(const struct stock *s)
{
        const struct stock_item *next = NULL;

        for (size_t i = 0; i < s->n; i++) {
                const struct stock_item *item = &s->items[i];
                int less = next ? worth(s, item) - worth(s, next) : -1;

                if (is_newest(s, item))
                        continue;
                if (less < 0 || (less == 0 && bundle_label_compare(&item->label, &next->label) < 0))
                        next = item;
        }
        return next;
}

int stock_trim(struct stock *s, int dirfd, uint64_t most, struct diag *d)
{
        int removed = 0;

        while (s->bytes > most) {
                const struct stock_item *next = stock_next(s);
                int r = 0;

                if (!next)
                        return removed;
                /* One that somebody else has moved away needs no room. */
                if (bundle_is_ours(dirfd, next->name)) {
                        r = dir_remove_tree(dirfd, next->name);
                        if (r < 0)
                                diag_set(d, r, "%s: cannot remove this older bundle: %s", next->name,
                                         strerror(-r));
                        removed += r == 0;
                }
                item_remove(s, (size_t)(next - s->items));
                if (r < 0)
                        return r;
        }
        return removed;
}
