/* SPDX-License-Identifier: MIT */
/* psi_text - what is written to a PSI file (Documentation/accounting/psi.rst): "some 100000 1000000", that is, wake
 * me when within a window of 1 s some task has waited for memory for 100 ms.  Works on bytes, no I/O. */
#ifndef SWANSONG_TRIGGER_CONDITIONS_PSI_TEXT_H
#define SWANSONG_TRIGGER_CONDITIONS_PSI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* WINDOW_MIN_US and WINDOW_MAX_US of kernel/sched/psi.c. */
#define PSI_WINDOW_MIN_US UINT64_C(500000)
#define PSI_WINDOW_MAX_US UINT64_C(10000000)

struct psi_trigger {
        bool full; /* all tasks at once; else some */
        uint64_t stall_us, window_us;
};

/* "some 100ms/1s", "full 50ms/2s"; without a word: some.  0, -EINVAL (not of that form), -ERANGE (a window not from
 * 0.5 s to 10 s, or a stall longer than its window). */
int psi_trigger_parse(const char *text, struct psi_trigger *ret);

/* The kernel's form, into a buffer of PSI_TRIGGER_TEXT bytes. */
#define PSI_TRIGGER_TEXT 32
char *psi_trigger_format(const struct psi_trigger *t, char out[PSI_TRIGGER_TEXT]);

#endif
