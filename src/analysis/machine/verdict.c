/* SPDX-License-Identifier: MIT */
#include "analysis/machine/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"
#include "base/size.h"

/* What the verdict calls short.  A kill comes when the free memory of a zone falls below its minimum, which on the
 * machines measured was at 2 to 3 % available. */
#define AVAILABLE_LOW  0.10
#define AVAILABLE_NONE 0.04
#define SWAP_FULL      0.95
#define PRESSURE_HIGH  10.0 /* percent */
#define COMMITTED_MOST 0.9

#define EVIDENCE_MAX 10

static double pressure_some(const struct report_system *s)
{
        for (size_t i = 0; i < s->n_pressure; i++)
                if (strcmp(s->pressure[i].resource, "memory") == 0)
                        return s->pressure[i].some;
        return 0;
}

/* "the machine is short of memory: 1.2 GiB of 16 GiB available (8 %), no swap" */
static void say_available(const struct report *r, struct buf *out)
{
        const struct report_system *s = &r->system;
        uint64_t swap_total = key_value_get(s->meminfo, s->n_meminfo, "SwapTotal"),
                 swap_free = key_value_get(s->meminfo, s->n_meminfo, "SwapFree"), total = r->memory.mem_total,
                 available = r->memory.mem_available;
        double share = amount_share(available, total);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        buf_str(out, share < AVAILABLE_NONE  ? "the machine is out of memory: "
                     : share < AVAILABLE_LOW ? "the machine is short of memory: "
                                             : "the machine has memory left: ");
        buf_printf(out, "%s of %s available (%.0f %%)", size_format(available, a), size_format(total, b),
                   100 * share);
        if (swap_total == 0)
                buf_str(out, ", no swap");
        else if (amount_known(swap_total) && amount_known(swap_free))
                buf_printf(out, ", swap %s: %s of %s free",
                           amount_share(swap_free, swap_total) < 1 - SWAP_FULL ? "is full" : "has room",
                           size_format(swap_free, a), size_format(swap_total, b));
        if (pressure_some(s) >= PRESSURE_HIGH)
                buf_printf(out, "; tasks waited for memory %.0f %% of the last 10 s", pressure_some(s));
}

struct evidence {
        struct report *r;
        struct buf text; /* of the one that is being made */
        char memory[320];
        bool failed;
};

/* Keep what was made, if anything was. */
static void next_evidence(struct evidence *e)
{
        struct report_system *s = &e->r->system;

        if (e->text.len > 0 && s->n_evidence < EVIDENCE_MAX) {
                s->evidence[s->n_evidence] = pool_strdup(&e->r->pool, e->text.data);
                e->failed = e->failed || !s->evidence[s->n_evidence];
                s->n_evidence++;
        }
        buf_reset(&e->text);
}

static void evidence_lru(const struct machine_facts *f, struct buf *b)
{
        const struct report_system *s = f->s;
        uint64_t kept = key_value_get(s->meminfo, s->n_meminfo, "SUnreclaim");
        char x[SIZE_TEXT], y[SIZE_TEXT];

        /* The kernel's own rule: is_dump_unreclaim_slabs() of mm/oom_kill.c. */
        if (amount_known(kept) && amount_known(s->lru) && kept > s->lru)
                buf_printf(b,
                           "unreclaimable slab (%s) is more than all that could be paged out (LRU: %s): the "
                           "kernel "
                           "lists slabs in its OOM report then",
                           size_format(kept, x), size_format(s->lru, y));
}

static void evidence_orders(const struct machine_facts *f, struct buf *b)
{
        const struct report_system *s = f->s;
        char size[SIZE_TEXT];

        for (size_t i = 0; i < s->n_orders; i++) {
                if (s->orders[i].state == ORDER_POSSIBLE || s->orders[i].state == ORDER_UNKNOWN)
                        continue;
                buf_printf(b, "an allocation of order %zu (%s) needs %s first: %s", i,
                           size_format(s->orders[i].bytes, size),
                           s->orders[i].state == ORDER_WATERMARK ? "reclaim" : "compaction",
                           s->orders[i].state == ORDER_WATERMARK
                                   ? "every zone is at its min watermark"
                                   : "no zone above its watermark has so large a free block");
                return;
        }
}

static void evidence_kills(const struct machine_facts *f, struct buf *b)
{
        uint64_t kills = key_value_get(f->s->reclaim, f->s->n_reclaim, "oom_kill");

        if (amount_or(kills, 0) > 0)
                buf_printf(b,
                           "since boot the kernel has killed %" PRIu64
                           " process%s for memory, in groups or for "
                           "the whole machine",
                           kills, kills == 1 ? "" : "es");
}

static void evidence_commitment(const struct machine_facts *f, struct buf *b)
{
        char x[SIZE_TEXT], y[SIZE_TEXT];

        if (f->s->overcommit == 2 && amount_share(f->s->committed, f->s->commit_limit) >= COMMITTED_MOST)
                buf_printf(b,
                           "promised (Committed_AS): %s of %s (CommitLimit), and vm.overcommit_memory is 2",
                           size_format(f->s->committed, x), size_format(f->s->commit_limit, y));
}

static void evidence_unaccounted(const struct machine_facts *f, struct buf *b)
{
        uint64_t bytes = f->sums.bytes[MACHINE_UNACCOUNTED];
        char x[SIZE_TEXT];

        if (amount_share(bytes, f->mem_total) >= AVAILABLE_LOW)
                buf_printf(b,
                           "not accounted for, %s: pages that drivers, the network or a balloon took, which "
                           "no counter has",
                           size_format(bytes, x));
}

/* Pages that the hypervisor has taken back are in MemTotal on some hosts, but in no zone. */
static void evidence_balloon(const struct machine_facts *f, struct buf *b)
{
        uint64_t managed = f->s->n_zones > 0 ? 0 : REPORT_UNKNOWN;
        char x[SIZE_TEXT], y[SIZE_TEXT];

        for (size_t i = 0; i < f->s->n_zones; i++)
                managed = amount_sum(managed, f->s->zones[i].managed);
        if (amount_known(managed) && amount_share(managed, f->mem_total) < 1 - AVAILABLE_LOW)
                buf_printf(b,
                           "the zones have only %s of MemTotal's %s: the hypervisor has the rest (a "
                           "balloon), and "
                           "it is counted as free",
                           size_format(managed, x), size_format(f->mem_total, y));
}

static void (*const more_evidence[])(const struct machine_facts *f, struct buf *b) = {
        evidence_balloon,     evidence_lru,        evidence_orders,
        evidence_unaccounted, evidence_commitment, evidence_kills,
};

/* What to say when no row of the table has anything: the largest part. */
static void judge_none(const struct machine_facts *f, struct finding *ret)
{
        static const char *const names[MACHINE_CAUSES] = {
                [MACHINE_USER_SPACE] = "user space",        [MACHINE_TMPFS] = "tmpfs and shared memory",
                [MACHINE_SLAB] = "unreclaimable slab",      [MACHINE_PAGE_TABLES] = "page tables",
                [MACHINE_HUGE_PAGES] = "huge pages",        [MACHINE_COMPRESSED_SWAP] = "compressed swap",
                [MACHINE_KERNEL] = "the kernel's own data", [MACHINE_UNACCOUNTED] = "what no counter knows",
        };
        size_t largest = MACHINE_USER_SPACE;
        char x[SIZE_TEXT], y[SIZE_TEXT];

        if (f->sums.held == 0)
                return;
        for (size_t i = MACHINE_USER_SPACE; i < MACHINE_CAUSES; i++)
                if (f->sums.bytes[i] > f->sums.bytes[largest])
                        largest = i;
        ret->certainty = CERTAINTY_POSSIBLE;
        buf_printf(&ret->sentence, "of %s that cannot be dropped no part has half; the largest, %s, has %s",
                   size_format(f->sums.held, x), names[largest], size_format(f->sums.bytes[largest], y));
}

static const char *judge(const struct machine_facts *f, struct finding *best)
{
        const char *cause = "none";
        struct finding next;

        finding_reset(best);
        for (size_t i = 0; i < n_machine_rules; i++) {
                finding_reset(&next);
                machine_rules[i].judge(f, &next);
                if (next.certainty <= best->certainty)
                        continue;
                finding_copy(best, &next);
                cause = machine_rules[i].cause;
        }
        if (best->certainty == CERTAINTY_NONE)
                judge_none(f, best);
        return cause;
}

int machine_verdict(const struct machine_facts *f, struct report *r)
{
        static const char *const words[] = {NULL, "possible", "likely", "certain"};
        struct report_system *s = &r->system;
        struct evidence e = {.r = r};
        struct finding best;
        char text[768];
        struct buf out = BUF_FIXED(text, sizeof(text));

        if (!amount_known(r->memory.mem_total) || !amount_known(r->memory.mem_available))
                return 0;
        s->evidence = pool_alloc(&r->pool, EVIDENCE_MAX * sizeof(*s->evidence));
        if (!s->evidence)
                return -ENOMEM;
        e.text = BUF_FIXED(e.memory, sizeof(e.memory));
        e.memory[0] = '\0';
        s->cause = judge(f, &best);
        s->certainty = words[best.certainty];
        say_available(r, &out);
        if (best.sentence.len > 0)
                buf_printf(&out, "; %s", best.sentence.data);
        s->verdict = pool_strdup(&r->pool, text);
        for (size_t i = 0; i < ARRAY_SIZE(best.evidence); i++) {
                buf_str(&e.text, best.evidence[i].data);
                next_evidence(&e);
        }
        for (size_t i = 0; i < ARRAY_SIZE(more_evidence); i++) {
                more_evidence[i](f, &e.text);
                next_evidence(&e);
        }
        return e.failed || !s->verdict ? -ENOMEM : 0;
}
