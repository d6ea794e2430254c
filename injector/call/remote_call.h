/* SPDX-License-Identifier: MIT */
/* remote_call - let one thread of another process call a function of its own, so that nothing is left to repair.
 *
 *   remote_thread_stop()     seize, interrupt, read all registers; who may be used is for the caller to say
 *   remote_call()            as often as wanted: the thread comes back from each call before the next one
 *   remote_thread_release()  it goes on where it was
 *
 * Only that thread stands still, all others run on; so a function that waits for a lock gets it, unless this very thread
 * holds it: thread_choice.h is about that.  Killed at any moment, we leave nothing behind: before the one
 * PTRACE_SETREGSET nothing was changed, and after it the thread returns by itself (call_frame.h).
 *
 * While the function runs all signals to the thread wait, but for those that an instruction causes; they are delivered when it
 * has returned.  The mask is set after the commit, not before: the way back restores it.  One that comes in between interrupts
 * the function as it would any other.  Signals to the process go to its other threads.
 *
 * A function that has not returned in time goes on: the thread is let go, comes back by itself when it does, and the
 * caller gets -ETIMEDOUT.
 *
 * All calls from one tracer (tracer.h), whose end lets go of a thread that could not be stopped.
 */
#ifndef SWANSONG_INJECTOR_CALL_REMOTE_CALL_H
#define SWANSONG_INJECTOR_CALL_REMOTE_CALL_H

#include "injector/call/call_frame.h"
#include "injector/deadline.h"

struct remote_thread {
        pid_t pid, tid;
        int memory_fd; /* /proc/PID/mem, for writing */
        bool stopped;  /* ours, stands still */
        struct call_way way;
        struct deadline deadline; /* of whatever is waited for */
        struct call_state state;  /* what it comes back to */
        struct call_frame frame;
        uint64_t stopped_ns, released_ns; /* CLOCK_MONOTONIC: the pause */
};

/* For this tracer and process.  proc_fd: /proc/PID.  malloc'ed: 60 KiB.  0 or -errno. */
int remote_thread_new(int proc_fd, pid_t pid, const struct call_way *way, struct remote_thread **ret);

/* Lets it go first, if it is still ours. */
void remote_thread_free(struct remote_thread *t);

/* Make it stand still.  0; -EAGAIN: not now (a signal was on its way, or it did not stop within duration_ns); -ESRCH; -EPERM:
 * traced by somebody, or not permitted; -ENOTSUP: registers that could not be brought back, or a 32-bit program. After
 * a failure it is not ours. */
int remote_thread_stop(struct remote_thread *t, pid_t tid, uint64_t duration_ns);

/* Let it go unchanged: it was only looked at.  A system call goes on as if nothing had been (resume.h). */
void remote_thread_leave(struct remote_thread *t);

/* From now on calls are made: decides how it goes on afterwards, its system call begun again. */
void remote_thread_use(struct remote_thread *t);

/* Call function(arguments…).  *ret_result (may be NULL): what it returned; arguments marked `back` are read back.
 * 0; -ETIMEDOUT: it has not returned within duration_ns, and the thread has been let go, to come back by itself; -ESRCH: the
 * process ended in it; -ECANCELED: the process was stopped (SIGSTOP) in it, and goes on when that is continued;
 * other -errno: nothing was called. */
int remote_call(struct remote_thread *t, uint64_t function, const struct call_argument *arguments, size_t n,
                uint64_t duration_ns, uint64_t *ret_result);

/* Take errno now, by calling errno_location (__errno_location(), which leaves it alone): every call from here on puts it
 * back on its way back.  On aarch64 only the release does: should we die in between, this thread's errno is another one
 * when it comes back, which a program can feel that looks at errno after a call that did not fail. */
int remote_thread_keep_errno(struct remote_thread *t, uint64_t errno_location);

void remote_thread_release(struct remote_thread *t);

/* Read a string of the process's into out, cut to fit.  Its length, or -EFAULT. */
ssize_t remote_string(const struct remote_thread *t, uint64_t address, char *out, size_t out_size);

#endif
