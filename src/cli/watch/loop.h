/* SPDX-License-Identifier: MIT */
/* watch_loop - one epoll loop: a timer for whatever is due next, a pidfd per process for its end, a signalfd.
 *
 *   due       a process's next tick, the scan for new processes (-e), the periodic dump (-i alone), the end
 *   pidfd     the process has ended: its last word
 *   signalfd  end, dump now, a report is finished
 */
#ifndef SWANSONG_CLI_WATCH_LOOP_H
#define SWANSONG_CLI_WATCH_LOOP_H

#include "cli/armed/armed.h"
#include "cli/watch/exe_match.h"
#include "cli/watch/exit_events.h"
#include "cli/watch/live_line.h"
#include "cli/watch/dump.h"
#include "cli/watch/kernel.h"
#include "cli/watch/options.h"
#include "cli/watch/set.h"
#include "cli/watch/witness.h"
#include "trigger/places.h"

struct watcher {
        const struct watch_options *options;
        struct machine machine;
        struct watch_set set;
        struct watch_dumps dumps;
        struct live_line live;
        struct exe_match exe;
        struct memory_group group;  /* --group */
        struct watch_kernel kernel; /* its log */
        struct watch_witness witness;
        struct places places; /* --group, --victim: where memory can run out */
        struct watch_arms {
                struct armed armed;
                bool refused;  /* nobody can be attended: said once */
                unsigned left; /* attended, but watched no more */
                uint64_t
                        strays_ns; /* since when somebody is attended who need not be (monotonic); 0: nobody */
                unsigned failures; /* attendants that ended unasked */
        } arms;                    /* watch_arm.h */
        struct exit_events exits;  /* only where pidfds do not tell */
        int epoll_fd, timer_fd, signal_fd;

        uint64_t scan_ns, cycle_ns, end_ns; /* monotonic, when they are due; UINT64_MAX: never */
        uint64_t hooks_ns;                  /* likewise: --exec is waited for no more; 0: unset */
        uint64_t settle_ns;                 /* likewise: who need not be attended is let go */
        uint64_t place_ns;                  /* likewise: the next look at the places */
        uint64_t ranked_ns, rank_cost_ns;   /* the last ranking of victims: when, and how long it took */
        bool rank_more;                     /* it has left somebody to be armed by the next one */
        uint64_t cycles;                    /* periodic dumps done */
        uint64_t last_pid;                  /* at the last look */
        unsigned quiet_looks;               /* looks since a process had started */
        bool told_unbraked;                 /* that a group cannot be braked */
        bool told_unwatched;                /* that a process cannot be watched */
        bool told_left_out;                 /* that there are more than can be watched */
        bool group_gone;                    /* its directory was not there at the last look */
        bool ending;                        /* only reports are waited for */
        int status;                         /* the exit status */
};

/* Make the loop's fds.  0 or -errno with d filled. */
int watch_loop_open(struct watcher *w, struct diag *d);
void watch_loop_close(struct watcher *w);

/* Hear of kills that nobody attended, too (watch_kernel.h).  0 or -errno with d filled. */
int watch_loop_follow_kernel(struct watcher *w, struct diag *d);

/* Have events of an fd come to the loop; token: whose they are (token.h).  0 or -errno. */
int watch_loop_listen(struct watcher *w, int fd, uint32_t mask, void *token);

/* Watch nothing any more; what is being written comes to its end. */
void watch_loop_end(struct watcher *w);

/* Run until there is nothing left to watch, the user ends it, or a count is reached.  The exit status. */
int watch_loop_run(struct watcher *w);

#endif
