/* SPDX-License-Identifier: MIT */
/* The first screen: which process, why now, what it comes to, how much of what limit, how fast, where, who. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "render/text.h"
#include "render/text_stack.h"

#define BAR_COLUMNS   24
#define WHERE_ROWS    8
#define MAPPING_ROWS  5
#define STACK_ROWS    5
#define EVIDENCE_ROWS 4

static void add_duration(const struct text *t, double seconds)
{
        if (seconds < 0.001)
                buf_printf(t->out, "%.0f us", seconds * 1e6);
        else if (seconds < 1)
                buf_printf(t->out, "%.3g ms", seconds * 1e3);
        else if (seconds < 120)
                buf_printf(t->out, "%.3g s", seconds);
        else if (seconds < 7200)
                buf_printf(t->out, "%.0f min", seconds / 60);
        else if (seconds < 48 * 3600)
                buf_printf(t->out, "%.1f h", seconds / 3600);
        else
                buf_printf(t->out, "%.1f days", seconds / 86400);
}

static void add_process(const struct text *t)
{
        const struct report *r = t->r;

        if (t->style->color)
                buf_str(t->out, "\x1b[1m");
        text_escaped(t, r->process.comm, 40);
        buf_printf(t->out, " (PID %d)", r->process.pid);
        if (t->style->color)
                buf_str(t->out, "\x1b[0m");
        if (r->process.uid != UINT32_MAX)
                buf_printf(t->out, ", uid %u", r->process.uid);
        if (r->process.state) {
                buf_str(t->out, ", ");
                text_escaped(t, r->process.state, 30);
        }
        if (r->process.start_time_ns != REPORT_UNKNOWN && r->time_ns != REPORT_UNKNOWN &&
            r->time_ns > r->process.start_time_ns) {
                buf_str(t->out, ", up ");
                add_duration(t, (double)(r->time_ns - r->process.start_time_ns) / 1e9);
        }
        buf_str(t->out, "\n  ");
        text_escaped(t, r->process.cmdline && *r->process.cmdline ? r->process.cmdline : r->process.exe,
                     t->style->width - 2);
        buf_char(t->out, '\n');
}

static const char *guarantee_words(const char *guarantee)
{
        static const struct {
                const char *guarantee, *words;
        } table[] = {
                {"at-kill", "at the kill: every thread was stopped by the kernel in its exit"},
                {"held", "held: the kernel waited for the capture"},
                {"early", "early: taken while the process ran"},
                {"recorder", "recorder: what the agent had written"},
                {"kernel", "kernel's word only"},
        };

        for (size_t i = 0; guarantee && i < ARRAY_SIZE(table); i++)
                if (strcmp(guarantee, table[i].guarantee) == 0)
                        return table[i].words;
        return "unknown";
}

static void add_why(const struct text *t)
{
        const struct report *r = t->r;
        char when[CLOCK_TEXT];

        text_label(t, "Why");
        text_escaped(t, r->trigger.sentence, t->style->width * 2);
        buf_char(t->out, '\n');
        text_label(t, "Captured");
        buf_str(t->out, guarantee_words(r->trigger.guarantee));
        if (isfinite(r->trigger.ms_before_kill))
                buf_printf(t->out, ", %.3g ms before the kill", r->trigger.ms_before_kill);
        if (r->pause_ns != REPORT_UNKNOWN) {
                buf_str(t->out, "; stopped for ");
                add_duration(t, (double)r->pause_ns / 1e9);
        }
        if (r->n_threads > 0)
                buf_printf(t->out, "; %llu of %zu threads", (unsigned long long)r->n_threads_captured,
                           r->n_threads);
        buf_char(t->out, '\n');
        buf_printf(t->out, "%10s", "");
        buf_str(t->out, r->time_ns == REPORT_UNKNOWN ? "?" : clock_rfc3339(r->time_ns, when));
        buf_str(t->out, " on ");
        text_escaped(t, r->host, 40);
        buf_str(t->out, ", Linux ");
        text_escaped(t, r->kernel, 40);
        if (!r->complete)
                buf_str(t->out, "; INTERRUPTED: this bundle is incomplete");
        buf_char(t->out, '\n');
}

static void add_verdict(const struct text *t)
{
        const struct report *r = t->r;

        if (!r->verdict.sentence)
                return;
        text_label(t, "Verdict");
        if (t->style->color)
                buf_str(t->out, "\x1b[1;33m");
        text_escaped(t, r->verdict.sentence, t->style->width * 3);
        if (t->style->color)
                buf_str(t->out, "\x1b[0m");
        if (r->verdict.cause && strcmp(r->verdict.cause, "none") != 0)
                buf_printf(t->out, " [%s, %s]", r->verdict.cause,
                           r->verdict.certainty ? r->verdict.certainty : "?");
        buf_char(t->out, '\n');
        for (size_t i = 0; i < r->verdict.n_evidence && i < EVIDENCE_ROWS; i++) {
                buf_printf(t->out, "%10s- ", "");
                text_escaped(t, r->verdict.evidence[i], t->style->width * 2);
                buf_char(t->out, '\n');
        }
}

static void add_amounts(const struct text *t)
{
        const struct report *r = t->r;

        text_label(t, "Memory");
        buf_str(t->out, "RSS ");
        text_size(t, r->memory.rss);
        if (r->memory.limit != REPORT_UNKNOWN) {
                buf_printf(t->out, ", %u %% of ", text_percent(r->memory.rss, r->memory.limit));
                text_size(t, r->memory.limit);
                buf_str(t->out, " (");
                text_escaped_tail(t, r->memory.limit_source, 60);
                if (r->memory.limit_used != REPORT_UNKNOWN) {
                        buf_str(t->out, ", ");
                        text_size(t, r->memory.limit_used);
                        buf_str(t->out, " used");
                }
                buf_char(t->out, ')');
        }
        buf_printf(t->out, "\n%10sPSS ", "");
        text_size(t, r->memory.pss);
        buf_str(t->out, "   USS ");
        text_size(t, r->memory.uss);
        buf_str(t->out, "   swap ");
        text_size(t, r->memory.swap);
        buf_str(t->out, "   page tables ");
        text_size(t, r->memory.page_tables);
        if (r->memory.oom_score != REPORT_UNKNOWN_INT)
                buf_printf(t->out, "   OOM score %d", r->memory.oom_score);
        if (r->memory.oom_score_adj != REPORT_UNKNOWN_INT)
                buf_printf(t->out, " (adj %d)", r->memory.oom_score_adj);
        buf_char(t->out, '\n');
}

static void add_growth(const struct text *t)
{
        const struct report *r = t->r;
        double speed = r->memory.growth_bytes_per_s;
        char size[SIZE_TEXT];

        if (!isfinite(speed))
                return;
        text_label(t, "Growth");
        buf_printf(t->out, "%s%s/s", speed < 0 ? "-" : "", size_format((uint64_t)fabs(speed), size));
        if (speed >= 1 && r->memory.limit != REPORT_UNKNOWN && r->memory.limit_used != REPORT_UNKNOWN &&
            r->memory.limit > r->memory.limit_used) {
                buf_str(t->out, ": at this speed the limit is reached in ");
                add_duration(t, (double)(r->memory.limit - r->memory.limit_used) / speed);
        }
        buf_char(t->out, '\n');
}

static void add_where(const struct text *t)
{
        const struct report *r = t->r;

        if (r->memory.n_where == 0)
                return;
        text_strong(t, "Where the memory is\n");
        for (size_t i = 0, shown = 0; i < r->memory.n_where && shown < WHERE_ROWS; i++) {
                const struct report_where *w = &r->memory.where[i];
                unsigned percent = text_percent(w->bytes, r->memory.rss);
                unsigned bar = (percent * BAR_COLUMNS + 50) / 100;

                if (w->bytes == 0)
                        continue;
                text_size_cell(t, w->bytes);
                buf_printf(t->out, " %3u %%  ", percent);
                for (unsigned k = 0; k < BAR_COLUMNS; k++)
                        buf_char(t->out, k < bar && k < BAR_COLUMNS ? '#' : ' ');
                buf_str(t->out, "  ");
                text_escaped(t, w->what, t->style->width - BAR_COLUMNS - SIZE_COLUMNS - 10);
                buf_char(t->out, '\n');
                shown++;
        }
}

/* The indices of the n largest mappings by RSS, largest first; how many there are. */
static size_t largest_maps(const struct report *r, size_t *ret, size_t n)
{
        size_t found = 0;

        for (size_t i = 0; i < r->n_maps; i++) {
                uint64_t rss = r->maps[i].rss;
                size_t at = found;

                if (rss == REPORT_UNKNOWN || rss == 0)
                        continue;
                while (at > 0 && r->maps[ret[at - 1]].rss < rss)
                        at--;
                if (at >= n)
                        continue;
                if (found < n)
                        found++;
                memmove(ret + at + 1, ret + at, (found - at - 1) * sizeof(*ret));
                ret[at] = i;
        }
        return found;
}

static void add_largest_maps(const struct text *t)
{
        size_t largest[MAPPING_ROWS];
        size_t n = largest_maps(t->r, largest, MAPPING_ROWS);

        if (n == 0)
                return;
        text_strong(t, "Largest mappings");
        buf_printf(t->out, " (of %zu)\n", t->r->n_maps);
        for (size_t i = 0; i < n; i++) {
                const struct report_map *m = &t->r->maps[largest[i]];

                text_size_cell(t, m->rss);
                buf_str(t->out, " of ");
                text_size_cell(t, m->size);
                buf_printf(t->out, "  %s  ", m->perms ? m->perms : "????");
                if (m->path)
                        text_escaped_tail(t, m->path, t->style->width - 36);
                else
                        buf_printf(t->out, "anonymous at %#llx", (unsigned long long)m->start);
                buf_char(t->out, '\n');
        }
}

static void add_threads(const struct text *t)
{
        _cleanup_free_ struct stack_group *groups = NULL;
        size_t n = stack_groups(t->r, &groups);

        if (n == 0)
                return;
        text_strong(t, "What its threads do");
        buf_printf(t->out, " (%zu threads, %zu different stacks)\n", t->r->n_threads, n);
        for (size_t i = 0; i < n && i < STACK_ROWS; i++) {
                buf_printf(t->out, "%6zu x  ", groups[i].n_threads);
                text_stack_brief(t, &t->r->threads[groups[i].first], t->style->width - 10);
                buf_char(t->out, '\n');
        }
        if (n > STACK_ROWS)
                buf_printf(t->out, "          … %zu more below\n", n - STACK_ROWS);
}

static void add_missing(const struct text *t)
{
        size_t n = 0;

        for (size_t i = 0; i < t->r->n_missing; i++)
                n += !t->r->missing[i].optional;
        if (n == 0)
                return;
        text_label(t, "Missing");
        buf_printf(t->out, "%zu thing%s that belong%s here; the end of this report says what and why\n", n,
                   n == 1 ? "" : "s", n == 1 ? "s" : "");
}

void text_first_screen(const struct text *t)
{
        add_process(t);
        add_why(t);
        add_verdict(t);
        add_amounts(t);
        add_growth(t);
        add_missing(t);
        add_where(t);
        add_largest_maps(t);
        add_threads(t);
}
