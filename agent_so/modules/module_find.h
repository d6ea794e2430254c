/* SPDX-License-Identifier: MIT */
/* module_find - which loaded file does an address of code belong to, and where is its unwind table?
 *
 * _dl_find_object() (glibc >= 2.35) takes no lock and may be called anywhere, also where malloc is called under the
 * loader's lock.  Before that there is only dl_iterate_phdr(), which takes that lock: a snapshot made in the constructor
 * and by the service thread stands in for it.
 */
#ifndef SWANSONG_AGENT_SO_MODULES_MODULE_FIND_H
#define SWANSONG_AGENT_SO_MODULES_MODULE_FIND_H

#include <stdbool.h>
#include <stdint.h>

struct module_range {
        uintptr_t start, end;        /* its mappings, holes included */
        uintptr_t bias;              /* l_addr */
        const char *path;            /* valid as long as it stays loaded; "" for the program itself */
        const uint8_t *eh_frame_hdr; /* NULL: none */
};

void module_find_init(void);

/* Is pc in a loaded file? */
bool module_find(uintptr_t pc, struct module_range *ret);

/* Is the address in the program itself?  By its program headers: of a file with holes between its segments (node) a
 * module_range is one segment. */
bool module_is_program(uintptr_t address);

/* Make the snapshot anew, where there is need for one.  Takes the loader's lock. */
void module_find_refresh(void);

#endif
