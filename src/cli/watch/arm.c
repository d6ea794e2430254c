/* SPDX-License-Identifier: MIT */
#include "cli/watch/arm.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "brake/guard.h"
#include "capture/stacks/condition.h"
#include "cli/watch/arm_words.h"
#include "cli/watch/brake.h"
#include "cli/watch/token.h"

/* How long one may be attended who need not be, others having to be. */
#define STRAYS_NS (30 * NS_PER_S)

/* Attendants that end unasked, before we give up. */
#define FAILURES_MAX 10

/* How often one that somebody else traces is looked at again: 20 us each. */
#define TRACER_LOOK_NS (NS_PER_S / 4)

/* How often it is looked whether the guard has ended a hold. */
#define HELD_LOOK_MS 50

static _Alignas(16) char token_words, token_life;

static bool is_attended(const struct watched *p)
{
        return p->arm == ARM_ASKED || p->arm == ARM_ATTENDED;
}

/* Its holder is at work: captures it, or writes. */
static bool is_holding(const struct watched *p)
{
        return p->holder.child > 0 && p->arm == ARM_DYING;
}

static void listen_to(struct watcher *w, int fd, void *token)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = token};

        epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void give_up_arming(struct watcher *w, const struct diag *d)
{
        w->arms.refused = true;
        watch_say(&w->live, "not armed, dumps only at conditions: %s", d->text);
}

/* Is there an attendant? */
static bool have_attendant(struct watcher *w)
{
        const struct armed_options options = {.dirfd = w->dumps.dir,
                                              .dir_name = w->dumps.dir_name,
                                              .budget_ns = w->options->kill_budget_ns,
                                              .on_crash = w->options->on_crash,
                                              .census = w->options->census};
        struct diag d;

        if (w->arms.refused || w->arms.armed.guard > 0)
                return !w->arms.refused;
        if (armed_open(&w->arms.armed, &options, &d) < 0) {
                give_up_arming(w, &d);
                return false;
        }
        listen_to(w, w->arms.armed.words_fd, &token_words);
        listen_to(w, w->arms.armed.life_fd, &token_life);
        return true;
}

void watch_arm_prepare(struct watcher *w)
{
        const struct observer_rules *rules = &w->options->rules;
        bool arms = w->options->on_crash || watch_targets_by_place(&w->options->targets);

        for (unsigned i = 0; i < rules->n_triggers; i++)
                arms |= trigger_arms(&rules->triggers[i]);
        if (arms && !rules->never_armed && !w->options->dry_run)
                have_attendant(w);
}

/* Whom somebody else traced the last time we asked: does he still? */
static bool is_others(struct watched *p)
{
        uint64_t now_ns;

        if (p->tracer == 0)
                return false;
        now_ns = clock_monotonic_ns();
        if (now_ns >= p->tracer_ns) {
                p->tracer_ns = now_ns + TRACER_LOOK_NS;
                p->tracer = condition_tracer(&p->target);
        }
        return p->tracer != 0;
}

static void ask(struct watcher *w, struct watched *p)
{
        if (p->arm == ARM_NONE && !is_others(p) && armed_ask(&w->arms.armed, &p->target) == 0)
                p->arm = ARM_ASKED;
}

/* With --hold it is somebody else's business until that is over. */
static bool begin_hold(struct watcher *w, struct watched *p)
{
        if (!watch_brake_hold(w, p))
                return false;
        listen_to(w, p->holder.life_fd, watch_token(p, WATCH_HOLDER));
        return true;
}

void watch_arm(struct watcher *w, struct watched *p)
{
        if (w->options->dry_run || p->arms_refused || p->gone)
                return;
        p->arm_wanted = true;
        if (!watch_is_armed(p) && have_attendant(w) && !begin_hold(w, p))
                ask(w, p);
}

static void stop_holder(struct watcher *w, struct watched *p)
{
        if (p->holder.child == 0)
                return;
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, p->holder.life_fd, NULL);
        holder_stop(&p->holder);
        p->arm = ARM_NONE;
        /* Only now, when no holder can raise the limit any more. */
        if (p->brake.kind == BRAKE_HOLD)
                watch_brake_off(w, p, false);
}

void watch_disarm(struct watcher *w, struct watched *p)
{
        p->arm_wanted = p->arm_said = false;
        /* What it has seen at the limit is not thrown away because somebody has made room meanwhile. */
        if (!is_holding(p))
                stop_holder(w, p);
}

void watch_arm_give_up_hold(struct watcher *w, struct watched *p)
{
        p->arm_wanted = p->arm_said = false;
        stop_holder(w, p);
}

void watch_arm_leave(struct watcher *w, const struct watched *p)
{
        w->arms.left += is_attended(p);
}

/* --- who lets go */

/* Nobody is attended any more.  Those that are held are the business of whoever captures them. */
static void forget_all(struct watcher *w)
{
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (!is_attended(p))
                        continue;
                p->arm = ARM_NONE;
                p->ended |= p->gone;
        }
        w->arms.left = 0;
        w->arms.strays_ns = 0;
}

static void ask_again(struct watcher *w, const struct watched *but)
{
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (p != but && p->arm_wanted && !p->gone && !p->ended && !p->arms_refused)
                        ask(w, p);
        }
}

/* Another attendant, for all who have to be attended but this one (or NULL). */
static void renew(struct watcher *w, const struct watched *but)
{
        struct diag d;
        int r;

        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, w->arms.armed.life_fd, NULL);
        r = armed_renew(&w->arms.armed, &d);
        watch_arm_words(w);
        forget_all(w);
        if (r < 0) {
                give_up_arming(w, &d);
                return;
        }
        listen_to(w, w->arms.armed.life_fd, &token_life);
        ask_again(w, but);
}

/* Until it traces nobody any more and only writes.  The guard sees to it that this does not last. */
static void wait_held(struct watcher *w, struct watched *p)
{
        struct pollfd fds[] = {{.fd = w->arms.armed.words_fd, .events = POLLIN},
                               {.fd = p->holder.life_fd, .events = POLLIN}};

        while (p->brake.kind == BRAKE_HOLD && !fds[1].revents && guard_is_there(&p->brake)) {
                poll(fds, ARRAY_SIZE(fds), HELD_LOOK_MS);
                watch_arm_words(w);
        }
}

bool watch_arm_release(struct watcher *w, struct watched *p)
{
        bool was = is_attended(p);

        if (was)
                renew(w, p);
        if (p->holder.child == 0)
                return was;
        if (!is_holding(p))
                stop_holder(w, p);
        else
                wait_held(w, p);
        return true;
}

uint64_t watch_arm_settle(struct watcher *w, uint64_t now_ns)
{
        bool strays = w->arms.left > 0, others = false;

        for (unsigned i = 0; i < w->set.n; i++) {
                const struct watched *p = w->set.items[i];

                strays |= is_attended(p) && !p->arm_wanted && !p->gone;
                others |= p->arm != ARM_NONE && p->arm_wanted;
        }
        if (!strays || w->arms.armed.guard == 0) {
                w->arms.strays_ns = 0;
                return UINT64_MAX;
        }
        if (w->arms.strays_ns == 0)
                w->arms.strays_ns = now_ns;
        if (others && now_ns < w->arms.strays_ns + STRAYS_NS)
                return w->arms.strays_ns + STRAYS_NS;
        renew(w, NULL);
        return UINT64_MAX;
}

/* The attendant has ended, and nobody had asked it to. */
static void hear_end(struct watcher *w)
{
        int life_fd = w->arms.armed.life_fd;
        const char *why;

        watch_arm_words(w);
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, life_fd, NULL);
        why = armed_last_word(&w->arms.armed);
        forget_all(w);
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->arm == ARM_DYING && !is_holding(w->set.items[i]))
                        watch_arm_give_up(w, w->set.items[i]);
        watch_say(&w->live, "the process that attends has ended (%s)%s", why,
                  w->arms.failures < FAILURES_MAX ? ": another one takes over" : "");
        if (w->arms.failures++ == FAILURES_MAX)
                w->arms.refused = true;
        else
                renew(w, NULL);
}

void watch_arm_holder_ended(struct watcher *w, struct watched *p)
{
        watch_arm_words(w);
        stop_holder(w, p);
        /* A hold comes once; the next kill, if there is one, is attended. */
        p->brake_spent = true;
        /* Its process may end a moment later, and is waited for then. */
        p->ended |= p->gone;
}

bool watch_arm_hear(struct watcher *w, const void *token)
{
        if (token == &token_words)
                watch_arm_words(w);
        else if (token == &token_life)
                hear_end(w);
        else
                return false;
        return true;
}

void watch_arm_give_up(struct watcher *w, struct watched *p)
{
        w->dumps.incomplete = true;
        watch_say(&w->live, "no bundle of the end of %s (%d): whoever was to write it has ended",
                  p->target.comm, p->target.pid);
        watch_arm_told(p);
}

bool watch_arm_busy(const struct watcher *w)
{
        for (unsigned i = 0; i < w->set.n; i++) {
                const struct watched *p = w->set.items[i];

                if (!p->ended && (p->arm == ARM_DYING || p->arm == ARM_WRITTEN))
                        return true;
        }
        return false;
}

void watch_arm_abandon(struct watcher *w)
{
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->arm == ARM_DYING || w->set.items[i]->arm == ARM_WRITTEN)
                        watch_arm_give_up(w, w->set.items[i]);
}

void watch_arm_close(struct watcher *w)
{
        armed_close(&w->arms.armed);
}
