/* SPDX-License-Identifier: MIT */
/* threads - take the registers and stacks of all threads of a process, at one common instant.
 *
 * Three steps, so that the target stands still for the shortest of them only:
 *   threads_prepare()  it runs on: maps, the list of threads, buffers reserved and touched
 *   threads_take()     the modules' pages; then the pause: stop all, registers, stacks, release all; nothing
 *                      allocated, nothing written
 *   threads_write()    it runs on, untraced: the sections "core" and "threads.tsv" (docs/bundle.md)
 *
 * Never leaves the target stopped, traced or changed, on whatever path: the tracer is a thread of its own
 * that lives for threads_take() only, and the kernel lets go of every tracee when its tracer ends.
 *
 * A target that cannot be stopped like any other (stopped already, traced by a debugger, dying) is no error:
 * totals.condition names it, and what can be had without stopping is taken.
 */
#ifndef SWANSONG_CAPTURE_STACKS_THREADS_H
#define SWANSONG_CAPTURE_STACKS_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/target.h"
#include "bundle/writer.h"
#include "capture/stacks/stacks.h"

struct thread_capture;

struct thread_totals {
        unsigned listed;       /* all that were seen */
        unsigned stopped;      /* with all registers */
        unsigned syscall;      /* with SP and PC only */
        unsigned lost;         /* ended meanwhile, or nothing could be had */
        uint64_t pause_ns;     /* first interrupt to last release; UINT64_MAX: nothing was stopped */
        const char *condition; /* of docs/bundle.md, or NULL; static */
        const char *sentence; /* what it means, with the tracer's name and PID; "" if there is no condition */
};

/* How long threads may take to stop before the rest is read without stopping, when the caller gives 0: this, and
 * 0.25 ms for each thread. */
#define THREADS_STOP_DEADLINE_NS (UINT64_C(250) * 1000 * 1000)

/* Learn what does not change while the target runs, and reserve everything that threads_take() needs.  The
 * target is not traced yet.  `t` must outlive *ret.  0; -ESRCH: it has ended; -ENOMEM; -EMFILE...; d filled.
 */
int threads_prepare(const struct target *t, uint64_t stop_deadline_ns, struct thread_capture **ret,
                    struct diag *d);

/* The same for a process that we hold in its exit, for threads_take_held(): the kernel waits, and each 0.1 ms counts.  tight:
 * memory is known to be short (memory_tight.h). */
int threads_prepare_held(const struct target *t, bool tight, struct thread_capture **ret, struct diag *d);

/* The pause.  Call it once, soon after threads_prepare(); signals to the calling thread wait until it is
 * over. 0, whatever could be had; -ESRCH: the target ended meanwhile (what was taken before can still be
 * written); -EAGAIN: no thread could be started to trace with.  *c is another one afterwards where the target has
 * exec'ed in between: then all is prepared and taken once more. */
int threads_take(struct thread_capture **c);

/* A thread that a tracer holds (PTRACE_EVENT_EXIT of a kill), with what only the tracer can read. */
struct held_thread {
        pid_t tid;
        int error; /* of tracee_registers() */
        unsigned char registers[ARCH_GREGS_MAX];
};

/* Instead of threads_take(): these threads are held already; who holds them lets them go.  Others of the process are not
 * looked at.  In any thread. */
void threads_take_held(struct thread_capture *c, const struct held_thread *held, size_t n);

/* A thread as the kernel saw it when it killed its process (witness/witness.h). */
struct told_thread {
        pid_t tid;
        const void *registers; /* the beginning of the general register set */
        size_t registers_size;
        struct memory_run stack; /* bytes 0: none; must outlive threads_write() */
};

/* Of a process that nobody may stop: read what does not change, and what a debugger needs to find its libraries, while it lives.
 * As threads_prepare(). */
int threads_prepare_told(const struct target *t, struct thread_capture **ret, struct diag *d);

/* Instead of threads_take(), when it has ended: this is the one thread that there is. */
void threads_take_told(struct thread_capture *c, const struct told_thread *told);

/* The text of /proc/PID/maps as read by threads_prepare(); empty when it was not permitted. */
const struct buf *threads_maps(const struct thread_capture *c);

struct thread_totals threads_totals(const struct thread_capture *c);

/* Both sections, also when nothing could be had: then they are `missing`, with the reason. */
void threads_write(const struct thread_capture *c, struct bundle_writer *w);

void threads_free(struct thread_capture *c); /* NULL is fine */

static inline void threads_freep(struct thread_capture **c)
{
        threads_free(*c);
        *c = NULL;
}
#define _cleanup_threads_ _cleanup_(threads_freep)

#endif
