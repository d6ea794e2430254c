/* SPDX-License-Identifier: MIT */
#include "cli/watch_find.h"

#include <errno.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/options.h"

#define SCAN_MIN_NS      (100 * NS_PER_MS)
#define SCAN_QUIET_LOOKS 10

static int found(pid_t pid, void *arg)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        struct watcher *w = arg;
        struct diag d;
        int r;

        if (watch_set_has(&w->set, pid))
                return 0;
        r = option_target(pid, &t, &d);
        /* Between the look and now it may have ended, or become another program. */
        if (r == 0 && exe_match_link(&w->exe, t.proc_fd, "exe") <= 0)
                return 0;
        if (r == 0)
                r = watch_loop_add(w, &t, &d);
        if (r == -ESRCH)
                return 0;
        if (r < 0 && !w->told_unwatched) {
                watch_say(&w->live, "not watched: %s", d.text);
                w->told_unwatched = true;
        }
        return r == -ENFILE;
}

int watch_find_scan(struct watcher *w)
{
        exe_match_refresh(&w->exe, w->options->exe);
        return exe_match_scan(&w->exe, found, w);
}

/* Those that have become another program (exec) are no longer ours. */
static void check_executables(struct watcher *w)
{
        exe_match_refresh(&w->exe, w->options->exe);
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];
                char link[PATH_MAX];
                ssize_t n;

                if (p->ended || exe_match_link(&w->exe, p->target.proc_fd, "exe") != 0)
                        continue;
                n = readlinkat(p->target.proc_fd, "exe", link, sizeof(link) - 1);
                if (n <= 0)
                        continue; /* it is about to end */
                link[n] = '\0';
                watch_say(&w->live, "%s (%d) has become %.200s: no longer watched", p->target.comm,
                          p->target.pid, link);
                watch_loop_retire(w, p);
                if (w->options->pid)
                        w->status = STATUS_TARGET;
        }
}

void watch_find_look(struct watcher *w, uint64_t now_ns)
{
        uint64_t period_ns = w->options->interval_ns < SCAN_MIN_NS ? SCAN_MIN_NS : w->options->interval_ns;
        uint64_t last_pid;

        w->scan_ns = now_ns + period_ns;
        check_executables(w);
        if (w->options->pid)
                return;
        last_pid = last_pid_read();
        w->quiet_looks = last_pid == 0 || last_pid != w->last_pid ? 0 : w->quiet_looks + 1;
        w->last_pid = last_pid;
        if (w->quiet_looks <= 1)
                watch_find_scan(w);
        else if (w->quiet_looks >= SCAN_QUIET_LOOKS)
                w->quiet_looks = 0;
}
