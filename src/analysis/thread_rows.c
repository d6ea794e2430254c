/* SPDX-License-Identifier: MIT */
#include "analysis/thread_rows.h"

#include <errno.h>

#include "analysis/tsv.h"
#include "base/cleanup.h"

int thread_rows_parse(const char *text, size_t len, struct pool *pool, const struct thread_row **ret,
                      size_t *ret_n)
{
        static const char *const columns[] = {"tid",         "how",         "pc",    "sp",
                                              "stack_start", "stack_bytes", "reason"};
        struct scan cells[ARRAY_SIZE(columns)];
        struct thread_row *list = NULL;
        size_t n = 0, room = 0;
        struct tsv t;

        *ret = NULL;
        *ret_n = 0;
        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                uint64_t tid = tsv_number(&cells[0]);

                if (tid == 0 || tid > INT32_MAX)
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct thread_row){
                        .tid = (int32_t)tid,
                        .how = tsv_text(&cells[1], pool),
                        .pc = tsv_number(&cells[2]),
                        .sp = tsv_number(&cells[3]),
                        .stack_start = tsv_number(&cells[4]),
                        .stack_bytes = tsv_number(&cells[5]),
                        .reason = tsv_text(&cells[6], pool),
                };
        }
        *ret = list;
        *ret_n = n;
        return 0;
}
