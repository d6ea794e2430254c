/* SPDX-License-Identifier: MIT */
#include "render/check.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/size.h"

struct check_type {
        const char *name;
        int (*run)(const struct check *c, const struct report *r, struct diag *d);
};

/* The lower end of the estimate, so that luck in sampling never fails a run. */
static uint64_t held_at_least(const struct report *r)
{
        return r->heap.live_bytes > r->heap.live_error ? r->heap.live_bytes - r->heap.live_error : 0;
}

static int run_leak(const struct check *c, const struct report *r, struct diag *d)
{
        uint64_t held = held_at_least(r);
        const struct report_place *p = r->heap.n_places ? &r->heap.places[0] : NULL;
        char is[SIZE_TEXT], error[SIZE_TEXT], first[SIZE_TEXT];

        if (!r->heap.source)
                return diag_set(d, -ENODATA, "cannot be told: nothing recorded the heap");
        if (r->heap.samples == 0 && r->heap.allocated_bytes == 0 && r->heap.n_remarks > 0)
                return diag_set(d, -ENODATA, "cannot be told: %s", r->heap.remarks[0]);
        if (held <= c->bytes)
                return 0;
        return diag_set(d, 1, "%s%s%s are still held%s%s%s%s", size_format(r->heap.live_bytes, is),
                        r->heap.live_error ? " ± " : "",
                        r->heap.live_error ? size_format(r->heap.live_error, error) : "",
                        p && p->frame ? ", most of it, " : "",
                        p && p->frame ? size_format(p->live_bytes, first) : "", p && p->frame ? ", by " : "",
                        p && p->frame && p->frame->function ? p->frame->function : "");
}

static int run_growth(const struct check *c, const struct report *r, struct diag *d)
{
        uint64_t first = REPORT_UNKNOWN, last = REPORT_UNKNOWN;
        char a[SIZE_TEXT], b[SIZE_TEXT];

        for (size_t i = 0; i < r->n_history; i++) {
                if (r->history[i].rss == REPORT_UNKNOWN)
                        continue;
                first = first == REPORT_UNKNOWN ? r->history[i].rss : first;
                last = r->history[i].rss;
        }
        if (first == REPORT_UNKNOWN)
                return diag_set(d, -ENODATA, "cannot be told: there are no samples of its size");
        /* A sample is up to a second old at the end; the kill's own figure and the live heap are not. */
        if (r->memory.rss != REPORT_UNKNOWN && r->memory.rss > last)
                last = r->memory.rss;
        if (held_at_least(r) > last)
                last = held_at_least(r);
        if (last <= first || last - first <= c->bytes)
                return 0;
        return diag_set(d, 1, "it grew from %s to %s", size_format(first, a), size_format(last, b));
}

static const struct check_type types[] = {{"leak", run_leak}, {"growth", run_growth}};

int checks_parse(struct checks *c, const char *text, struct diag *d)
{
        const char *size = strchr(text, '=');
        struct size_spec spec;

        if (c->n == CHECKS_MAX)
                return diag_set(d, -EINVAL, "--fail-on: at most %d of them", CHECKS_MAX);
        for (size_t i = 0; size && i < ARRAY_SIZE(types); i++) {
                if (strlen(types[i].name) != (size_t)(size - text) ||
                    strncmp(types[i].name, text, (size_t)(size - text)) != 0)
                        continue;
                if (size_parse(size + 1, &spec) < 0 || spec.is_percent)
                        break;
                c->list[c->n++] = (struct check){&types[i], text, spec.bytes};
                return 0;
        }
        return diag_set(d, -EINVAL, "--fail-on '%.60s': give leak=SIZE or growth=SIZE, as in leak=1M", text);
}

int check_run(const struct check *c, const struct report *r, struct diag *d)
{
        return c->type->run(c, r, d);
}
