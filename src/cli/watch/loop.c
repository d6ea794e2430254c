/* SPDX-License-Identifier: MIT */
#include "cli/watch/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "capture/capture_cost.h"
#include "cli/command.h"
#include "cli/watch/last_word.h"
#include "cli/watch/arm.h"
#include "cli/watch/brake.h"
#include "cli/watch/find.h"
#include "cli/watch/place.h"
#include "cli/watch/signals.h"
#include "cli/watch/token.h"

/* What is due within this time is done in the same turn. */
#define TOGETHER_NS (200 * NS_PER_US)

/* A process that shows no memory is about to end; look again, until its pidfd says so. */
#define ENDING_POLL_NS (20 * NS_PER_MS)

/* A dump that failed is tried again after 1 s, 2 s, 4 s ... a minute. */
#define RETRY_SHIFT_MAX 6

/* How long the bundle of an end may take to be written. */
#define TOLD_NS (300 * NS_PER_S)

#define EVENTS 64

/* Aligned: the lowest bits of an address say what it is about (watch_token.h). */
static _Alignas(16) char token_timer, token_signal, token_kernel;

static int epoll_add(struct watcher *w, int fd, uint32_t mask, void *token)
{
        struct epoll_event event = {.events = mask, .data.ptr = token};

        return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int watch_loop_open(struct watcher *w, struct diag *d)
{
        int r;

        w->signal_fd = watch_signals_open();
        w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w->signal_fd < 0 || w->timer_fd < 0 || w->epoll_fd < 0)
                return diag_set(d, -errno, "cannot make the event loop: %s", strerror(errno));
        if (!last_word_by_pidfd())
                exit_events_open(&w->exits);
        r = epoll_add(w, w->timer_fd, EPOLLIN, &token_timer);
        if (r == 0)
                r = epoll_add(w, w->signal_fd, EPOLLIN, &token_signal);
        if (r < 0)
                return diag_set(d, r, "cannot make the event loop: %s", strerror(-r));
        return 0;
}

int watch_loop_follow_kernel(struct watcher *w, struct diag *d)
{
        return watch_kernel_open(w, &token_kernel, d);
}

void watch_loop_close(struct watcher *w)
{
        live_line_erase(&w->live);
        watch_arm_close(w);
        watch_set_close(&w->set);
        places_close(&w->places);
        watch_kernel_close(w);
        watch_witness_close(w);
        exit_events_close(&w->exits);
        fd_closep(&w->epoll_fd);
        fd_closep(&w->timer_fd);
        fd_closep(&w->signal_fd);
}

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
void watch_loop_retire(struct watcher *w, struct watched *p)
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
        int r = p->target.pidfd < 0 ? 0 : epoll_add(w, p->target.pidfd, EPOLLIN, watch_token(p, WATCH_END));

        for (unsigned i = 0; r == 0 && i < e->n; i++)
                r = epoll_add(w, e->items[i].source.fd, event_mask(e->items[i].source.kind),
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

int watch_loop_add(struct watcher *w, struct target *t, struct diag *d)
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

static void end(struct watcher *w)
{
        w->ending = true;
        live_line_erase(&w->live);
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
                end(w);
        if (watch_signals_end_requested())
                end(w);
        return r;
}

static void dump_all(struct watcher *w, const char *kind, const char *sentence)
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

static void process_ended(struct watcher *w, struct watched *p)
{
        char text[96], rss[SIZE_TEXT];
        struct buf word = BUF_FIXED(text, sizeof(text));
        bool known;
        int status;

        watch_kernel_hear(w);
        watch_loop_retire(w, p);
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

void watch_loop_attend(struct watcher *w, struct watched *p)
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

static void tick(struct watcher *w, struct watched *p)
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
                watch_loop_attend(w, p);
        if (fired > 0) {
                fire(w, p, fired);
                sleep_ns = 0;
        }
        if (fired < 0 && p->target.pidfd < 0 && target_check(&p->target) < 0)
                process_ended(w, p);
        if (fired >= 0 && watch_targets_by_place(&w->options->targets))
                sleep_ns = watch_place_pace_ns(w, p, sleep_ns);
        if (!p->gone)
                p->next_ns = clock_monotonic_ns() + sleep_ns;
}

/* Dump at every interval; intervals that a dump took longer than are left out. */
static void cycle(struct watcher *w, uint64_t now_ns)
{
        char sentence[128];

        if (w->set.n > 0) {
                w->cycles++;
                snprintf(sentence, sizeof(sentence), "every %g s, as asked for by -i: number %llu",
                         (double)w->options->interval_ns / NS_PER_S, (unsigned long long)w->cycles);
                dump_all(w, "interval", sentence);
        }
        w->cycle_ns += w->options->interval_ns;
        if (w->cycle_ns < now_ns)
                w->cycle_ns = now_ns;
        if (w->options->cycles && w->cycles >= w->options->cycles)
                end(w);
}

static void do_what_is_due(struct watcher *w)
{
        uint64_t now_ns = clock_monotonic_ns() + TOGETHER_NS;

        if (now_ns >= w->end_ns) {
                end(w);
                return;
        }
        if (now_ns >= w->place_ns)
                watch_place_look(w, now_ns);
        if (now_ns >= w->scan_ns)
                watch_find_look(w, now_ns);
        for (unsigned i = 0; i < w->set.n && !w->ending; i++)
                if (!w->set.items[i]->ended && now_ns >= w->set.items[i]->next_ns)
                        tick(w, w->set.items[i]);
        if (!w->ending && now_ns >= w->cycle_ns)
                cycle(w, clock_monotonic_ns());
        w->settle_ns = watch_arm_settle(w, now_ns);
}

static void arm_timer(struct watcher *w)
{
        uint64_t next_ns = w->scan_ns < w->cycle_ns ? w->scan_ns : w->cycle_ns;
        struct itimerspec at = {0};

        if (w->place_ns < next_ns)
                next_ns = w->place_ns;
        if (w->end_ns < next_ns)
                next_ns = w->end_ns;
        if (w->settle_ns < next_ns)
                next_ns = w->settle_ns;
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->next_ns < next_ns)
                        next_ns = w->set.items[i]->next_ns;
        /* A time of zero would disarm it: that is for "never". */
        if (!w->ending && next_ns != UINT64_MAX) {
                next_ns = next_ns ? next_ns : 1;
                at.it_value.tv_sec = (time_t)(next_ns / NS_PER_S);
                at.it_value.tv_nsec = (long)(next_ns % NS_PER_S);
        }
        /* Setting it also forgets that it has fired: it is never read. */
        timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void handle_signal(struct watcher *w, int signo)
{
        switch (signo) {
        case SIGCHLD:
                watch_dump_reap(&w->dumps);
                break;
        case SIGUSR1:
                if (!w->ending)
                        dump_all(w, "signal", "asked for by hand: SIGUSR1 to swansong watch");
                break;
        default:
                if (w->ending) {
                        watch_dump_abort(&w->dumps);
                        watch_arm_abandon(w);
                } else {
                        watch_say(&w->live, "ends, as asked for by signal %d; dumps taken: %llu", signo,
                                  (unsigned long long)w->dumps.taken);
                }
                w->dumps.incomplete = false;
                end(w);
        }
}

static void hear_event(struct watcher *w, struct watched *p, unsigned i, uint32_t ready)
{
        int *fd = &p->observer.events.items[i].source.fd;

        if (*fd >= 0 && observer_hear(&p->observer, i, ready) < 0) {
                epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
                fd_closep(fd);
        }
        p->next_ns = 0;
}

static void handle_event(struct watcher *w, const struct epoll_event *event)
{
        void *token = event->data.ptr;
        struct signalfd_siginfo info;
        struct watched *p;

        if (token == &token_timer)
                return;
        if (token == &token_kernel) {
                watch_kernel_hear(w);
                return;
        }
        if (token == &token_signal) {
                while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info))
                        handle_signal(w, (int)info.ssi_signo);
                return;
        }
        if (watch_arm_hear(w, token))
                return;
        p = watch_token_process(token);
        switch (watch_token_fd(token)) {
        case WATCH_END:
                if (!p->ended && !p->gone)
                        process_ended(w, p);
                break;
        case WATCH_HOLDER:
                watch_arm_holder_ended(w, p);
                break;
        case WATCH_GUARD:
                watch_brake_guard_ended(w, p);
                break;
        default:
                hear_event(w, p, watch_token_fd(token) - WATCH_EVENT, event->events);
        }
}

static void show(struct watcher *w)
{
        const struct watched *p;
        uint64_t now_ns;
        char text[256];
        struct buf b = BUF_FIXED(text, sizeof(text));

        if (w->ending || !w->live.terminal)
                return;
        now_ns = clock_monotonic_ns();
        if (!live_line_due(&w->live, now_ns))
                return;
        p = watch_set_largest(&w->set);
        if (!p) {
                char who[128];
                struct buf words = BUF_FIXED(who, sizeof(who));

                watch_targets_describe(&w->options->targets, &words);
                buf_str(&b, "waiting for a ");
                buf_escaped(&b, who, words.len);
        } else {
                if (w->set.n > 1)
                        buf_printf(&b, "%u processes; the largest: ", w->set.n);
                buf_escaped(&b, p->target.comm, strlen(p->target.comm));
                buf_printf(&b, " (%d): ", p->target.pid);
                live_line_describe(&p->observer, &b);
        }
        live_line_show(&w->live, text, now_ns);
}

/* Who has ended leaves; of a kill that nobody captured the kernel's word is kept. */
static void sweep(struct watcher *w)
{
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->ended) {
                        watch_kernel_last_call(w, w->set.items[i]);
                        watch_arm_leave(w, w->set.items[i]);
                }
        watch_set_sweep(&w->set);
}

static bool is_busy(const struct watcher *w)
{
        return watch_dump_busy(&w->dumps) || watch_arm_busy(w);
}

int watch_loop_run(struct watcher *w)
{
        struct epoll_event events[EVENTS];

        while (!w->ending || is_busy(w)) {
                int n;

                if (!w->ending)
                        do_what_is_due(w);
                sweep(w);
                if (w->set.n == 0 && !watch_targets_are_looked_for(&w->options->targets))
                        end(w);
                show(w);
                if (w->ending && !is_busy(w))
                        break;
                arm_timer(w);
                n = epoll_wait(w->epoll_fd, events, EVENTS, -1);
                for (int i = 0; i < n; i++)
                        handle_event(w, &events[i]);
        }
        if (w->status == STATUS_DONE && w->dumps.incomplete)
                return STATUS_INCOMPLETE;
        return w->status;
}
