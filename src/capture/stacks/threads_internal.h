/* SPDX-License-Identifier: MIT */
/* threads_internal - what threads.c fills and threads_write.c reads. */
#ifndef SWANSONG_CAPTURE_STACKS_THREADS_INTERNAL_H
#define SWANSONG_CAPTURE_STACKS_THREADS_INTERNAL_H

#include "capture/stacks/condition.h"
#include "capture/stacks/map_index.h"
#include "capture/stacks/pages.h"
#include "capture/stacks/stacks.h"
#include "capture/stacks/threads.h"
#include "injector/remote_memory.h"
#include "injector/tracees.h"

/* What its threads are prepared for; nothing set: to be stopped by us. */
struct thread_purpose {
        bool held;  /* in their exit, by us */
        bool tight; /* memory is known to be short */
        bool told;  /* they will not be looked at: the kernel tells of one */
};

struct thread_capture {
        const struct target *target;
        pid_t mm_tid; /* a thread that still has the process's memory: the first one, if it lives */
        int mm_fd;    /* its /proc directory */
        uint64_t stop_deadline_ns;
        struct thread_purpose purpose;
        struct condition condition;
        struct buf maps, auxv, cmdline;
        struct map_index map_index;
        struct remote_memory memory;
        struct pages pages;
        struct tracees tracees;
        struct stacks stacks;   /* thread i of both is the same */
        struct memory_run told; /* of threads_take_told(): all the stack that there is; borrowed */
        bool died;              /* it ended while we were at it */
};

#endif
