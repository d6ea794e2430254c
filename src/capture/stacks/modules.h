/* SPDX-License-Identifier: MIT */
/* modules - keep the pages by which a debugger, given only a core, finds the loaded libraries.
 *
 * The first page of each mapped ELF file (headers, build ID), the vdso, and the dynamic linker's own list:
 *   auxv AT_PHDR -> program headers -> PT_DYNAMIC -> DT_DEBUG -> struct r_debug -> struct link_map ... ->
 * names Nothing is interpreted further.  The lists belong to the target: they may be torn, cyclic, or lies.
 */
#ifndef SWANSONG_CAPTURE_STACKS_MODULES_H
#define SWANSONG_CAPTURE_STACKS_MODULES_H

#include "base/buf.h"
#include "capture/stacks/map_index.h"
#include "capture/stacks/pages.h"

/* text: /proc/PID/maps, of which `maps` was made; auxv: the bytes of /proc/PID/auxv.  What cannot be read is left
 * out. */
void modules_keep(struct pages *p, const struct map_index *maps, const struct buf *text,
                  const struct buf *auxv);

#endif
