/* SPDX-License-Identifier: MIT */
#include "analysis/machine/allocinfo.h"

#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/largest.h"

static uint64_t weight(const void *row)
{
        return ((const struct report_allocation *)row)->bytes;
}

static bool scan_site(struct scan line, struct report_allocation *ret, struct scan *ret_site)
{
        scan_blanks(&line);
        if (!scan_number(&line, &ret->bytes))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &ret->calls) || !scan_word(&line, " "))
                return false;
        scan_blanks(&line);
        *ret_site = line;
        return scan_left(&line) > 0 && ret->bytes > 0;
}

int allocinfo_parse(const char *text, size_t len, struct pool *pool, struct report_system *s)
{
        struct scan rest = scan_of(text, len), line, site;
        struct largest best = {
                .row_size = sizeof(struct report_allocation), .max = MACHINE_ROWS_MAX, .weight = weight};
        struct report_allocation row;

        best.rows = pool_alloc(pool, MACHINE_ROWS_MAX * sizeof(row));
        if (!best.rows)
                return -ENOMEM;
        s->allocation_sites = s->allocation_bytes = 0;
        while (line_next(&rest, &line)) {
                if (!scan_site(line, &row, &site))
                        continue;
                s->allocation_sites++;
                amount_add(&s->allocation_bytes, row.bytes);
                if (!largest_wants(&best, row.bytes))
                        continue;
                row.site = pool_strndup(pool, site.at, scan_left(&site));
                if (!row.site)
                        return -ENOMEM;
                largest_add(&best, &row);
        }
        s->allocations = best.rows;
        s->n_allocations = best.n;
        return 0;
}
