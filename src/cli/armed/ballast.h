/* SPDX-License-Identifier: MIT */
/* ballast - memory that is kept only to be given up when the kill comes, so that there is memory to work with: in a
 * machine-wide OOM the first allocation would otherwise wait 2 s for the oom_reaper, and by then the victim's memory is gone
 * (16 MiB were enough for everything).
 *
 * In huge pages where the kernel has them: to give up 4,096 small ones takes 1.9 ms, which the victim would wait for. */
#ifndef SWANSONG_CLI_ARMED_BALLAST_H
#define SWANSONG_CLI_ARMED_BALLAST_H

struct ballast {
        _Atomic(void *) memory; /* NULL: given up */
};

/* Take it on, unless it is there; may wait for as long as memory is out.  0 or -ENOMEM. */
int ballast_fill(struct ballast *b);

/* May be called while another thread fills it. */
void ballast_drop(struct ballast *b);

#endif
