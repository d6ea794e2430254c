/* SPDX-License-Identifier: MIT */
#include "analysis/verdict/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/limits.h"
#include "base/cleanup.h"
#include "base/size.h"

/* Below 32 MiB (or a quarter of a small limit) nothing is called a cause: every program has that much. */
#define FLOOR_BYTES (UINT64_C(32) << 20)

/* Growth is believed when it is more than noise: three samples, a straight line, 2 % of RSS or 8 MiB gained. */
#define GROWTH_SAMPLES    3
#define GROWTH_STEADINESS 0.8
#define GROWTH_SHARE      0.02
#define GROWTH_BYTES      (8.0 * 1024 * 1024)

#define LIMIT_NEAR     0.8 /* used part of a limit that is worth a word */
#define EVIDENCE_MAX   12
#define SENTENCE_BYTES 512

static bool is_growing(const struct growth *g, uint64_t rss)
{
        return g->n >= GROWTH_SAMPLES && g->bytes_per_s > 0 && g->steadiness >= GROWTH_STEADINESS &&
               (g->gained >= GROWTH_SHARE * (double)rss || g->gained >= GROWTH_BYTES);
}

static struct verdict_facts facts_of(const struct report *r)
{
        struct verdict_facts f = {
                .r = r,
                .comm = r->process.comm ? r->process.comm : "the process",
                .rss = amount_or(r->memory.rss, 0),
                .floor = FLOOR_BYTES,
                .rss_growth = samples_growth(r->history, r->n_history, offsetof(struct report_sample, rss)),
                .anon_growth = samples_growth(r->history, r->n_history, offsetof(struct report_sample, anon)),
                .group_bound = amount_known(r->cgroup.limit) && r->cgroup.limit == r->memory.limit,
                .limit_share = amount_share(r->memory.limit_used, r->memory.limit),
        };

        if (r->memory.limit / 4 < f.floor)
                f.floor = r->memory.limit / 4;
        f.growing = is_growing(&f.rss_growth, f.rss);
        return f;
}

void finding_reset(struct finding *f)
{
        f->certainty = CERTAINTY_NONE;
        f->sentence = BUF_FIXED(f->text[0], sizeof(f->text[0]));
        for (size_t i = 0; i < ARRAY_SIZE(f->evidence); i++)
                f->evidence[i] = BUF_FIXED(f->text[i + 1], sizeof(f->text[i + 1]));
        for (size_t i = 0; i < ARRAY_SIZE(f->text); i++)
                f->text[i][0] = '\0';
}

void finding_copy(struct finding *to, const struct finding *from)
{
        finding_reset(to);
        to->certainty = from->certainty;
        buf_str(&to->sentence, from->sentence.data);
        for (size_t i = 0; i < ARRAY_SIZE(to->evidence); i++)
                buf_str(&to->evidence[i], from->evidence[i].data);
}

struct evidence_list {
        struct pool *pool;
        const char **list;
        size_t n;
        bool failed;
};

static void add_evidence(struct evidence_list *l, const char *text)
{
        if (l->n == EVIDENCE_MAX || *text == '\0')
                return;
        l->list[l->n] = pool_strdup(l->pool, text);
        if (l->list[l->n])
                l->n++;
        else
                l->failed = true;
}

static void evidence_growth(const struct verdict_facts *f, struct evidence_list *l)
{
        const struct growth *g = &f->rss_growth;
        char gained[SIZE_TEXT], speed[SIZE_TEXT], text[256];

        if (isnan(g->bytes_per_s))
                return;
        snprintf(text, sizeof(text), "RSS %s by %s in the last %.1f s (%zu samples), %s%s/s",
                 g->gained < 0 ? "shrank" : "grew", size_format(amount_of(fabs(g->gained)), gained),
                 g->seconds, g->n, g->bytes_per_s < 0 ? "-" : "",
                 size_format(amount_of(fabs(g->bytes_per_s)), speed));
        add_evidence(l, text);
}

static void evidence_limit(const struct verdict_facts *f, struct evidence_list *l)
{
        const struct report *r = f->r;
        char limit[SIZE_TEXT], used[SIZE_TEXT], text[512];
        struct buf b = BUF_FIXED(text, sizeof(text));
        double left;

        if (!amount_known(r->memory.limit) || !amount_known(r->memory.limit_used))
                return;
        buf_printf(&b, "%s of %s used (%.0f %%; %s)", size_format(r->memory.limit_used, used),
                   size_format(r->memory.limit, limit), 100 * f->limit_share, r->memory.limit_source);
        left = (double)amount_less(r->memory.limit, r->memory.limit_used);
        left /= f->growing ? f->rss_growth.bytes_per_s : NAN;
        if (left < 0.1)
                buf_str(&b, ": full in less than 0.1 s at this speed");
        else if (left < 3600)
                buf_printf(&b, ": full in %.1f s at this speed", left);
        add_evidence(l, text);
}

static void evidence_address_space(const struct verdict_facts *f, struct evidence_list *l)
{
        const struct report *r = f->r;
        char limit[SIZE_TEXT], used[SIZE_TEXT], text[256];

        if (!amount_known(r->memory.address_space_limit) ||
            amount_share(r->memory.virtual_size, r->memory.address_space_limit) < LIMIT_NEAR)
                return;
        snprintf(text, sizeof(text),
                 "address space: %s of %s (RLIMIT_AS): allocations fail at this limit, no kill",
                 size_format(r->memory.virtual_size, used),
                 size_format(r->memory.address_space_limit, limit));
        add_evidence(l, text);
}

/* The kernel's own figures: what it counted when it chose. */
static void evidence_kill(const struct verdict_facts *f, struct evidence_list *l)
{
        const struct report_kill *k = f->r->kill;
        char anon[SIZE_TEXT], limit[SIZE_TEXT], text[512];
        struct buf b = BUF_FIXED(text, sizeof(text));

        if (!k || !k->was_target)
                return;
        buf_str(&b, "the kernel killed it");
        if (k->scope && strcmp(k->scope, "machine") == 0)
                buf_str(&b, " because the machine had no memory left");
        else if (k->group)
                buf_printf(&b, " because memory group %.200s reached its limit", k->group);
        if (k->group && amount_known(k->limit))
                buf_printf(&b, " of %s", size_format(k->limit, limit));
        if (amount_known(k->anon_rss))
                buf_printf(&b, "; it held %s of anonymous memory then", size_format(k->anon_rss, anon));
        add_evidence(l, text);
}

static void evidence_kills(const struct verdict_facts *f, struct evidence_list *l)
{
        uint64_t kills = key_value_get(f->r->cgroup.events, f->r->cgroup.n_events, "oom_kill");
        char text[128];

        /* The group's counter was read when this kill was in it. */
        if (amount_known(kills) && kills > 0 && f->r->kill && f->r->kill->was_target)
                kills--;
        if (!amount_known(kills) || kills == 0)
                return;
        snprintf(text, sizeof(text),
                 "the kernel has killed %" PRIu64 " process%s of this group for memory before", kills,
                 kills == 1 ? "" : "es");
        add_evidence(l, text);
}

static void evidence_swap(const struct verdict_facts *f, struct evidence_list *l)
{
        char swap[SIZE_TEXT], text[128];

        if (!amount_known(f->r->memory.swap) || f->r->memory.swap < f->floor)
                return;
        snprintf(text, sizeof(text), "%s of it are swapped out and not in RSS",
                 size_format(f->r->memory.swap, swap));
        add_evidence(l, text);
}

/* No rule has anything to say. */
static void judge_none(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        char rss[SIZE_TEXT], bytes[SIZE_TEXT];

        if (!amount_known(r->memory.rss)) {
                if (!say_heap(f, &ret->sentence))
                        buf_str(&ret->sentence, "how much memory the process held is not known");
                return;
        }
        ret->certainty = CERTAINTY_POSSIBLE;
        buf_printf(&ret->sentence, "nothing stands out: %s holds %s", f->comm, size_format(f->rss, rss));
        if (r->memory.n_where > 1)
                buf_printf(&ret->evidence[0], "the largest part, %s, is %s",
                           size_format(r->memory.where[0].bytes, bytes), r->memory.where[0].what);
        say_in_use(f, &ret->evidence[1]);
}

static int put_verdict(struct report *r, const struct verdict_facts *f, const char *cause,
                       const struct finding *best)
{
        static const char *const words[] = {NULL, "possible", "likely", "certain"};
        struct evidence_list l = {.pool = &r->pool};

        l.list = pool_alloc(&r->pool, EVIDENCE_MAX * sizeof(*l.list));
        if (!l.list)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(best->evidence); i++)
                add_evidence(&l, best->evidence[i].data);
        evidence_growth(f, &l);
        evidence_limit(f, &l);
        evidence_kill(f, &l);
        evidence_swap(f, &l);
        evidence_address_space(f, &l);
        evidence_kills(f, &l);
        r->verdict.cause = cause;
        r->verdict.certainty = words[best->certainty];
        r->verdict.sentence = pool_strdup(&r->pool, best->sentence.data);
        r->verdict.evidence = l.list;
        r->verdict.n_evidence = l.n;
        r->memory.growth_bytes_per_s = f->rss_growth.bytes_per_s;
        return l.failed || !r->verdict.sentence ? -ENOMEM : 0;
}

int verdict_make(struct report *r)
{
        struct verdict_facts f = facts_of(r);
        struct finding best, next;
        const char *cause = "none";

        finding_reset(&best);
        for (size_t i = 0; i < n_verdict_rules; i++) {
                finding_reset(&next);
                verdict_rules[i].judge(&f, &next);
                if (next.certainty <= best.certainty)
                        continue;
                finding_copy(&best, &next);
                cause = verdict_rules[i].cause;
        }
        if (best.certainty == CERTAINTY_NONE)
                judge_none(&f, &best);
        return put_verdict(r, &f, cause, &best);
}

int verdict_of_machine(struct report *r)
{
        const struct report_system *s = &r->system;

        r->verdict.cause = s->cause ? s->cause : "none";
        r->verdict.certainty = s->certainty;
        r->verdict.sentence = s->verdict ? s->verdict : "how much memory the machine has is not known";
        r->verdict.evidence = s->evidence;
        r->verdict.n_evidence = s->n_evidence;
        return 0;
}
