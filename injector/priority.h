/* SPDX-License-Identifier: MIT */
/* priority - put the calling thread before all others, and back.
 *
 * Who stops threads one by one must not compete with those that still run: 128 spinning threads on 2 cores pause 523 ms
 * without SCHED_FIFO, 3 ms with it.
 */
#ifndef SWANSONG_INJECTOR_PRIORITY_H
#define SWANSONG_INJECTOR_PRIORITY_H

#include <sched.h>
#include <sys/types.h>

/* What the thread had. */
struct priority {
        int policy, nice;
        struct sched_param param;
};

/* Of ours, too, some come before others: who answers the kernel before those that capture, and they before who only watches.
 * All are above whatever else a server runs with real-time priority by habit. */
enum priority_rank { PRIORITY_WATCH = 9, PRIORITY_CAPTURE = 10, PRIORITY_ATTEND = 11 };

/* To capture, the best that is permitted: SCHED_FIFO, else a low nice value, else as before.  Threads begun from here inherit it. */
struct priority priority_raise(void);
/* The same for good, but not for the threads and processes that are begun from here (SCHED_RESET_ON_FORK). */
void priority_raise_alone(enum priority_rank rank);

/* Another thread, if it is an ordinary one, comes before all ordinary ones until lowered; nothing without CAP_SYS_NICE. */
void priority_raise_other(pid_t tid);
void priority_lower_other(pid_t tid);

void priority_restore(const struct priority *before);

#endif
