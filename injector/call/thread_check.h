/* SPDX-License-Identifier: MIT */
/* thread_check - may this thread be made to call a function, here and now?
 *
 * What must not happen is that the function waits for a lock which the thread itself holds: it would wait for ever; or that it
 * meets data that the thread is changing.  Such locks and data are the allocator's, the loader's and stdio's, and
 * those of fork and exit.  A thread is in them exactly if one of their functions is on its stack.  So, in this order:
 *
 *   1. Before it is stopped (thread_look()): where it waits in the kernel, by /proc.  Only system calls of
 *      waiting_calls.def, and no futex of a mutex: that is how a thread waits inside of an allocator, and it will not wait long.
 *   2. When it stands still (thread_check()): still in the same call, at the same place.
 *   3. The stack that it is on is its own and has room: not an alternate one, not a coroutine's.
 *   4. Its stack is unwound by .eh_frame, to its beginning.  Nothing of unsafe_functions.def, of ld.so, of an allocator's
 *      library or of a signal handler may be on it.  Where unwinding ends early (JIT code, no CFI) every word of the rest is
 *      taken for a return address: that may refuse too much, never too little.
 *   5. One that waits in no call, but runs, also must not be in code of libc's that has no name, nor in a restartable
 *      sequence; and not at all where the allocator is linked into the program, whose inner functions cannot be told.
 */
#ifndef SWANSONG_INJECTOR_CALL_THREAD_CHECK_H
#define SWANSONG_INJECTOR_CALL_THREAD_CHECK_H

#include "injector/blocked.h"
#include "injector/call/code_map.h"
#include "injector/call/remote_call.h"

#define THREAD_REASON 128

enum thread_rank {
        THREAD_WAITS_QUIETLY, /* nothing can be seen of an interrupt */
        THREAD_WAITS_TIMED,   /* the same, but its relative timeout starts again */
        THREAD_WAITS,         /* EINTR is to be repaired by us */
        THREAD_RUNS,
        THREAD_UNFIT,
};

struct thread_look {
        enum thread_rank rank;
        bool in_call;
        struct blocked where;    /* if in_call */
        char why[THREAD_REASON]; /* UNFIT */
};

/* Look at a thread without stopping it.  task_fd: /proc/PID/task. */
void thread_look(int task_fd, pid_t tid, struct thread_look *ret);

/* What is known of the process beforehand. */
struct thread_ground {
        const struct remote_memory *memory;
        const struct code_map *code;
        const struct buf *maps; /* the text */
        uint64_t stack_bytes;   /* of room that the calls need */
};

/* t stands still.  0: it may be used; -EAGAIN: not here, `why` says what it is in. */
int thread_check(const struct thread_ground *ground, const struct remote_thread *t,
                 const struct thread_look *look, char why[THREAD_REASON]);

#endif
