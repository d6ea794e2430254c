/* SPDX-License-Identifier: MIT */
/* What the kernel has left and does about it: free blocks, call sites, shrinkers, reclaim, swap, pressure, commitment. */
#include <inttypes.h>
#include <math.h>

#include "render/text/text.h"

#define ROWS         10
#define CELL_COLUMNS 38

static const char *state_word(enum zone_order_state state)
{
        static const char *const words[] = {[ORDER_UNKNOWN] = "not known",
                                            [ORDER_POSSIBLE] = "possible",
                                            [ORDER_WATERMARK] = "needs reclaim: at the min watermark",
                                            [ORDER_FREE_LISTS] =
                                                    "needs compaction: no free block is so large"};

        return words[state];
}

static void add_zone(const struct text *t, const struct report_zone *z)
{
        size_t begin = text_begin(t);

        buf_printf(t->out, "  node %d ", z->node);
        text_escaped(t, z->name, 10);
        text_pad(t, 18);
        buf_str(t->out, "free");
        text_size_cell(t, z->free);
        buf_str(t->out, " of");
        text_size_cell(t, z->managed);
        buf_str(t->out, ", min");
        text_size_cell(t, z->min);
        buf_str(t->out, ", reserve");
        text_size_cell(t, z->reserve);
        text_wrap(t, begin, 6);
        if (z->n_orders == 0)
                return;
        begin = text_begin(t);
        buf_str(t->out, "    free blocks by order, from 0:");
        for (size_t i = 0; i < z->n_orders; i++)
                buf_printf(t->out, " %" PRIu64, z->blocks[i]);
        if (z->unmovable != REPORT_UNKNOWN && z->movable != REPORT_UNKNOWN)
                buf_printf(t->out, "; page blocks: %" PRIu64 " unmovable, %" PRIu64 " movable", z->unmovable,
                           z->movable);
        text_wrap(t, begin, 6);
}

static void add_orders(const struct text *t)
{
        const struct report_system *s = &t->r->system;

        for (size_t i = 0; i < s->n_zones; i++)
                add_zone(t, &s->zones[i]);
        for (size_t from = 0, to; from < s->n_orders; from = to) {
                size_t begin = text_begin(t);

                for (to = from + 1; to < s->n_orders && s->orders[to].state == s->orders[from].state; to++)
                        ;
                buf_printf(t->out, "  order %zu", from);
                if (to - 1 > from)
                        buf_printf(t->out, " to %zu", to - 1);
                buf_str(t->out, " (");
                text_size(t, s->orders[from].bytes);
                if (to - 1 > from) {
                        buf_str(t->out, " to ");
                        text_size(t, s->orders[to - 1].bytes);
                }
                buf_printf(t->out, "): %s", state_word(s->orders[from].state));
                text_wrap(t, begin, 4);
        }
}

static void add_allocations(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t shown = text_rows(t, s->n_allocations, ROWS), begin = text_begin(t);
        char count[COUNT_TEXT];

        if (shown == 0)
                return;
        buf_printf(t->out, "  the kernel's allocations by call site: %s sites with ",
                   text_count(s->allocation_sites, count));
        text_size(t, s->allocation_bytes);
        buf_str(t->out, "; the largest:");
        text_wrap(t, begin, 4);
        for (size_t i = 0; i < shown; i++) {
                buf_str(t->out, "  ");
                text_size_cell(t, s->allocations[i].bytes);
                buf_printf(t->out, " %12s calls  ", text_count(s->allocations[i].calls, count));
                text_escaped(t, s->allocations[i].site, text_left(t));
                buf_char(t->out, '\n');
        }
}

static void add_shrinkers(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t shown = text_rows(t, s->n_shrinkers, ROWS);
        char count[COUNT_TEXT];

        if (shown > 0)
                buf_str(t->out, "  shrinkers, by the objects that they could free:\n");
        for (size_t i = 0; i < shown; i++) {
                buf_printf(t->out, "  %18s objects  ",
                           s->shrinkers[i].objects == REPORT_UNKNOWN
                                   ? "?"
                                   : text_count(s->shrinkers[i].objects, count));
                text_escaped(t, s->shrinkers[i].name, text_left(t));
                buf_char(t->out, '\n');
        }
}

static void add_reclaim(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t in_line = t->style->width < 2 + 2 * CELL_COLUMNS ? 1 : (t->style->width - 2) / CELL_COLUMNS;
        char count[COUNT_TEXT];

        if (s->n_reclaim > 0)
                buf_str(t->out,
                        "  reclaim, compaction and swap since boot (/proc/vmstat: pages or events):\n");
        for (size_t i = 0; i < s->n_reclaim; i++) {
                text_pad(t, 2 + i % in_line * CELL_COLUMNS);
                buf_printf(t->out, "%-23s %13s", s->reclaim[i].key, text_count(s->reclaim[i].value, count));
                if ((i + 1) % in_line == 0 || i + 1 == s->n_reclaim)
                        buf_char(t->out, '\n');
        }
}

static void add_swaps(const struct text *t)
{
        const struct report_system *s = &t->r->system;

        for (size_t i = 0; i < s->n_swaps; i++) {
                size_t begin = text_begin(t);

                buf_str(t->out, "  swap ");
                text_escaped_tail(t, s->swaps[i].path, 60);
                buf_str(t->out, " (");
                text_escaped(t, s->swaps[i].type, 16);
                buf_printf(t->out, ", priority %d): ", s->swaps[i].priority);
                text_size(t, s->swaps[i].used);
                buf_str(t->out, " of ");
                text_size(t, s->swaps[i].size);
                buf_str(t->out, " used");
                if (s->swaps[i].memory != REPORT_UNKNOWN) {
                        buf_str(t->out, ", compressed: ");
                        text_size(t, s->swaps[i].stored);
                        buf_str(t->out, " take ");
                        text_size(t, s->swaps[i].memory);
                        buf_str(t->out, " of memory");
                }
                text_wrap(t, begin, 4);
        }
}

static void add_percent(const struct text *t, const char *word, double percent)
{
        if (isnan(percent))
                buf_printf(t->out, " %s ?", word);
        else
                buf_printf(t->out, " %s %.2f %%", word, percent);
}

static void add_pressure(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        size_t begin = text_begin(t);

        if (s->n_pressure == 0)
                return;
        buf_str(t->out, "  tasks waited in the last 10 s (PSI):");
        for (size_t i = 0; i < s->n_pressure; i++) {
                buf_printf(t->out, "%s for %s", i ? ";" : "", s->pressure[i].resource);
                add_percent(t, "some", s->pressure[i].some);
                add_percent(t, "all", s->pressure[i].full);
        }
        text_wrap(t, begin, 4);
}

static void add_commitment(const struct text *t)
{
        static const char *const modes[] = {"heuristic: CommitLimit does not bind", "always granted",
                                            "never beyond CommitLimit"};
        const struct report_system *s = &t->r->system;
        size_t begin = text_begin(t);

        if (s->overcommit < 0 || s->overcommit > 2)
                return;
        buf_str(t->out, "  promised (Committed_AS): ");
        text_size(t, s->committed);
        buf_str(t->out, ", CommitLimit ");
        text_size(t, s->commit_limit);
        buf_printf(t->out, ", vm.overcommit_memory %d (%s)", s->overcommit, modes[s->overcommit]);
        text_wrap(t, begin, 4);
}

void text_system_kernel(const struct text *t)
{
        if (t->r->system.n_zones > 0)
                buf_str(t->out,
                        "  free memory by zone, and what the kernel can allocate for itself at once:\n");
        add_orders(t);
        add_allocations(t);
        add_shrinkers(t);
        add_reclaim(t);
        add_swaps(t);
        add_pressure(t);
        add_commitment(t);
}
