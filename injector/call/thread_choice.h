/* SPDX-License-Identifier: MIT */
/* thread_choice - find a thread of another process that may be made to call functions, and let it.
 *
 * The best are looked at first: blocked without a timeout in a call that an interrupt does not show in (futex, poll, read), then
 * those with one, then epoll_wait and its like, whose EINTR has to be repaired, and one that runs only when there is no
 * other.  thread_check.h says who may.  If nobody may now, they are looked at again, less and less often, until the
 * time is up; then the reason of the last one is the reason.
 */
#ifndef SWANSONG_INJECTOR_CALL_THREAD_CHOICE_H
#define SWANSONG_INJECTOR_CALL_THREAD_CHOICE_H

#include "base/diag.h"
#include "base/target.h"
#include "injector/call/thread_check.h"

/* What dlopen() was seen to take is 12 KiB; constructors come on top. */
#define THREAD_STACK_BYTES (128 * 1024)

struct thread_use {
        const struct target *target;
        struct thread_ground ground;
        struct call_way way;
        uint64_t wait_ns; /* how long to look for one */

        /* Called in the tracer, with the thread standing still and in use (remote_thread_use()): make the calls, quickly.
         * What it returns is what thread_use() returns; the thread is let go afterwards. */
        int (*calls)(struct remote_thread *t, void *arg);
        void *arg;
};

/* -EBUSY with d filled: no thread was fit in time; -ESRCH, -ESTALE: another program by exec() (d filled); else what calls() returned.  *ret_pause_ns
 * (may be NULL): how long that one thread stood still or worked for us. */
int thread_use(const struct thread_use *use, uint64_t *ret_pause_ns, struct diag *d);

#endif
