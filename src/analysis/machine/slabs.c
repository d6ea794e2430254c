/* SPDX-License-Identifier: MIT */
#include "analysis/machine/slabs.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"

#define NAME_END " " /* names hold no blanks */

static bool next_number(struct scan *s, uint64_t *ret)
{
        scan_blanks(s);
        return scan_number(s, ret);
}

static bool scan_slab(struct scan line, uint64_t page_size, struct scan *ret_name, struct report_slab *ret)
{
        uint64_t active, objects, object_size, per_slab, pages, active_slabs, slabs;

        if (!scan_until(&line, NAME_END, ret_name) || !next_number(&line, &active) ||
            !next_number(&line, &objects) || !next_number(&line, &object_size) ||
            !next_number(&line, &per_slab) || !next_number(&line, &pages) ||
            !scan_find(&line, ": slabdata ") || !next_number(&line, &active_slabs) ||
            !next_number(&line, &slabs))
                return false;
        *ret = (struct report_slab){
                .bytes = amount_known(page_size) ? amount_times(amount_times(slabs, pages), page_size)
                                                 : amount_times(objects, object_size),
                .objects = active,
        };
        return amount_known(ret->bytes) && ret->bytes > 0;
}

static int compare_slabs(const void *a, const void *b)
{
        const struct report_slab *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->name, y->name);
}

int slabs_parse(const char *text, size_t len, uint64_t page_size, struct pool *pool,
                const struct report_slab **ret, size_t *ret_n)
{
        struct scan s = scan_of(text, len), line, name;
        struct report_slab *list = NULL, slab;
        size_t n = 0, room = 0;

        while (line_next(&s, &line)) {
                if (!scan_slab(line, page_size, &name, &slab))
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                slab.name = pool_strndup(pool, name.at, scan_left(&name));
                if (!list || !slab.name)
                        return -ENOMEM;
                list[n++] = slab;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), compare_slabs);
        *ret = list;
        *ret_n = n;
        return 0;
}
