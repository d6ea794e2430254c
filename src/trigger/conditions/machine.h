/* SPDX-License-Identifier: MIT */
/* machine - the machine's memory, from /proc/meminfo, read once however many ask. */
#ifndef SWANSONG_TRIGGER_CONDITIONS_MACHINE_H
#define SWANSONG_TRIGGER_CONDITIONS_MACHINE_H

#include <stdint.h>

#include "base/diag.h"

struct machine {
        int meminfo_fd;
        uint64_t mem_total, available, swap_total, swap_free; /* bytes */
        uint64_t read_ns;                                     /* monotonic */
};

/* 0 or -errno with d filled. */
int machine_open(struct machine *ret, struct diag *d);
void machine_close(struct machine *m);

/* Read again if the last time is max_age_ns ago (6 us; 30 by somebody who has just been woken up).  A read that fails keeps
 * the old numbers. */
void machine_refresh(struct machine *m, uint64_t now_ns, uint64_t max_age_ns);

/* For how long what was read last is good enough: until at the fastest growth there is a sixteenth of the available
 * memory has gone.  Between 0.5 ms and 50 ms. */
uint64_t machine_holds_ns(const struct machine *m);

#endif
