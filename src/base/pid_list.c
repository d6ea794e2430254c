/* SPDX-License-Identifier: MIT */
#include "base/pid_list.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/number.h"

void pid_list_done(struct pid_list *l)
{
        free(l->items);
        *l = (struct pid_list){0};
}

int pid_list_add(struct pid_list *l, pid_t pid)
{
        if (l->n == l->size) {
                size_t size = l->size ? 2 * l->size : 64;
                pid_t *items = reallocarray(l->items, size, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                l->items = items;
                l->size = size;
        }
        l->items[l->n++] = pid;
        return 0;
}

static int by_number(const void *a, const void *b)
{
        pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

        return x < y ? -1 : x > y;
}

void pid_list_sort(struct pid_list *l)
{
        size_t kept = 0;

        if (l->n == 0)
                return;
        qsort(l->items, l->n, sizeof(*l->items), by_number);
        for (size_t i = 0; i < l->n; i++)
                if (kept == 0 || l->items[i] != l->items[kept - 1])
                        l->items[kept++] = l->items[i];
        l->n = kept;
}

bool pid_list_has(const struct pid_list *l, pid_t pid)
{
        return l->n > 0 && bsearch(&pid, l->items, l->n, sizeof(pid), by_number);
}

int pid_list_add_all(struct pid_list *l)
{
        _cleanup_dir_ DIR *proc = opendir("/proc");
        struct dirent *entry;
        uint64_t pid;

        if (!proc)
                return -errno;
        while ((entry = readdir(proc)))
                if (number_parse(entry->d_name, INT_MAX, &pid) == 0 && pid_list_add(l, (pid_t)pid) < 0)
                        return -ENOMEM;
        return 0;
}
