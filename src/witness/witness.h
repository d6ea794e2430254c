/* SPDX-License-Identifier: MIT */
/* witness - of a process that nobody may attend, one thread's registers and stack, copied by the kernel itself as it kills.
 *
 * For when ptrace is refused: another tracer is there, Yama's scope is 3, a security module forbids it.  It costs the target nothing,
 * and sees every kill of the machine; but only the thread for whose page it came to the kill, not the others, and no heap.
 * Needs CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN), BTF, and Linux 5.15; the tracepoint hands over the task since 6.8 (Debian: 6.1.192).
 */
#ifndef SWANSONG_WITNESS_WITNESS_H
#define SWANSONG_WITNESS_WITNESS_H

#include <stdbool.h>

#include "base/diag.h"
#include "witness/program.h"
#include "witness/ring.h"

struct witness {
        struct ring ring; /* its fd is for epoll */
        int program, link;
};

#define WITNESS_NONE ((struct witness){.ring = RING_NONE, .program = -1, .link = -1})

/* Load it: some 20 ms of work, more on a busy machine: not in the moment of need.  0, or -errno with d filled. */
int witness_open(struct witness *ret, struct diag *d);
void witness_close(struct witness *w);

/* The next record, if there is one. */
bool witness_read(struct witness *w, struct witness_record *ret);

#endif
