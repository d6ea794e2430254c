/* SPDX-License-Identifier: MIT */
#include "cli/watch/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/watch/arm.h"
#include "cli/watch/brake.h"
#include "cli/watch/find.h"
#include "cli/watch/hook.h"
#include "cli/watch/last_word.h"
#include "cli/watch/place.h"
#include "cli/watch/process.h"
#include "cli/watch/signals.h"
#include "cli/watch/token.h"

/* What is due within this time is done in the same turn. */
#define TOGETHER_NS (200 * NS_PER_US)

#define EVENTS 64

/* Aligned: the lowest bits of an address say what it is about (watch_token.h). */
static _Alignas(16) char token_timer, token_signal, token_kernel;

int watch_loop_listen(struct watcher *w, int fd, uint32_t mask, void *token)
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
        r = watch_loop_listen(w, w->timer_fd, EPOLLIN, &token_timer);
        if (r == 0)
                r = watch_loop_listen(w, w->signal_fd, EPOLLIN, &token_signal);
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

void watch_loop_end(struct watcher *w)
{
        w->ending = true;
        live_line_erase(&w->live);
}

/* Dump at every interval; intervals that a dump took longer than are left out. */
static void cycle(struct watcher *w, uint64_t now_ns)
{
        char sentence[128];

        if (w->set.n > 0) {
                w->cycles++;
                snprintf(sentence, sizeof(sentence), "every %g s, as asked for by -i: number %llu",
                         (double)w->options->interval_ns / NS_PER_S, (unsigned long long)w->cycles);
                watch_process_dump_all(w, "interval", sentence);
        }
        w->cycle_ns += w->options->interval_ns;
        if (w->cycle_ns < now_ns)
                w->cycle_ns = now_ns;
        if (w->options->cycles && w->cycles >= w->options->cycles)
                watch_loop_end(w);
}

static void do_what_is_due(struct watcher *w)
{
        uint64_t now_ns = clock_monotonic_ns() + TOGETHER_NS;

        if (now_ns >= w->end_ns) {
                watch_loop_end(w);
                return;
        }
        if (now_ns >= w->place_ns)
                watch_place_look(w, now_ns);
        if (now_ns >= w->scan_ns)
                watch_find_look(w, now_ns);
        for (unsigned i = 0; i < w->set.n && !w->ending; i++)
                if (!w->set.items[i]->ended && now_ns >= w->set.items[i]->next_ns)
                        watch_process_tick(w, w->set.items[i]);
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
        if (w->ending)
                next_ns = w->hooks_ns ? w->hooks_ns : UINT64_MAX;
        /* A time of zero would disarm it: that is for "never". */
        if (next_ns != UINT64_MAX) {
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
                        watch_process_dump_all(w, "signal", "asked for by hand: SIGUSR1 to swansong watch");
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
                w->hooks_ns = 1;
                watch_loop_end(w);
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
                        watch_process_ended(w, p);
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

/* Whoever asks for our end by a signal need not wait for them. */
static bool hooks_are_awaited(struct watcher *w)
{
        uint64_t now_ns = clock_monotonic_ns();

        if (!watch_dump_hooks_run(&w->dumps))
                return false;
        if (w->hooks_ns == 0)
                w->hooks_ns = now_ns + HOOK_PATIENCE_NS;
        return now_ns < w->hooks_ns;
}

static bool is_busy(struct watcher *w)
{
        return watch_dump_busy(&w->dumps) || watch_arm_busy(w) || hooks_are_awaited(w);
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
                        watch_loop_end(w);
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
