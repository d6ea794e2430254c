/* SPDX-License-Identifier: MIT */
/* swansong watch: wait for a condition on a process's memory, dump it then, and go on watching.
 *
 * Everything that will be needed is made, opened and touched before the waiting begins. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "capture/capture.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/survive.h"
#include "cli/watch_find.h"
#include "cli/watch_loop.h"

/* Ourselves: low in the kernel's list of victims, in memory, with what the capture needs touched. */
static void prepare(const struct watch_options *o)
{
        static char stdout_memory[4096];
        struct diag d;

        setvbuf(stdout, stdout_memory, _IOFBF, sizeof(stdout_memory));
        survive_lower_oom_score();
        survive_raise_files();
        if (o->lock_memory && survive_lock_memory(&d) < 0)
                complain("watch", &d);
        watch_dump_prepare();
        capture_prepare();
}

/* -p: open this one process, of the right executable if one was named. */
static int open_pid(const struct watch_options *o, struct exe_match *exe, struct target *ret, struct diag *d)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        char link[PATH_MAX] = "";
        int r = option_target(o->pid, &t, d);

        if (r < 0)
                return r;
        if (o->exe) {
                exe_match_refresh(exe, o->exe);
                r = exe_match_link(exe, t.proc_fd, "exe");
                if (r < 0)
                        return diag_set(d, r, "PID %d (%s): its executable cannot be seen: %s", t.pid, t.comm,
                                        strerror(-r));
                if (r == 0) {
                        if (readlinkat(t.proc_fd, "exe", link, sizeof(link) - 1) < 0)
                                strcpy(link, "another program");
                        return diag_set(d, -ENOENT, "PID %d (%s) runs %.200s, not %s", t.pid, t.comm, link,
                                        o->exe);
                }
        }
        *ret = t;
        t = TARGET_NONE;
        return 0;
}

/* -e alone: those that are there; others may come. */
static int watch_exe(struct watcher *w, struct diag *d)
{
        int unseen = watch_find_scan(w);

        if (unseen < 0)
                return diag_set(d, unseen, "/proc: %s", strerror(-unseen));
        if (w->set.n > 0)
                return 0;
        if (!w->exe.exists)
                return diag_set(d, -ENOENT, "%s: no such executable, and no process runs it",
                                w->options->exe);
        if (unseen > 0)
                watch_say(
                        &w->live,
                        "no process of %s yet; waiting for one (%d processes of other users cannot be seen)",
                        w->options->exe, unseen);
        else
                watch_say(&w->live, "no process of %s yet; waiting for one", w->options->exe);
        return 0;
}

static int start(struct watcher *w, struct target *t, struct diag *d)
{
        const struct watch_options *o = w->options;
        uint64_t now_ns = clock_monotonic_ns();
        int r = machine_open(&w->machine, d);

        if (r == 0)
                r = watch_loop_open(w, d);
        if (r == 0)
                r = o->pid ? watch_loop_add(w, t, d) : watch_exe(w, d);
        w->scan_ns = o->exe ? now_ns + o->interval_ns : UINT64_MAX;
        w->cycle_ns = o->periodic ? now_ns : UINT64_MAX;
        w->end_ns = o->cycles && !o->periodic ? now_ns + o->cycles * o->interval_ns : UINT64_MAX;
        return r;
}

static void watcher_done(struct watcher *w)
{
        watch_loop_close(w);
        machine_close(&w->machine);
        fd_closep(&w->dumps.dir);
        free(w->dumps.dir_name);
}

int cmd_watch(int argc, char **argv)
{
        /* Static: they hold paths and lists, and the stack is to stay small. */
        static struct watch_options o;
        static struct watcher w = {.epoll_fd = -1,
                                   .timer_fd = -1,
                                   .signal_fd = -1,
                                   .machine.meminfo_fd = -1,
                                   .exits.fd = -1,
                                   .dumps.dir = -1};
        _cleanup_target_ struct target t = TARGET_NONE;
        struct diag d = {0};
        int r;

        if (watch_options_parse(argc, argv, &o, &d) < 0) {
                complain("watch", &d);
                return STATUS_USAGE;
        }
        if (o.help) {
                watch_options_help(stdout);
                return STATUS_DONE;
        }
        w.options = w.dumps.options = &o;
        w.live = live_line_open();
        w.dumps.live = &w.live;
        r = o.pid ? open_pid(&o, &w.exe, &t, &d) : 0;
        if (r == 0) {
                w.dumps.dir = option_out_dir(o.out_dir, true, &w.dumps.dir_name, &d);
                r = w.dumps.dir < 0 ? -EINVAL : 0;
        }
        if (r == 0) {
                prepare(&o);
                r = start(&w, &t, &d);
        }
        if (r < 0)
                complain("watch", &d);
        r = r < 0 ? target_status(r) : watch_loop_run(&w);
        watcher_done(&w);
        return r;
}
