/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "capture/collectors/tree.h"

int tree_add(struct tree *t, pid_t pid, pid_t ppid, uint64_t start_ticks)
{
        if (t->n == t->size) {
                size_t size = t->size ? 2 * t->size : 256;
                struct tree_node *grown = reallocarray(t->nodes, size, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                t->nodes = grown;
                t->size = size;
        }
        t->nodes[t->n++] = (struct tree_node){pid, ppid, start_ticks};
        return 0;
}

void tree_done(struct tree *t)
{
        free(t->nodes);
        *t = (struct tree){0};
}

static int compare_pid(const void *a, const void *b)
{
        pid_t x = ((const struct tree_node *)a)->pid, y = ((const struct tree_node *)b)->pid;

        return (x > y) - (x < y);
}

static int compare_parent(const void *a, const void *b)
{
        pid_t x = ((const struct tree_node *)a)->ppid, y = ((const struct tree_node *)b)->ppid;

        return x != y ? (x > y) - (x < y) : compare_pid(a, b);
}

/* The first child of `ppid`, in nodes sorted by parent; its siblings follow. */
static size_t first_child(const struct tree *t, pid_t ppid)
{
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (t->nodes[middle].ppid < ppid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int tree_relatives(struct tree *t, pid_t pid, pid_t ppid, size_t max, struct tree_node **ret, size_t *ret_n,
                   bool *ret_more)
{
        struct tree_node *out = calloc(t->n + 1, sizeof(*out));
        size_t n = 0, ancestors;
        pid_t parent = pid;

        if (!out)
                return -ENOMEM;
        *ret_more = false;
        qsort(t->nodes, t->n, sizeof(*t->nodes), compare_pid);
        /* The list was not taken at one instant: parents that changed may even form a ring. */
        while (n < t->n) {
                struct tree_node key = {.pid = ppid}, *node;

                node = ppid > 0 ? bsearch(&key, t->nodes, t->n, sizeof(key), compare_pid) : NULL;
                if (!node || node->pid == pid || (n > 0 && node->start_ticks > out[n - 1].start_ticks))
                        break;
                out[n++] = *node;
                ppid = node->ppid;
        }
        ancestors = n;
        qsort(t->nodes, t->n, sizeof(*t->nodes), compare_parent);
        for (size_t next = ancestors;; parent = out[next++].pid) {
                for (size_t i = first_child(t, parent); i < t->n && t->nodes[i].ppid == parent; i++) {
                        if (t->nodes[i].pid == pid)
                                continue;
                        if (n - ancestors >= max || n >= t->n) {
                                *ret_more = true;
                                break;
                        }
                        out[n++] = t->nodes[i];
                }
                if (next >= n || *ret_more)
                        break;
        }
        *ret = out;
        *ret_n = n;
        return 0;
}
