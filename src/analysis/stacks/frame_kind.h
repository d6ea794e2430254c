/* SPDX-License-Identifier: MIT */
/* frame_kind - which frames of a stack are the program's own, and which only pass through: libraries everybody uses. */
#ifndef SWANSONG_ANALYSIS_STACKS_FRAME_KIND_H
#define SWANSONG_ANALYSIS_STACKS_FRAME_KIND_H

#include "analysis/report.h"

/* In the C library or the dynamic linker; in the C++ library. */
bool frame_in_c_library(const struct report_frame *f);
bool frame_in_cpp_library(const struct report_frame *f);

/* The C++ library's headers, compiled into the caller. */
bool frame_is_inlined_std(const struct report_frame *f);

/* The first of the n frames, innermost first, that says where the program allocated: not in a library's allocator or
 * container, nor in the program's own wrapper around malloc (xmalloc).  0 when all of them are such; n > 0. */
size_t frame_of_allocation(const struct report_frame *frames, size_t n);

#endif
