/* SPDX-License-Identifier: MIT */
#include "analysis/heap/malloc_info.h"

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/tsv.h"
#include "bundle/reader.h"

/* The only word on this allocator: neither a recorder nor a census knows it. */
static void be_the_word(struct report *r, const char *allocator)
{
        r->malloc.allocator = allocator;
        r->malloc.time_ns = r->time_ns;
        r->malloc.in_use = r->malloc.own.in_use;
        r->malloc.free_held = r->malloc.own.free_held;
        r->malloc.mmapped = r->malloc.own.mmapped;
        r->malloc.top = r->malloc.own.top;
        r->malloc.resident = r->malloc.own.resident;
        r->malloc.n_arenas = REPORT_UNKNOWN;
}

void malloc_info_fill(struct source *s, struct report *r)
{
        static const char *const columns[] = {"what", "value"};
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        const struct {
                const char *what;
                uint64_t *to;
        } numbers[] = {{"in_use", &r->malloc.own.in_use},
                       {"free_held", &r->malloc.own.free_held},
                       {"mmapped", &r->malloc.own.mmapped},
                       {"top", &r->malloc.own.top},
                       {"resident", &r->malloc.own.resident}};
        const char *allocator = NULL;
        struct scan cells[2];
        struct tsv t;

        r->malloc.own.known = false;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                *numbers[i].to = REPORT_UNKNOWN;
        if (source_read(s, &b, true, "proc/%d/malloc_info/totals.tsv", s->pid) < 0 ||
            tsv_begin(b.data, b.len, columns, ARRAY_SIZE(columns), &t) < 0)
                return;
        while (tsv_next(&t, cells)) {
                for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                        if (scan_is(&cells[0], numbers[i].what))
                                *numbers[i].to = tsv_number(&cells[1]);
                if (scan_is(&cells[0], "allocator"))
                        allocator = tsv_text(&cells[1], &r->pool);
        }
        r->malloc.own.known = amount_known(r->malloc.own.in_use);
        if (r->malloc.own.known && allocator && (!r->malloc.allocator || !amount_known(r->malloc.time_ns)))
                be_the_word(r, allocator);
}
