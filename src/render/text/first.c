/* SPDX-License-Identifier: MIT */
/* The first screen: which process, why now, what it comes to, how much of what limit, how fast; then where
 * the memory is (text_first_rows.c) and what the threads do (text_first_threads.c). About 30 lines of 80
 * columns. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "render/text/first.h"
#include "render/text/history.h"

#define EVIDENCE_ROWS 2    /* the rule's own; the others say what the lines below say */
#define LIMIT_NEAR    0.75 /* used part of a limit from where on it is shown as a warning */
#define LIMIT_REACHED 0.9
#define SPARK_COLUMNS 24

static void add_process(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);
        const char *command = r->process.cmdline && *r->process.cmdline ? r->process.cmdline : NULL;

        text_style(t, STYLE_STRONG);
        text_escaped(t, r->process.comm ? r->process.comm : "a process without a name", 64);
        if (r->process.pid > 0)
                buf_printf(t->out, ", PID %d", r->process.pid);
        text_style(t, STYLE_PLAIN);
        if (r->process.uid != UINT32_MAX)
                buf_printf(t->out, ", uid %u", r->process.uid);
        if (r->process.start_time_ns != REPORT_UNKNOWN && r->time_ns != REPORT_UNKNOWN &&
            r->time_ns > r->process.start_time_ns) {
                buf_str(t->out, ", up ");
                text_duration(t, (double)(r->time_ns - r->process.start_time_ns) / 1e9);
        }
        if (r->process.n_threads != REPORT_UNKNOWN && r->process.n_threads > 0)
                buf_printf(t->out, ", %llu thread%s", (unsigned long long)r->process.n_threads,
                           r->process.n_threads == 1 ? "" : "s");
        if (r->process.state) {
                buf_str(t->out, ", state ");
                text_escaped(t, r->process.state, 30);
        }
        text_wrap(t, begin, 2);
        /* argv[0] may be anything: say what runs where the two differ. */
        if (r->process.exe && (!command || strncmp(command, r->process.exe, strlen(r->process.exe)) != 0)) {
                buf_str(t->out, "  ");
                text_escaped_tail(t, r->process.exe, t->style->width - 2);
                buf_char(t->out, '\n');
        }
        if (command) {
                buf_str(t->out, "  ");
                text_escaped(t, command, t->style->width - 2);
                buf_char(t->out, '\n');
        }
}

static void add_why(const struct text *t)
{
        size_t begin = text_begin(t);

        text_label(t, "Why");
        if (t->r->trigger.sentence)
                text_escaped(t, t->r->trigger.sentence, 400);
        else
                buf_str(t->out, "not known: the manifest is not there, or does not say");
        text_wrap(t, begin, LABEL_COLUMNS);
}

static const char *words_of(const char *const (*table)[2], const char *name)
{
        for (; name && (*table)[0]; table++)
                if (strcmp(name, (*table)[0]) == 0)
                        return (*table)[1];
        return NULL;
}

static const char *const guarantees[][2] = {
        {"at-kill", "at the kill: the kernel had stopped every thread in its exit"},
        {"held", "held: the kernel waited until the capture was done"},
        {"early", "early: taken while the process lived"},
        {"recorder", "recorder: what the agent had written down by then"},
        {"kernel", "the kernel's word only: the process could not be captured itself"},
        {NULL, NULL},
};

static const char *const conditions[][2] = {
        {"stopped", "it was stopped already (SIGSTOP, or a terminal)"},
        {"traced", "a debugger held it: its registers could not be read"},
        {"zombie", "it was dead already, waiting for its parent"},
        {"exiting", "it was about to exit"},
        {"leader-exited", "its main thread had ended before"},
        {"executed", "it executed a program meanwhile: parts may be of different programs"},
        {NULL, NULL},
};

static void add_moment(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);
        char when[CLOCK_TEXT];

        text_label(t, "Captured");
        buf_str(t->out,
                r->time_ns == REPORT_UNKNOWN ? "at a time not known" : clock_rfc3339(r->time_ns, when));
        if (r->host) {
                buf_str(t->out, " on ");
                text_escaped(t, r->host, 64);
        }
        if (r->kernel) {
                buf_str(t->out, ", Linux ");
                text_escaped(t, r->kernel, 40);
        }
        if (r->machine) {
                buf_str(t->out, r->kernel ? " " : ", ");
                text_escaped(t, r->machine, 16);
        }
        text_wrap(t, begin, LABEL_COLUMNS);
        if (!r->complete) {
                text_label(t, "");
                text_styled(t, STYLE_BAD, "INTERRUPTED: what had not been written by then is missing");
                buf_char(t->out, '\n');
        }
}

static void add_how(const struct text *t)
{
        const struct report *r = t->r;
        const char *words = words_of(guarantees, r->trigger.guarantee);
        const char *condition = words_of(conditions, r->process.condition);
        bool at_kill = r->trigger.guarantee && strcmp(r->trigger.guarantee, "at-kill") == 0;
        size_t begin = text_begin(t);

        text_label(t, "");
        if (r->trigger.witness)
                words = "the kernel's word, and the one thread that it saw: nobody was permitted to attend "
                        "the process";
        buf_str(t->out, words ? words : "guarantee not known");
        if (isfinite(r->trigger.ms_before_kill) && r->trigger.ms_before_kill > 0)
                buf_printf(t->out, ", %.3g ms before the kill", r->trigger.ms_before_kill);
        if (r->pause_ns != REPORT_UNKNOWN) {
                buf_str(t->out, at_kill ? "; its death waited " : "; threads stopped for ");
                text_duration(t, (double)r->pause_ns / 1e9);
        }
        if (r->n_threads > 0 && !r->trigger.witness)
                buf_printf(t->out, "; stacks of %llu of %zu thread%s",
                           (unsigned long long)r->n_threads_captured, r->n_threads,
                           r->n_threads == 1 ? "" : "s");
        if (r->process.condition) {
                buf_str(t->out, "; ");
                text_escaped(t, condition ? condition : r->process.condition, 80);
        }
        if (r->trigger.better) {
                buf_str(t->out, "; ");
                text_escaped(t, r->trigger.better, 200);
        }
        text_wrap(t, begin, LABEL_COLUMNS);
}

static void add_verdict(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = text_rows(t, r->verdict.n_evidence, EVIDENCE_ROWS), begin = text_begin(t);
        bool found = r->verdict.cause && strcmp(r->verdict.cause, "none") != 0;

        if (!r->verdict.sentence)
                return;
        text_label(t, "Verdict");
        text_style(t, found ? STYLE_WARN : STYLE_STRONG);
        text_escaped(t, r->verdict.sentence, 400);
        text_style(t, STYLE_PLAIN);
        if (found) {
                buf_str(t->out, " (");
                text_escaped(t, r->verdict.cause, 40);
                buf_str(t->out, ", ");
                text_escaped(t, r->verdict.certainty, 20);
                buf_char(t->out, ')');
        }
        text_wrap(t, begin, LABEL_COLUMNS);
        for (size_t i = 0; i < shown; i++) {
                begin = text_begin(t);
                text_label(t, "");
                buf_str(t->out, "- ");
                text_escaped(t, r->verdict.evidence[i], 400);
                if (i + 1 == shown && shown < r->verdict.n_evidence)
                        buf_printf(t->out, " (%zu more below)", r->verdict.n_evidence - shown);
                text_wrap(t, begin, LABEL_COLUMNS + 2);
        }
}

static void add_amounts(const struct text *t)
{
        const struct report *r = t->r;
        const struct {
                const char *name;
                uint64_t bytes;
        } amounts[] = {{"PSS", r->memory.pss},
                       {"USS", r->memory.uss},
                       {"swap", r->memory.swap},
                       {"page tables", r->memory.page_tables}};
        size_t begin = text_begin(t), known = r->memory.rss != REPORT_UNKNOWN;

        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
                known += amounts[i].bytes != REPORT_UNKNOWN;
        text_label(t, "Memory");
        if (known == 0) {
                buf_str(t->out, "not known\n");
                return;
        }
        text_style(t, STYLE_STRONG);
        buf_str(t->out, "RSS ");
        text_size(t, r->memory.rss);
        text_style(t, STYLE_PLAIN);
        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
                buf_printf(t->out, ", %s ", amounts[i].name);
                text_size(t, amounts[i].bytes);
        }
        if (r->memory.oom_score != REPORT_UNKNOWN_INT) {
                buf_printf(t->out, "; OOM score %d", r->memory.oom_score);
                if (r->memory.oom_score_adj != REPORT_UNKNOWN_INT)
                        buf_printf(t->out, " (adj %d)", r->memory.oom_score_adj);
        }
        text_wrap(t, begin, LABEL_COLUMNS);
}

static void add_limit(const struct text *t)
{
        const struct report *r = t->r;
        uint64_t limit = r->memory.limit;
        /* Without the group's own figure: this process's part of it. */
        bool own = r->memory.limit_used == REPORT_UNKNOWN;
        uint64_t used = own ? r->memory.rss : r->memory.limit_used;
        double share = limit != REPORT_UNKNOWN && limit > 0 && used != REPORT_UNKNOWN
                               ? (double)used / (double)limit
                               : 0;
        size_t begin = text_begin(t);

        text_label(t, "Limit");
        if (limit == REPORT_UNKNOWN || used == REPORT_UNKNOWN) {
                buf_str(t->out, limit == REPORT_UNKNOWN ? "not known" : "");
                if (limit != REPORT_UNKNOWN)
                        text_size(t, limit);
        } else {
                text_style(t, share >= LIMIT_REACHED ? STYLE_BAD
                              : share >= LIMIT_NEAR  ? STYLE_WARN
                                                     : STYLE_GOOD);
                buf_char(t->out, '[');
                text_bar(t, used, limit, t->style->width / 5);
                buf_str(t->out, "] ");
                text_share(t, used, limit);
                text_style(t, STYLE_PLAIN);
                buf_str(t->out, " of ");
                text_size(t, limit);
                buf_str(t->out, own ? " held by this process" : " used");
                if (used < limit) {
                        buf_str(t->out, ", ");
                        text_size(t, limit - used);
                        buf_str(t->out, " left");
                }
        }
        if (r->memory.limit_source) {
                buf_str(t->out, " (");
                text_escaped_tail(t, r->memory.limit_source, t->style->width - LABEL_COLUMNS - 2);
                buf_char(t->out, ')');
        }
        text_wrap(t, begin, LABEL_COLUMNS);
}

static void add_growth(const struct text *t)
{
        const struct report *r = t->r;
        double speed = r->memory.growth_bytes_per_s;
        char size[SIZE_TEXT];
        size_t begin = text_begin(t);

        text_label(t, "Growth");
        if (isfinite(speed) && fabs(speed) < 1e18) {
                buf_printf(t->out, "%s%s/s", speed < 0 ? "-" : "", size_format((uint64_t)fabs(speed), size));
                if (speed >= 1 && r->memory.limit != REPORT_UNKNOWN &&
                    r->memory.limit_used != REPORT_UNKNOWN && r->memory.limit > r->memory.limit_used) {
                        buf_str(t->out, ": at this speed the limit is reached in ");
                        text_duration(t, (double)(r->memory.limit - r->memory.limit_used) / speed);
                }
        } else {
                buf_str(t->out, "not known: there are no samples from before the capture");
        }
        if (r->n_history > 1) {
                buf_str(t->out, "; RSS ");
                text_sparkline(t, SPARK_COLUMNS);
        }
        text_wrap(t, begin, LABEL_COLUMNS);
}

/* The names of what is missing, as far as one line goes. */
static void add_missing(const struct text *t)
{
        const struct report *r = t->r;
        size_t n = 0, shown = 0;

        for (size_t i = 0; i < r->n_missing; i++)
                n += !r->missing[i].optional;
        if (n == 0)
                return;
        text_label(t, "Missing");
        text_style(t, STYLE_BAD);
        buf_printf(t->out, "%zu: ", n);
        for (size_t i = 0; i < r->n_missing && (shown == 0 || text_left(t) > 50); i++) {
                if (r->missing[i].optional)
                        continue;
                buf_str(t->out, shown ? ", " : "");
                text_escaped_tail(t, r->missing[i].section, 24);
                shown++;
        }
        text_style(t, STYLE_PLAIN);
        buf_printf(t->out, "%s; the last section says why\n", shown < n ? ", …" : "");
}

void text_first_screen(const struct text *t)
{
        add_process(t);
        add_why(t);
        add_moment(t);
        add_how(t);
        text_first_kill(t);
        add_verdict(t);
        add_amounts(t);
        add_limit(t);
        add_growth(t);
        add_missing(t);
        text_first_where(t);
        text_first_heap(t);
        text_first_mappings(t);
        text_first_threads(t);
}
