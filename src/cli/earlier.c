/* SPDX-License-Identifier: MIT */
#include "cli/earlier.h"

#include <stdio.h>

#include "base/clock.h"

void earlier_note(struct earlier *e, uint64_t begin_ns, const char *bundle)
{
        e->n++;
        e->last_ns = begin_ns;
        snprintf(e->last, sizeof(e->last), "%s", bundle);
}

void earlier_words(const struct earlier *e, uint64_t end_ns, struct buf *out)
{
        if (e->n == 0)
                return;
        buf_printf(out, "; %u dump%s before it, the last", e->n, e->n == 1 ? "" : "s");
        /* The clock of the kernel's log is not quite ours. */
        if (end_ns > e->last_ns)
                buf_printf(out, " %.0f ms before", (double)(end_ns - e->last_ns) / NS_PER_MS);
        buf_printf(out, ": %s", e->last);
}
