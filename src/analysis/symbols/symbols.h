/* SPDX-License-Identifier: MIT */
/* symbols - function names for many addresses of one module at once, out of the ELF symbol tables.
 *
 * One pass over each table with all addresses sorted: node's 110,000 symbols take 1 ms for 38 addresses, where one
 * scan per address takes 92 ms.  Which name is taken, where several would do, is gdb's rule, so that the two
 * agree (minsyms.c, lookup_minimal_symbol_by_pc_section):
 *   - the symbol that starts nearest below; one with a size must reach over the address;
 *   - among those at one address, the last in the order of strcmp ("poll" before "__poll");
 *   - the file's own tables (.symtab, .dynsym) before its debug file's and its .gnu_debugdata's;
 *   - labels (size 0) only where no symbol with a size starts above them.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_SYMBOLS_H
#define SWANSONG_ANALYSIS_SYMBOLS_SYMBOLS_H

#include "analysis/symbols/module_file.h"

struct symbol_query {
        uint64_t address; /* in the file's own addresses: pc minus bias */
        const char *name; /* answer: raw, belongs to the ELF file; NULL: no symbol */
        uint64_t value;   /* answer: the symbol's own address */
};

/* Answer the queries, which are sorted by address.  0 or -ENOMEM. */
int symbols_find(const struct module_finder *f, struct module *m, struct symbol_query *queries, size_t n);

/* The same for variables and tables instead of functions. */
int symbols_find_data(const struct module_finder *f, struct module *m, struct symbol_query *queries,
                      size_t n);

/* How a function's name is shown, in the pool: demangled without parameters (C++, Rust, D), and without what
 * compilers and linkers append: "@@GLIBC_2.34", ".constprop.0", ".part.1", ".cold", ".lto_priv.0", ".abi0".  NULL only when
 * memory is out. */
const char *symbol_display_name(const char *raw, struct pool *pool);

#endif
