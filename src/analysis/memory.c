/* SPDX-License-Identifier: MIT */
#include "analysis/memory.h"

#include <errno.h>
#include <stdio.h>

#include "analysis/amount.h"
#include "base/cleanup.h"
#include "base/scan.h"

void statm_bytes_parse(const char *text, size_t len, uint64_t page_size, struct statm *ret)
{
        uint64_t *const fields[] = {&ret->size, &ret->rss, &ret->shared};
        struct scan s = scan_of(text, len);

        *ret = (struct statm){REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN};
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                uint64_t pages;

                scan_blanks(&s);
                if (!scan_number(&s, &pages))
                        return;
                *fields[i] = amount_times(pages, page_size);
        }
}

/* anon + file + shmem = rss.  smaps tells anonymous pages from others, but not a file on tmpfs from one on disk:
 * that is status's, whose sums are of another instant. */
static void account_by_smaps(struct report *r, const struct smaps_total *t, const struct status *status)
{
        uint64_t rest = amount_less(t->rss, t->anonymous);

        r->memory.rss = t->rss;
        r->memory.pss = t->pss;
        r->memory.uss = amount_sum(t->private_clean, t->private_dirty);
        r->memory.anon = amount_or(t->anonymous, status->rss_anon);
        r->memory.shmem = status->rss_shmem;
        if (amount_known(rest) && amount_known(r->memory.shmem) && r->memory.shmem > rest)
                r->memory.shmem = rest;
        r->memory.file = amount_known(rest) ? amount_less(rest, r->memory.shmem) : status->rss_file;
        r->memory.huge_pages = t->anon_huge;
        r->memory.hugetlb = amount_sum(t->shared_hugetlb, t->private_hugetlb);
}

void memory_account(struct report *r, const struct memory_witnesses *w)
{
        const struct status *status = &w->status;

        r->memory.rss = r->memory.pss = r->memory.uss = REPORT_UNKNOWN;
        r->memory.huge_pages = r->memory.hugetlb = REPORT_UNKNOWN;
        r->memory.anon = status->rss_anon;
        r->memory.file = status->rss_file;
        r->memory.shmem = status->rss_shmem;
        r->memory.source = NULL;
        r->memory.swap = status->vm_swap;
        if (w->smaps_complete && amount_known(w->smaps.rss)) {
                account_by_smaps(r, &w->smaps, status);
                r->memory.swap = amount_or(w->smaps.swap, status->vm_swap);
                r->memory.source = "smaps";
        } else if (amount_known(w->rollup.rss)) {
                account_by_smaps(r, &w->rollup, status);
                r->memory.swap = amount_or(w->rollup.swap, status->vm_swap);
                r->memory.source = "smaps_rollup";
        } else if (amount_known(status->vm_rss)) {
                r->memory.rss = status->vm_rss;
                r->memory.source = "status";
        } else if (amount_known(w->statm.rss)) {
                r->memory.rss = w->statm.rss;
                r->memory.anon = amount_less(w->statm.rss, w->statm.shared);
                r->memory.source = "statm";
        }
        r->memory.page_tables = status->vm_pte;
        r->memory.virtual_size = amount_or(status->vm_size, w->statm.size);
}

bool memory_of_killed(struct report *r)
{
        const struct report_kill *k = r->kill;
        uint64_t rss;

        if (!k || !k->was_target)
                return false;
        rss = amount_sum(amount_sum(k->anon_rss, k->file_rss), k->shmem_rss);
        if (!amount_known(rss) || rss <= amount_or(r->memory.rss, 0))
                return false;
        r->memory.rss = rss;
        r->memory.anon = k->anon_rss;
        r->memory.file = k->file_rss;
        r->memory.shmem = k->shmem_rss;
        r->memory.page_tables = k->page_tables;
        r->memory.virtual_size = k->total_vm;
        r->memory.pss = r->memory.uss = r->memory.huge_pages = REPORT_UNKNOWN;
        r->memory.source = "kill";
        return true;
}

/* A group's limit, if it is the tightest yet. */
static int limit_by_group(struct report *r, const char *group, uint64_t limit, uint64_t usage)
{
        size_t size = strlen(group) + sizeof("cgroup ");
        char *source;

        /* (An unknown one is larger than any.) */
        if (limit >= r->memory.limit)
                return 0;
        source = pool_alloc(&r->pool, size);
        if (!source)
                return -ENOMEM;
        snprintf(source, size, "cgroup %s", group);
        r->memory.limit = limit;
        r->memory.limit_source = source;
        r->memory.limit_used = usage;
        return 0;
}

int memory_limit(struct report *r)
{
        const struct report_cgroup *c = &r->cgroup;
        const struct report_kill *k = r->kill;
        int ret;

        r->memory.limit = r->memory.mem_total;
        r->memory.limit_source = amount_known(r->memory.mem_total) ? "MemTotal" : NULL;
        r->memory.limit_used = amount_less(r->memory.mem_total, r->memory.mem_available);
        ret = limit_by_group(r, c->limit_path ? c->limit_path : "", c->limit, c->limit_usage);
        if (ret == 0 && k && k->was_target)
                ret = limit_by_group(r, k->group ? k->group : "", k->limit, k->usage);
        return ret;
}
