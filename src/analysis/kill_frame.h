/* SPDX-License-Identifier: MIT */
/* kill_frame - where the allocation was made that found no memory: one frame, out of the kernel's report.
 *
 * The report of a kill shows the trigger's registers in user space and the code around them (x86, arch/x86/kernel/dumpstack.c):
 *   RIP: 0033:0x7fa5daa6e0ba
 *   Code: 00 00 48 c7 c1 ff ... 40 0f b6 c6 48 89 d1 48 89 fa <f3> aa 48 89 d0 c3 ...
 * Where the trigger is a thread of the target whose stack was captured, its innermost frame is that place.  Else, where only the
 * kernel's word is left, the address is looked up in the target's mappings: a file is taken only if it has that very code
 * there, which also proves that the trigger was one of the target's threads.
 */
#ifndef SWANSONG_ANALYSIS_KILL_FRAME_H
#define SWANSONG_ANALYSIS_KILL_FRAME_H

#include "analysis/symbols/module_file.h"
#include "analysis/stacks/stacks.h"

/* What the kernel shows around the address: OPCODE_BUFSIZE of dumpstack.c. */
#define KILL_CODE_MAX 64

/* The bytes in the line "Code: ..." of the report's text, around the one in angle brackets, which stands at pc.  How many; 0: it
 * has none. */
size_t kill_code_parse(const char *text, uint64_t pc, uint8_t bytes[KILL_CODE_MAX], struct known_code *ret);

/* Fill r->kill's trigger_frames, once r->threads is filled; they stay empty where nothing is known.  0 or -ENOMEM. */
int kill_frame_fill(int bundle, const struct stacks_options *o, struct report *r);

#endif
