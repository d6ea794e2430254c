/* SPDX-License-Identifier: MIT */
/* left_behind - undo brakes that nobody is left to undo: swansong and its guard were killed at once. */
#ifndef SWANSONG_BRAKE_LEFT_BEHIND_H
#define SWANSONG_BRAKE_LEFT_BEHIND_H

#include "base/diag.h"

/* Put back what the notes without an owner say, and remove them.  say() is called once for each: what was done, or
 * why it could not be.  Costs one open() when there is nothing. */
void left_behind_undo(void (*say)(const struct diag *d));

#endif
