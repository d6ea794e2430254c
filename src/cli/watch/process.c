/* SPDX-License-Identifier: MIT */
#include "cli/watch/process.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "capture/capture_cost.h"
#include "cli/watch/arm.h"
#include "cli/watch/brake.h"
#include "cli/watch/last_word.h"
#include "cli/watch/place.h"
#include "cli/watch/signals.h"
#include "cli/watch/token.h"

/* A process that shows no memory is about to end; look again, until its pidfd says so. */
#define ENDING_POLL_NS (20 * NS_PER_MS)

/* A dump that failed is tried again after 1 s, 2 s, 4 s ... a minute. */
#define RETRY_SHIFT_MAX 6

/* How long the bundle of an end may take to be written. */
#define TOLD_NS (300 * NS_PER_S)

/* "watching redis-server (4711): RSS 120 MiB of 2.00 GiB (memory group /x); dumps at rss 512 MiB". */
static void announce(struct watcher *w, const struct watched *p)
{
        const struct observer_rules *rules = &w->options->rules;
        const struct trigger_wholes *wholes = &p->observer.wholes;
        char text[384], rss[SIZE_TEXT], limit[SIZE_TEXT];
        struct buf b = BUF_FIXED(text, sizeof(text));

        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger *t = &rules->triggers[i];

                buf_str(&b, i ? ", " : "");
                if (t->type->ops->effect != TRIGGER_ARMS)
                        buf_str(&b, trigger_dumps(t, rules->snapshot) ? "dumps at " : "armed at ");
                trigger_announce(&rules->triggers[i], wholes, &b);
        }
        if (w->options->periodic)
                buf_printf(&b, "%sdumps every %g s", b.len ? ", " : "",
                           (double)w->options->interval_ns / NS_PER_S);
        watch_say(&w->live, "watching %s (%d): RSS %s of %s (%s); %s", p->target.comm, p->target.pid,
                  size_format(p->observer.sampler.now.rss, rss), size_format(wholes->limit.bytes, limit),
                  wholes->limit.source, text);
}

/* Taken out of epoll by name: closing the pidfd would not do while a child that has not executed yet holds it,
 * too. */
void watch_process_retire(struct watcher *w, struct watched *p)
{
        if (p->target.pidfd >= 0)
                epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, p->target.pidfd, NULL);
        for (unsigned i = 0; i < p->observer.events.n; i++)
                epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, p->observer.events.items[i].source.fd, NULL);
        p->ended = true;
}

static void watch_exits(struct watcher *w)
{
        static pid_t pids[WATCH_SET_MAX];

        if (w->exits.fd < 0)
                return;
        for (unsigned i = 0; i < w->set.n; i++)
                pids[i] = w->set.items[i]->target.pid;
        exit_events_watch(&w->exits, pids, w->set.n);
}

static int watch_fds(struct watcher *w, struct watched *p)
{
        const struct events *e = &p->observer.events;
        /* Without a pidfd the tick notices the end. */
        int r = p->target.pidfd < 0
                        ? 0
                        : watch_loop_listen(w, p->target.pidfd, EPOLLIN, watch_token(p, WATCH_END));

        for (unsigned i = 0; r == 0 && i < e->n; i++)
                r = watch_loop_listen(w, e->items[i].source.fd, event_mask(e->items[i].source.kind),
                                      watch_token(p, WATCH_EVENT + i));
        return r;
}

static void say_lines(struct watcher *w, char *text)
{
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                watch_say(&w->live, "%s", line);
}

static void set_capture(struct watcher *w, struct watched *p)
{
        struct capture_cost cost;
        struct diag d;

        if (capture_cost_measure(&p->target, &cost, &d) == 0)
                observer_set_capture(&p->observer, &w->options->rules, cost.reading_ns + cost.pause_ns);
        else
                watch_say(&w->live, "%s; half a second is supposed for a capture", d.text);
}

int watch_process_add(struct watcher *w, struct target *t, struct diag *d)
{
        char text[2048] = "";
        struct buf notes = BUF_FIXED(text, sizeof(text));
        struct watched *p;
        int r = watch_set_add(&w->set, t, &w->options->rules, &w->machine, &p, &notes, d);

        if (r < 0)
                return r;
        if (observer_needs_capture(&w->options->rules))
                set_capture(w, p);
        watch_dump_adopt(&w->dumps, &p->target);
        if (!watch_targets_by_place(&w->options->targets) && !w->options->dry_run)
                announce(w, p);
        say_lines(w, text);
        watch_exits(w);
        r = watch_brake_check(w, p, d);
        if (r < 0) {
                p->ended = true;
                return r;
        }
        r = watch_fds(w, p);
        if (r < 0) {
                p->ended = true;
                return diag_set(d, r, "PID %d: cannot wait for its end: %s", p->target.pid, strerror(-r));
        }
        return 0;
}

struct rearm_after {
        struct watcher *w;
        struct watched *p;
};

/* The kill may come while the rest of the dump is being written. */
static void arm_again(void *data)
{
        struct rearm_after *after = data;

        watch_arm(after->w, after->p);
}

static int dump(struct watcher *w, struct watched *p, const char *kind, const char *sentence, char **ramp)
{
        struct rearm_after after = {w, p};
        /* A process has one tracer. */
        bool was_armed = watch_arm_release(w, p);
        struct dump_reason why = {kind, sentence, ramp, was_armed ? arm_again : NULL, &after, &p->earlier};
        int r;

        r = watch_dump_take(&w->dumps, &p->target, &p->observer.history, &why);
        if (why.untraced)
                watch_arm(w, p);
        p->failures = r < 0 ? p->failures + 1 : 0;
        if (w->options->max_dumps && w->dumps.taken >= w->options->max_dumps)
                watch_loop_end(w);
        if (watch_signals_end_requested())
                watch_loop_end(w);
        return r;
}

void watch_process_dump_all(struct watcher *w, const char *kind, const char *sentence)
{
        for (unsigned i = 0; i < w->set.n && !w->ending; i++)
                if (!w->set.items[i]->ended && !w->set.items[i]->gone)
                        dump(w, w->set.items[i], kind, sentence, NULL);
}

static void fire(struct watcher *w, struct watched *p, int fired)
{
        const struct observer_rules *rules = &w->options->rules;
        unsigned shift;
        char text[480];
        struct buf sentence = BUF_FIXED(text, sizeof(text));

        observer_explain(&p->observer, rules, fired, &sentence);
        if (!observer_in_ramp(&p->observer, rules))
                freep(&p->ramp);
        if (dump(w, p, observer_kind(rules, fired), text, &p->ramp) == 0) {
                observer_fired(&p->observer, rules, fired);
                return;
        }
        shift = p->failures - 1 < RETRY_SHIFT_MAX ? p->failures - 1 : RETRY_SHIFT_MAX;
        observer_failed(&p->observer, rules, fired, NS_PER_S << shift);
}

void watch_process_ended(struct watcher *w, struct watched *p)
{
        char text[96], rss[SIZE_TEXT];
        struct buf word = BUF_FIXED(text, sizeof(text));
        bool known;
        int status;

        watch_kernel_hear(w);
        watch_process_retire(w, p);
        /* Its end may still have to be written. */
        if (watch_is_armed(p)) {
                p->ended = false;
                p->gone = true;
                p->next_ns = clock_monotonic_ns() + TOLD_NS;
        }
        known = last_word_status(&p->target, &w->exits, &status) == 0;
        if (!watch_is_armed(p) && (!known || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) &&
            watch_kernel_may_come(w, p)) {
                p->ended = false;
                p->gone = true;
                p->next_ns = clock_monotonic_ns() + WATCH_KERNEL_WAIT_NS;
        }
        /* Of a group's many processes only a violent end is news. */
        if (watch_targets_by_place(&w->options->targets) && known && WIFEXITED(status))
                return;
        last_word(&p->target, &w->exits, &word);
        watch_say(&w->live, "%s (%d) %s; RSS was %s when last seen", p->target.comm, p->target.pid, text,
                  size_format(p->observer.sampler.now.rss, rss));
}

void watch_process_attend(struct watcher *w, struct watched *p)
{
        bool arms = p->near || observer_arming(&p->observer, &w->options->rules);

        if (arms)
                watch_brake_on(w, p);
        if (arms || w->options->on_crash) {
                watch_arm(w, p);
        } else {
                watch_disarm(w, p);
                watch_brake_off(w, p, false);
        }
}

void watch_process_tick(struct watcher *w, struct watched *p)
{
        uint64_t sleep_ns = ENDING_POLL_NS;
        int fired;

        /* The kernel's word of its end, or the bundle, has been waited for. */
        if (p->gone) {
                if (watch_is_armed(p))
                        watch_arm_give_up(w, p);
                p->ended = true;
                return;
        }
        fired = observer_tick(&p->observer, &w->options->rules, &w->machine, &sleep_ns);
        if (fired >= 0)
                watch_process_attend(w, p);
        if (fired > 0) {
                fire(w, p, fired);
                sleep_ns = 0;
        }
        if (fired < 0 && p->target.pidfd < 0 && target_check(&p->target) < 0)
                watch_process_ended(w, p);
        if (fired >= 0 && watch_targets_by_place(&w->options->targets))
                sleep_ns = watch_place_pace_ns(w, p, sleep_ns);
        if (!p->gone)
                p->next_ns = clock_monotonic_ns() + sleep_ns;
}
