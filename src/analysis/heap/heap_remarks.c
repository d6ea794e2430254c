/* SPDX-License-Identifier: MIT */
#include "analysis/heap/heap_remarks.h"

#include <errno.h>
#include <stdio.h>

#include "analysis/amount.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/size.h"

#define REMARKS_MAX 14

static int remark(struct report *r, const char *text)
{
        if (r->heap.n_remarks == REMARKS_MAX)
                return 0;
        if (!r->heap.remarks)
                r->heap.remarks = pool_alloc(&r->pool, REMARKS_MAX * sizeof(*r->heap.remarks));
        if (!r->heap.remarks)
                return -ENOMEM;
        r->heap.remarks[r->heap.n_remarks] = pool_strdup(&r->pool, text);
        return r->heap.remarks[r->heap.n_remarks++] ? 0 : -ENOMEM;
}

static const struct {
        uint32_t flag;
        const char *sentence;
} flag_remarks[] = {
        {RECORDER_HEAP_UNSEEN,
         "the heap was not seen: the program's malloc does not come to the agent (it is linked in "
         "statically, or another library stands in front)"},
        {RECORDER_FORKED, "the process is the child of a fork: blocks that are older are not in it"},
        {RECORDER_STACKS_FULL,
         "the table of call stacks was full: new ones are counted together, without frames"},
        {RECORDER_MODULES_FULL, "the table of modules was full: some addresses have no name"},
        {RECORDER_MAPS_FULL, "some anonymous mappings were not recorded"},
        {RECORDER_SEALED,
         "the program locked itself in (seccomp): since then no history, no statistics, and no more room in "
         "the recorder"},
        {RECORDER_NO_MEMORY, "the recorder's file system was full: its tables stayed small"},
};

/* "… at 2026-11-21T05:00:00Z: what was allocated before is not seen; seen are 5.60 MiB of the 8.80 MiB that malloc holds" */
static int remark_injected(struct report *r)
{
        char text[256], time[CLOCK_TEXT], a[SIZE_TEXT], b[SIZE_TEXT];
        struct buf out = BUF_FIXED(text, sizeof(text));

        buf_str(&out, "the agent was loaded into the running program");
        if (amount_known(r->heap.injected_ns))
                buf_printf(&out, " at %s", clock_rfc3339(r->heap.injected_ns, time));
        buf_str(&out, ": what was allocated before is not seen");
        if (amount_known(r->malloc.in_use) && r->malloc.in_use > 0 && r->heap.live_bytes <= r->malloc.in_use)
                buf_printf(&out, "; seen is %s of the %s that malloc has handed out (%.0f %%)",
                           size_format(r->heap.live_bytes, a), size_format(r->malloc.in_use, b),
                           100 * (double)r->heap.live_bytes / (double)r->malloc.in_use);
        return remark(r, text);
}

static int remark_detached(struct report *r)
{
        char text[128], time[CLOCK_TEXT];

        snprintf(text, sizeof(text), "the agent was detached at %s: what is live is as of then",
                 clock_rfc3339(r->heap.detached_ns, time));
        return remark(r, text);
}

int heap_remarks_fill(const struct recorder *rec, const struct recorder_sites *sites, struct report *r)
{
        const struct recorder_header *h = &rec->head;
        char text[256], a[SIZE_TEXT], b[SIZE_TEXT];
        int err = 0;

        for (size_t i = 0; err == 0 && i < ARRAY_SIZE(flag_remarks); i++)
                if (h->flags & flag_remarks[i].flag)
                        err = remark(r, flag_remarks[i].sentence);
        if (err == 0 && (h->flags & RECORDER_LOADED_LATE))
                err = remark_injected(r);
        if (err == 0 && amount_known(r->heap.detached_ns))
                err = remark_detached(r);
        if (err == 0 && (h->flags & RECORDER_DEGRADED)) {
                snprintf(text, sizeof(text), "the recorder was full: a sample every %s instead of every %s",
                         size_format(h->mean, a), size_format(h->mean_asked, b));
                err = remark(r, text);
        }
        if (err == 0 && (h->flags & RECORDER_LIVE_FULL)) {
                snprintf(text, sizeof(text),
                         "the recorder was full: %s of allocations are not in the figures",
                         size_format(amount_or(h->counters.lost_bytes, 0), a));
                err = remark(r, text);
        }
        if (err == 0 && rec->cut)
                err = remark(r, "the recorder is cut off: the figures are those of what is there of it");
        if (err == 0 && sites->skipped > 0) {
                snprintf(text, sizeof(text), "%llu entries of the recorder make no sense and were left out",
                         (unsigned long long)sites->skipped);
                err = remark(r, text);
        }
        return err;
}
