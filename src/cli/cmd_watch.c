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
#include "cli/watch/arm.h"
#include "cli/watch/watch.h"
#include "cli/watch/find.h"
#include "cli/watch/loop.h"
#include "cli/watch/preview.h"
#include "injector/priority.h"

/* Ourselves: low in the kernel's list of victims, in memory, with what the capture needs touched. */
static void prepare(const struct watch_options *o)
{
        static char stdout_memory[4096];
        struct diag d;

        setvbuf(stdout, stdout_memory, _IOFBF, sizeof(stdout_memory));
        survive_lower_oom_score();
        survive_raise_files();
        survive_file_size();
        if (o->lock_memory && survive_lock_memory(&d) < 0)
                complain("watch", &d);
        priority_raise_alone(PRIORITY_WATCH);
        watch_dump_prepare();
        capture_prepare();
}

static int start(struct watcher *w, bool follow, struct diag *d)
{
        struct diag unheard = {0};
        const struct watch_options *o = w->options;
        uint64_t now_ns = clock_monotonic_ns();
        int r = machine_open(&w->machine, d), unseen = 0;

        w->place_ns = UINT64_MAX;
        if (r == 0)
                r = watch_loop_open(w, d);
        if (r == 0 && follow)
                unseen = watch_loop_follow_kernel(w, &unheard);
        if (r == 0)
                watch_arm_prepare(w);
        if (r == 0)
                r = watch_find_start(w, d);
        if (r == 0 && unseen < 0)
                watch_say(&w->live, "kills of processes that are not armed cannot be told: %s", unheard.text);
        w->scan_ns = watch_find_looks(w) ? now_ns + o->interval_ns : UINT64_MAX;
        w->cycle_ns = o->periodic ? now_ns : UINT64_MAX;
        w->end_ns = o->cycles && !o->periodic ? now_ns + o->cycles * o->interval_ns : UINT64_MAX;
        return r;
}

static void watcher_done(struct watcher *w)
{
        watch_loop_close(w);
        machine_close(&w->machine);
        watch_dump_done(&w->dumps);
}

int watch_main(int argc, char **argv, int ready_fd)
{
        /* Static: they hold paths and lists, and the stack is to stay small. */
        static struct watch_options o;
        static struct watcher w = {.epoll_fd = -1,
                                   .timer_fd = -1,
                                   .signal_fd = -1,
                                   .machine.meminfo_fd = -1,
                                   .exits.fd = -1,
                                   .kernel.kmsg.fd = -1,
                                   .dumps.dir = -1};
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
        w.arms.armed = ARMED_NONE;
        w.dumps.live = &w.live;
        r = watch_find_check(&w, &d);
        if (r == 0) {
                w.dumps.dir = option_out_dir(o.out_dir, true, &w.dumps.dir_name, &d);
                r = w.dumps.dir < 0 ? -EINVAL : 0;
        }
        if (r == 0) {
                if (!o.dry_run)
                        prepare(&o);
                /* Within another command that one looks after who was killed. */
                r = start(&w, !o.dry_run && ready_fd < 0, &d);
        }
        if (r < 0)
                complain("watch", &d);
        else if (ready_fd >= 0)
                close(ready_fd);
        if (r == 0 && o.dry_run)
                watch_preview(&w, stdout);
        else
                r = r < 0 ? target_status(r) : watch_loop_run(&w);
        watcher_done(&w);
        return r;
}

int cmd_watch(int argc, char **argv)
{
        return watch_main(argc, argv, -1);
}
