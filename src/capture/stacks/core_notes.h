/* SPDX-License-Identifier: MIT */
/* core_notes - the notes of a core: threads, process, auxiliary vector, mapped files.  Internal to core.c. */
#ifndef SWANSONG_CAPTURE_STACKS_CORE_NOTES_H
#define SWANSONG_CAPTURE_STACKS_CORE_NOTES_H

#include "capture/stacks/core.h"

/* How many bytes core_notes_write() will put. */
uint64_t core_notes_size(const struct core *c);
void core_notes_write(const struct core *c, core_put put, void *arg);

#endif
