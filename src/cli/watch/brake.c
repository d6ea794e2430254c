/* SPDX-License-Identifier: MIT */
#include "cli/watch/brake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "cli/watch/arm.h"
#include "cli/watch/dump.h"
#include "cli/watch/token.h"

/* A hold that lasts longer than the capture's budget and this is undone by the guard: threads may take 0.5 s to stop. */
#define HOLD_MARGIN_NS (2 * NS_PER_S)

/* The directory of the group with the tightest limit.  0 or -errno with d filled. */
static int find_group(const struct watched *p, char dir[PATH_MAX], struct diag *d)
{
        const struct limit_reader *l = &p->observer.limits;
        const struct limit_level *tightest = NULL;

        for (unsigned i = 0; i < l->n; i++)
                if (l->levels[i].bytes != UINT64_MAX && (!tightest || l->levels[i].bytes < tightest->bytes))
                        tightest = &l->levels[i];
        if (!tightest)
                return diag_set(d, -ENODATA, "PID %d: no memory group limits it below this machine's memory",
                                p->target.pid);
        if (tightest->len >= PATH_MAX)
                return diag_set(d, -ENAMETOOLONG, "PID %d: its memory group: %s", p->target.pid,
                                strerror(ENAMETOOLONG));
        memcpy(dir, l->dir, tightest->len);
        dir[tightest->len] = '\0';
        return 0;
}

/* Whoever waits at the limit himself cannot let the others go on. */
static bool is_inside(const char *dir)
{
        _cleanup_fd_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        static struct memory_group g;
        static char own[2 * PATH_MAX];
        size_t n = strlen(dir);

        if (self < 0 || memory_group_find(self, &g) < 0)
                return false;
        snprintf(own, sizeof(own), "%s%s", g.mount, strcmp(g.path, "/") == 0 ? "" : g.path);
        return strncmp(own, dir, n) == 0 && (own[n] == '/' || own[n] == '\0');
}

static bool is_braked(const struct watcher *w, const char *dir)
{
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->brake.kind != BRAKE_NONE &&
                    strcmp(w->set.items[i]->brake.note.dir, dir) == 0)
                        return true;
        return false;
}

static int request(const struct watcher *w, const struct watched *p, char dir[PATH_MAX],
                   struct brake_request *ret, struct diag *d)
{
        const struct watch_options *o = w->options;
        int r = find_group(p, dir, d);

        if (r < 0)
                return r;
        if (is_inside(dir))
                return diag_set(d, -EDEADLK, "%s: swansong itself is in that group", dir);
        *ret = (struct brake_request){.kind = o->brake,
                                      .dir = dir,
                                      .percent = o->brake_percent,
                                      .deadline_ns = o->brake == BRAKE_HOLD
                                                             ? o->kill_budget_ns + HOLD_MARGIN_NS
                                                             : o->brake_deadline_ns};
        return 0;
}

static void refuse(struct watcher *w, struct watched *p, const struct diag *d)
{
        p->brake_refused = true;
        /* Of a group's many processes one is enough. */
        if (w->told_unbraked && watch_targets_by_place(&w->options->targets))
                return;
        w->told_unbraked = true;
        watch_say(&w->live, "not braked, armed without: %s", d->text);
}

/* -ENOTSUP with d filled when it is the brake of the other cgroup version. */
static int check_version(const struct watcher *w, const struct watched *p, struct diag *d)
{
        if (p->observer.limits.version == 1 && w->options->brake == BRAKE_SLOW)
                return diag_set(d, -ENOTSUP,
                                "--brake: PID %d is in a cgroup v1 group, which has no memory.high; "
                                "there it is --hold",
                                p->target.pid);
        if (p->observer.limits.version == 2 && w->options->brake == BRAKE_HOLD)
                return diag_set(d, -ENOTSUP,
                                "--hold: PID %d is in a cgroup v2 group, where the kill cannot be "
                                "held back; there it is --brake, which slows it down",
                                p->target.pid);
        return 0;
}

int watch_brake_check(struct watcher *w, struct watched *p, struct diag *d)
{
        struct brake_request q;
        char dir[PATH_MAX];
        int r;

        if (w->options->brake == BRAKE_NONE)
                return 0;
        r = check_version(w, p, d);
        if (r < 0 && !watch_targets_by_place(&w->options->targets))
                return r;
        if (r == 0)
                r = request(w, p, dir, &q, d);
        if (r == 0 && !is_braked(w, dir))
                r = brake_check(&q, d);
        if (r < 0)
                refuse(w, p, d);
        return 0;
}

/* 0; -EALREADY: the group is braked for another process of it; or -errno, said. */
static int begin(struct watcher *w, struct watched *p)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch_token(p, WATCH_GUARD)};
        struct brake_request q;
        char dir[PATH_MAX];
        struct diag d = {0};
        int r = request(w, p, dir, &q, &d);

        if (r == 0 && is_braked(w, dir))
                return -EALREADY;
        if (r == 0 && q.kind == BRAKE_HOLD)
                r = oom_event_open(dir, &p->oom_event, &d);
        if (r == 0)
                r = brake_begin(&q, &p->brake, &d);
        if (r == 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, p->brake.guard_fd, &event) < 0)
                r = diag_set(&d, -errno, "cannot wait for the guard's end: %s", strerror(errno));
        if (r < 0) {
                refuse(w, p, &d);
                watch_brake_off(w, p, true);
        }
        return r;
}

static bool is_wanted(const struct watcher *w, const struct watched *p, enum brake_kind kind)
{
        return w->options->brake == kind && p->brake.kind == BRAKE_NONE && !p->brake_refused &&
               !p->brake_spent && !p->gone;
}

void watch_brake_on(struct watcher *w, struct watched *p)
{
        if (is_wanted(w, p, BRAKE_SLOW) && begin(w, p) == 0)
                watch_say(&w->live, "%s (%d): slowed down from %g %% of the limit of %s on, for %g s at most",
                          p->target.comm, p->target.pid, w->options->brake_percent, p->brake.note.dir,
                          (double)w->options->brake_deadline_ns / NS_PER_S);
}

bool watch_brake_hold(struct watcher *w, struct watched *p)
{
        struct diag d = {0};

        if (!is_wanted(w, p, BRAKE_HOLD) || begin(w, p) < 0)
                return false;
        if (armed_hold(&w->arms.armed, &p->target, &p->brake, &p->oom_event, &p->holder, &d) == 0)
                return true;
        refuse(w, p, &d);
        watch_brake_off(w, p, true);
        return false;
}

void watch_brake_off(struct watcher *w, struct watched *p, bool over)
{
        p->brake_spent = over;
        if (p->brake.kind == BRAKE_NONE)
                return;
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, p->brake.guard_fd, NULL);
        brake_end(&p->brake);
        oom_event_close(&p->oom_event);
}

void watch_brake_guard_ended(struct watcher *w, struct watched *p)
{
        enum brake_kind kind = p->brake.kind;

        watch_say(&w->live,
                  "%s (%d): its memory group is braked no longer (the deadline is over, or the guard was "
                  "killed)",
                  p->target.comm, p->target.pid);
        /* A holder that has not answered in time is given up. */
        if (kind == BRAKE_HOLD)
                watch_arm_give_up_hold(w, p);
        watch_brake_off(w, p, true);
}
