/* SPDX-License-Identifier: MIT */
/* The findings as a page for people, or as JSON (docs/doctor.md). */
#include <string.h>

#include "base/json_out.h"
#include "base/size.h"
#include "cli/doctor/doctor.h"

#define INDENT    21
#define NARROWEST 20 /* of a sentence; what has less room is not broken */

static const char *const words[] = {
        [FINDING_OK] = "ok", [FINDING_NOTE] = "note", [FINDING_PROBLEM] = "problem"};

/* A line whose continuations begin `indent` columns to the right, where its first one is by now. */
static void put_wrapped(struct buf *out, const char *text, size_t indent, unsigned columns)
{
        char escaped[4 * sizeof(((struct doctor_finding *)0)->sentence)] = "";
        struct buf line = BUF_FIXED(escaped, sizeof(escaped));
        size_t width = columns > indent + NARROWEST ? columns - indent : 0, n;
        const char *rest = escaped;

        buf_escaped(&line, text, strlen(text));
        while (width && (n = strlen(rest)) > width) {
                for (n = width; n > 0 && rest[n] != ' '; n--)
                        ;
                if (n == 0)
                        break; /* one long word */
                buf_printf(out, "%.*s\n%*s", (int)n, rest, (int)indent, "");
                rest += n + 1;
        }
        buf_printf(out, "%s\n", rest);
}

void doctor_print_text(const struct doctor *d, unsigned columns, struct buf *out)
{
        char rss[SIZE_TEXT];

        buf_escaped(out, d->target->comm, strlen(d->target->comm));
        buf_printf(out, " (PID %d), uid %u, RSS %s\n", d->target->pid, d->target->uid,
                   d->rss == UINT64_MAX ? "unknown" : size_format(d->rss, rss));
        for (size_t i = 0; i < d->n; i++) {
                const struct doctor_finding *f = &d->findings[i];

                buf_printf(out, "%-8s %-11s ", words[f->level], f->check);
                put_wrapped(out, f->sentence, INDENT, columns);
                if (f->advice[0]) {
                        buf_printf(out, "%*s-> ", INDENT, "");
                        put_wrapped(out, f->advice, INDENT + 3, columns);
                }
        }
}

static void put_number(struct json_out *j, const char *key, uint64_t value)
{
        if (value == UINT64_MAX)
                json_put_null(j, key);
        else
                json_put_uint(j, key, value);
}

static void put_score(struct json_out *j, const char *key, int score)
{
        if (score == INT32_MIN)
                json_put_null(j, key);
        else
                json_put_int(j, key, score);
}

static void put_text(struct json_out *j, const char *key, const char *text)
{
        json_put_string(j, key, text && *text ? text : NULL);
}

/* null: not among them */
static void put_place(struct json_out *j, const char *key, const struct doctor_place *p)
{
        json_put_object_begin(j, key);
        put_number(j, "place", p->place ? p->place : UINT64_MAX);
        json_put_uint(j, "of", p->of);
        json_put_object_end(j);
}

static void put_cost(struct json_out *j, const struct doctor *d)
{
        if (!d->has_cost) {
                json_put_null(j, "cost");
                return;
        }
        json_put_object_begin(j, "cost");
        json_put_uint(j, "threads", d->cost.n_threads);
        json_put_uint(j, "pause_ns", d->cost.pause_ns);
        json_put_uint(j, "reading_ns", d->cost.reading_ns);
        json_put_uint(j, "bytes", d->cost.bytes);
        json_put_object_end(j);
}

void doctor_print_json(const struct doctor *d, struct buf *out)
{
        struct json_out j = {.buf = out};

        json_put_object_begin(&j, NULL);
        json_put_int(&j, "pid", d->target->pid);
        json_put_string(&j, "comm", d->target->comm);
        json_put_uint(&j, "uid", d->target->uid);
        put_text(&j, "exe", d->exe);
        put_text(&j, "build_id", d->build_id);
        put_number(&j, "rss", d->rss);
        put_number(&j, "limit", d->limit);
        put_number(&j, "limit_used", d->limit_used);
        put_text(&j, "limit_source", d->limit_source);
        put_score(&j, "oom_score", d->oom_score);
        put_score(&j, "oom_score_adj", d->oom_score_adj);
        put_place(&j, "rank_in_machine", &d->in_machine);
        put_place(&j, "rank_in_group", &d->in_group);
        put_number(&j, "cgroup_version", d->has_group ? (uint64_t)d->group.version : UINT64_MAX);
        put_text(&j, "group", d->has_group ? d->group.kernel : NULL);
        json_put_bool(&j, "may_attach", d->may_attach);
        put_text(&j, "allocator", d->allocator);
        put_cost(&j, d);
        put_text(&j, "guarantee", d->guarantee);
        json_put_array_begin(&j, "findings");
        for (size_t i = 0; i < d->n; i++) {
                const struct doctor_finding *f = &d->findings[i];

                json_put_line(&j);
                json_put_object_begin(&j, NULL);
                json_put_string(&j, "check", f->check);
                json_put_string(&j, "level", words[f->level]);
                json_put_string(&j, "sentence", f->sentence);
                put_text(&j, "advice", f->advice);
                json_put_object_end(&j);
        }
        json_put_array_end(&j);
        json_put_object_end(&j);
        buf_char(out, '\n');
}
