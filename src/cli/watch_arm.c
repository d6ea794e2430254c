/* SPDX-License-Identifier: MIT */
#include "cli/watch_arm.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/file.h"
#include "cli/watch_brake.h"
#include "cli/watch_dump.h"
#include "cli/watch_token.h"

void watch_arm(struct watcher *w, struct watched *p)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch_token(p, WATCH_ATTENDANT)};
        struct diag d = {0};
        int r;

        if (w->options->dry_run || watch_is_armed(p) || p->arms_refused || p->gone)
                return;
        r = watch_brake_hold(w, p) ? 0
                                   : armed_start(&p->target, w->dumps.dir, w->dumps.dir_name,
                                                 w->options->kill_budget_ns, &p->armed, &d);
        if (r == 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, p->armed.fd, &event) < 0) {
                r = diag_set(&d, -errno, "cannot wait for its end: %s", strerror(errno));
                armed_stop(&p->armed);
        }
        if (r < 0) {
                p->arms_refused = true;
                watch_say(&w->live, "not armed: %s", d.text);
        }
}

void watch_disarm(struct watcher *w, struct watched *p)
{
        if (!watch_is_armed(p))
                return;
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, p->armed.fd, NULL);
        armed_stop(&p->armed);
        /* Only now, when no holder can raise the limit any more. */
        if (p->brake.kind == BRAKE_HOLD)
                watch_brake_off(w, p, false);
}

static void hear(struct watcher *w, struct watched *p, struct armed_message *m)
{
        char *path;

        switch (m->word) {
        case ARMED_READY:
                watch_say(&w->live,
                          p->brake.kind == BRAKE_HOLD
                                  ? "%s (%d): armed, %u threads: will be held at its limit"
                                  : "%s (%d): armed, %u threads: present if the kernel kills it",
                          p->target.comm, p->target.pid, m->n_threads);
                break;
        case ARMED_REFUSED:
                p->arms_refused = true;
                buf_reset(&p->maps);
                file_read_at(p->target.proc_fd, "maps", &p->maps);
                watch_say(&w->live, "not armed, dumps only at conditions: %s", m->text);
                break;
        case ARMED_KILLED:
                watch_say(&w->live, "%s (%d): %s", p->target.comm, p->target.pid, m->text);
                armed_give_history(&p->armed, &p->observer.history);
                break;
        case ARMED_HELD:
                watch_brake_off(w, p, true);
                watch_say(&w->live, "%s (%d): %s", p->target.comm, p->target.pid, m->text);
                armed_give_history(&p->armed, &p->observer.history);
                break;
        case ARMED_BUNDLE:
                p->captured = true;
                path = strdup(m->text);
                if (path)
                        watch_dump_publish(&w->dumps, path, p->armed.binaries_fd, m->incomplete, p->ramp);
                if (w->options->max_dumps && w->dumps.taken >= w->options->max_dumps)
                        w->ending = true;
                break;
        case ARMED_FAILED:
                w->dumps.incomplete = true;
                watch_say(&w->live, "no bundle of its end: %s", m->text);
                break;
        case ARMED_OTHER_END:
                break;
        }
}

void watch_arm_hear(struct watcher *w, struct watched *p)
{
        static struct armed_message m;
        bool held = p->brake.kind == BRAKE_HOLD;
        int r;

        while ((r = armed_read(&p->armed, &m)) > 0)
                hear(w, p, &m);
        if (r == 0)
                return;
        watch_disarm(w, p);
        /* A hold comes once; the next kill, if there is one, is attended. */
        p->brake_spent = p->brake_spent || held;
        /* Its process may end a moment later than the attendant, and is waited for then. */
        if (p->gone)
                p->ended = true;
}
