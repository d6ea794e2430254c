/* SPDX-License-Identifier: MIT */
/* dynsym - the address of an exported symbol, out of a module's own tables in the target's memory (DT_GNU_HASH).
 *
 * 64 bit ELF of this machine's byte order.  Every step is bounded: the tables may hold anything. */
#ifndef SWANSONG_CENSUS_DYNSYM_H
#define SWANSONG_CENSUS_DYNSYM_H

#include <stdint.h>

#include "injector/remote_memory.h"

/* Where `name` of the module whose ELF header lies at `base` is; 0: not there. */
uint64_t dynsym_find(const struct remote_memory *memory, uint64_t base, const char *name);

#endif
