/* SPDX-License-Identifier: MIT */
#include "cli/watch/preview.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/duration.h"
#include "capture/capture_cost.h"
#include "cli/permissions.h"

#define LOOKS   5
#define LOOK_NS (100 * NS_PER_MS)

/* Of a group with many processes the first few show it all. */
#define PROCESSES_MAX 20

static void print_line(FILE *out, const char *format, ...) _printf_(2, 3);

/* Names come from outside: the line is escaped as a whole. */
static void print_line(FILE *out, const char *format, ...)
{
        _cleanup_buf_ struct buf line = BUF_GROWING(8192);
        char text[2048];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        buf_escaped(&line, text, strlen(text));
        fprintf(out, "%s\n", line.data);
}

static void look(struct watcher *w)
{
        for (int k = 0; k < LOOKS; k++) {
                nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
                for (unsigned i = 0; i < w->set.n; i++) {
                        uint64_t sleep_ns;

                        observer_tick(&w->set.items[i]->observer, &w->options->rules, &w->machine, &sleep_ns);
                }
        }
}

static void print_limits(const struct observer *o, const struct machine *m, FILE *out)
{
        const struct limit_reader *l = &o->limits;
        char bytes[SIZE_TEXT], used[SIZE_TEXT];
        struct memory_limit limit;

        for (unsigned i = 0; i < l->n; i++) {
                uint64_t usage = 0;

                if (l->levels[i].usage_fd < 0)
                        continue;
                limit_describe(l, (int)i, m->mem_total, &limit);
                limit_usage(l, i, &usage);
                print_line(out, "  limit: %s of %s, %s used  (%.*s/%s)", size_format(limit.bytes, bytes),
                           limit.source, size_format(usage, used), (int)l->levels[i].len, l->dir,
                           l->levels[i].gauge->limit);
        }
        if (!l->dir)
                print_line(out, "  limit: none of a memory group: no memory controller is mounted here");
        else if (l->error)
                print_line(out, "  limit: %.*s/%s cannot be read: %s", (int)l->error_len, l->dir,
                           limit_file(l), strerror(-l->error));
        else if (o->nearest == LIMIT_MACHINE)
                print_line(out, "  limit: none of a memory group  (%s/%s and those above)", l->dir,
                           limit_file(l));
        print_line(out, "  limit: %s of this machine's memory, %s available  (/proc/meminfo)",
                   size_format(m->mem_total, bytes), size_format(m->available, used));
}

static const char *effect(const struct trigger *t, const struct observer_rules *rules)
{
        if (!trigger_arms(t) || rules->never_armed)
                return trigger_dumps(t, rules->snapshot) ? "takes a dump" : "does nothing";
        return trigger_dumps(t, rules->snapshot) ? "arms, takes a dump" : "arms";
}

/* "; at its speed in 2.1 s". */
static void put_when(const struct observer_progress *p, struct buf *b)
{
        char time[DURATION_TEXT];

        if (p->value >= p->level)
                buf_str(b, ": true now");
        else if (p->speed > 0)
                buf_printf(b, ": at its present speed in %s",
                           duration_format(
                                   (uint64_t)((double)(p->level - p->value) * NS_PER_S / (double)p->speed),
                                   time));
}

static void print_condition(const struct observer *o, const struct observer_rules *rules, unsigned i,
                            FILE *out)
{
        const struct trigger *t = &rules->triggers[i];
        struct observer_progress p;
        char text[512], value[SIZE_TEXT], level[SIZE_TEXT];
        struct buf b = BUF_FIXED(text, sizeof(text));

        text[0] = '\0';
        buf_printf(&b, "--%s %s %s", t->type->option, t->given, effect(t, rules));
        if (observer_progress(o, rules, i, &p)) {
                buf_printf(&b, " when %s is %s, now %s", t->type->ops->noun, size_format(p.level, level),
                           p.value == SAMPLE_UNKNOWN ? "unknown" : size_format(p.value, value));
                if (p.value != SAMPLE_UNKNOWN)
                        put_when(&p, &b);
        } else if (t->type->ops->event_open) {
                buf_printf(&b,
                           o->conditions[i].event ? " when tasks %s wait for memory"
                                                  : ": never, its file is not to be had",
                           o->conditions[i].event);
        } else {
                buf_str(&b, strcmp(t->given, "never") == 0 ? "" : ": never, there is none here");
        }
        print_line(out, "  condition: %s", text);
}

static void print_cost(const struct target *t, FILE *out)
{
        char reading[DURATION_TEXT], pause[DURATION_TEXT], bytes[SIZE_TEXT];
        struct capture_cost cost;
        struct diag d;

        if (capture_cost_measure(t, &cost, &d) < 0)
                print_line(out, "  capture: %s", d.text);
        else
                print_line(out,
                           "  capture: %u thread%s would stand still for some %s, reading takes %s, %s and "
                           "the stacks",
                           cost.n_threads, cost.n_threads == 1 ? "" : "s",
                           duration_format(cost.pause_ns, pause), duration_format(cost.reading_ns, reading),
                           size_format(cost.bytes, bytes));
}

static void print_permissions(const struct target *t, FILE *out)
{
        unsigned refused = 0;

        for (size_t i = 0; i < n_permissions; i++) {
                struct diag d;

                if (permissions[i].check(t, &d) == 0)
                        continue;
                refused++;
                print_line(out, "  not permitted: to %s (%s): %s", permissions[i].what, d.text,
                           permissions[i].loss);
        }
        if (refused == 0)
                print_line(out, "  permitted: all that it takes");
}

static void print_process(struct watcher *w, const struct watched *p, FILE *out)
{
        const struct observer_rules *rules = &w->options->rules;
        char rss[SIZE_TEXT];

        print_line(out, "%s (%d): RSS %s", p->target.comm, p->target.pid,
                   size_format(p->observer.sampler.now.rss, rss));
        print_limits(&p->observer, &w->machine, out);
        for (unsigned i = 0; i < rules->n_triggers; i++)
                print_condition(&p->observer, rules, i, out);
        print_cost(&p->target, out);
        print_permissions(&p->target, out);
}

static void print_disk(const struct watcher *w, FILE *out)
{
        struct statvfs fs;
        char text[SIZE_TEXT];

        if (fstatvfs(w->dumps.dir, &fs) == 0 && fs.f_blocks > 0)
                print_line(out, "bundles: %s, %s free", w->dumps.dir_name,
                           size_format((uint64_t)fs.f_bavail * fs.f_frsize, text));
        else
                print_line(out, "bundles: %s", w->dumps.dir_name);
}

void watch_preview(struct watcher *w, FILE *out)
{
        fputs("a dry run: nothing is attached to\n", out);
        look(w);
        for (unsigned i = 0; i < w->set.n && i < PROCESSES_MAX; i++)
                print_process(w, w->set.items[i], out);
        if (w->set.n > PROCESSES_MAX)
                print_line(out, "and %u processes more", w->set.n - PROCESSES_MAX);
        if (w->set.n == 0)
                print_line(out, "there is no such process yet");
        print_disk(w, out);
}
