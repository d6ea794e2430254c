/* SPDX-License-Identifier: MIT */
/* function_name - a function's name as its debug information tells it, and as gdb shows it. */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_FUNCTION_NAME_H
#define SWANSONG_ANALYSIS_SYMBOLS_FUNCTION_NAME_H

#include <elfutils/libdw.h>

#include "base/pool.h"

/* The linkage name (demangled without parameters) where there is one; else the name, for C++ behind the
 * namespaces and classes around it: "(anonymous namespace)::parse".  `function` may be a copy of the function: its own
 * code, or inlined.  In the pool; NULL: it has no name. */
const char *function_name(Dwarf_Die *function, struct pool *pool);

#endif
