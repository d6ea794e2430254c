/* SPDX-License-Identifier: MIT */
#include "analysis/machine/rules.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"
#include "base/size.h"

#define SHARE_MANY 0.5
#define SHARE_MOST 0.75

/* vm.overcommit_memory = 2: from here on malloc() will soon fail. */
#define COMMITTED_FULL 0.95

/* Many small processes: none has a tenth, and those of one name have half. */
#define SMALL_SHARE 0.1
#define MANY_COUNT  20

/* PAGE_ALLOC_COSTLY_ORDER: up to here the kernel itself relies on success, and kills for it. */
#define COSTLY_ORDER 3

/* "of 14 GiB that cannot be dropped, 12 GiB (86 %) are in user space" */
static bool judge_part(const struct machine_facts *f, enum machine_cause cause, const char *what,
                       struct finding *ret)
{
        uint64_t bytes = f->sums.bytes[cause];
        double share = amount_share(bytes, f->sums.held);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (share < SHARE_MANY)
                return false;
        ret->certainty = share >= SHARE_MOST ? CERTAINTY_CERTAIN : CERTAINTY_LIKELY;
        buf_printf(&ret->sentence, "of %s that cannot be dropped, %s (%.0f %%) are in %s",
                   size_format(f->sums.held, b), size_format(bytes, a), 100 * share, what);
        return true;
}

static void judge_commitment(const struct machine_facts *f, struct finding *ret)
{
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (f->s->overcommit != 2 || amount_share(f->s->committed, f->s->commit_limit) < COMMITTED_FULL)
                return;
        ret->certainty = CERTAINTY_CERTAIN;
        buf_printf(
                &ret->sentence,
                "vm.overcommit_memory is 2, and %s of %s (CommitLimit) are promised: allocations fail now, "
                "whatever is free",
                size_format(f->s->committed, a), size_format(f->s->commit_limit, b));
}

/* The lowest order up to `max` that is refused for want of a block though memory is free; n_orders if none. */
static size_t refused_order(const struct report_system *s, size_t max)
{
        for (size_t i = 1; i < s->n_orders && i <= max; i++)
                if (s->orders[i].state == ORDER_FREE_LISTS)
                        return i;
        return s->n_orders;
}

static void judge_fragmentation(const struct machine_facts *f, struct finding *ret)
{
        size_t order = refused_order(f->s, COSTLY_ORDER);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (order >= f->s->n_orders)
                return;
        ret->certainty = CERTAINTY_CERTAIN;
        buf_printf(
                &ret->sentence,
                "memory is fragmented: no block of order %zu (%s) is free in any zone, though %s are free in "
                "smaller ones",
                order, size_format(f->s->orders[order].bytes, a),
                size_format(f->s->orders[order].free_smaller, b));
}

static void judge_many_processes(const struct machine_facts *f, struct finding *ret)
{
        const struct report_system *s = f->s;
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (amount_share(f->sums.bytes[MACHINE_USER_SPACE], f->sums.held) < SHARE_MANY || s->n_names == 0 ||
            s->n_processes == 0 || s->names[0].processes < MANY_COUNT ||
            amount_share(s->processes[0].anon, s->total_anon) >= SMALL_SHARE ||
            amount_share(s->names[0].anon, s->total_anon) < SHARE_MANY)
                return;
        ret->certainty = CERTAINTY_CERTAIN;
        buf_printf(&ret->sentence,
                   "many small processes hold the memory together: %" PRIu64 " named %s have %s of the %s of "
                   "anonymous memory",
                   s->names[0].processes, s->names[0].comm ? s->names[0].comm : "?",
                   size_format(s->names[0].anon, a), size_format(s->total_anon, b));
}

static void judge_user_space(const struct machine_facts *f, struct finding *ret)
{
        const struct report_system *s = f->s;
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (!judge_part(f, MACHINE_USER_SPACE, "user space", ret) || s->n_processes == 0)
                return;
        buf_printf(&ret->evidence[0], "the largest of %" PRIu64 " processes: %s (PID %d) with RSS %s",
                   s->processes_seen, s->processes[0].comm ? s->processes[0].comm : "?", s->processes[0].pid,
                   size_format(amount_or(s->processes[0].rss, 0), a));
        if (s->n_names > 0 && s->names[0].processes > 1)
                buf_printf(&ret->evidence[1], "%" PRIu64 " processes are named %s, RSS %s together",
                           s->names[0].processes, s->names[0].comm ? s->names[0].comm : "?",
                           size_format(amount_or(s->names[0].rss, 0), b));
}

static void judge_tmpfs(const struct machine_facts *f, struct finding *ret)
{
        if (judge_part(f, MACHINE_TMPFS, "tmpfs and shared memory", ret))
                buf_str(&ret->evidence[0], "files on tmpfs (/dev/shm, /tmp, /run) and shared memory stay "
                                           "until they are deleted; the "
                                           "kernel can only swap them");
}

static void judge_slab(const struct machine_facts *f, struct finding *ret)
{
        const struct report_system *s = f->s;
        char a[SIZE_TEXT];

        if (judge_part(f, MACHINE_SLAB, "unreclaimable slab", ret) && s->n_slabs > 0)
                buf_printf(&ret->evidence[0], "the largest slab: %s with %s", s->slabs[0].name,
                           size_format(s->slabs[0].bytes, a));
}

static void judge_page_tables(const struct machine_facts *f, struct finding *ret)
{
        if (judge_part(f, MACHINE_PAGE_TABLES, "page tables", ret))
                buf_str(&ret->evidence[0],
                        "page tables grow with every process that maps the same large memory (huge pages "
                        "would shrink them)");
}

static void judge_huge_pages(const struct machine_facts *f, struct finding *ret)
{
        uint64_t total = key_value_get(f->s->meminfo, f->s->n_meminfo, "HugePages_Total"),
                 unused = key_value_get(f->s->meminfo, f->s->n_meminfo, "HugePages_Free"),
                 size = key_value_get(f->s->meminfo, f->s->n_meminfo, "Hugepagesize");
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (!judge_part(f, MACHINE_HUGE_PAGES, "the pool of huge pages (hugetlbfs)", ret) ||
            !amount_known(amount_times(total, size)) || !amount_known(amount_times(unused, size)))
                return;
        buf_printf(&ret->evidence[0],
                   "%s of that pool's %s are unused; nothing but huge pages can be made of them "
                   "(vm.nr_hugepages)",
                   size_format(amount_times(unused, size), a), size_format(amount_times(total, size), b));
}

static void judge_compressed_swap(const struct machine_facts *f, struct finding *ret)
{
        judge_part(f, MACHINE_COMPRESSED_SWAP, "compressed swap (zram, zswap)", ret);
}

static void judge_kernel(const struct machine_facts *f, struct finding *ret)
{
        judge_part(f, MACHINE_KERNEL, "the kernel's own data (stacks, vmalloc, per-CPU memory)", ret);
}

static void judge_unaccounted(const struct machine_facts *f, struct finding *ret)
{
        const struct report_system *s = f->s;
        char a[SIZE_TEXT];

        if (judge_part(f, MACHINE_UNACCOUNTED, "no counter of the kernel: not accounted for", ret) &&
            s->n_allocations > 0)
                buf_printf(&ret->evidence[0], "the kernel's largest call site: %s with %s",
                           s->allocations[0].site, size_format(s->allocations[0].bytes, a));
}

const struct machine_rule machine_rules[] = {
        {"commitment", judge_commitment},
        {"fragmentation", judge_fragmentation},
        {"unaccounted", judge_unaccounted},
        {"slab", judge_slab},
        {"page-tables", judge_page_tables},
        {"huge-pages", judge_huge_pages},
        {"tmpfs", judge_tmpfs},
        {"compressed-swap", judge_compressed_swap},
        {"kernel", judge_kernel},
        {"many-processes", judge_many_processes},
        {"user-space", judge_user_space},
};
const size_t n_machine_rules = ARRAY_SIZE(machine_rules);
