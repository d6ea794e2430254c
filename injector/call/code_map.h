/* SPDX-License-Identifier: MIT */
/* code_map - whose code is at an address of another process, and may a thread be disturbed there?
 *
 * Made before anything is stopped, from the text of /proc/PID/maps and the files it names; then asked while a thread stands
 * still, which takes a binary search.  A library that is loaded after it was made is unknown code.
 */
#ifndef SWANSONG_INJECTOR_CALL_CODE_MAP_H
#define SWANSONG_INJECTOR_CALL_CODE_MAP_H

#include "base/buf.h"
#include "injector/call/module_view.h"

enum code_kind {
        CODE_OTHER,     /* the program, its libraries */
        CODE_LIBC,      /* glibc: libc.so.6, and before 2.34 libpthread and libdl */
        CODE_LOADER,    /* ld.so */
        CODE_ALLOCATOR, /* jemalloc, tcmalloc, mimalloc as libraries, or any that exports malloc() */
        CODE_VDSO,
};

struct code_module {
        enum code_kind kind;
        uint64_t start, end; /* all mappings of the file */
        char name[64];       /* its file's name */
        bool program;        /* the program itself */
        struct module_view view;
};

/* A function of libc's, or one that must not be disturbed. */
struct code_function {
        uint64_t start, end;
        const char *name; /* in the view's image */
        bool safe;
};

struct code_map {
        struct code_module *modules; /* by address */
        size_t n_modules, modules_size;
        struct code_function *functions; /* by address */
        size_t n_functions, functions_size;
        bool musl;
        bool allocator_in_program; /* the program itself exports malloc() */
};

/* proc_fd: /proc/PID; maps: its text.  0, -ENOMEM. Files that cannot be read are modules without a view. */
int code_map_make(int proc_fd, const struct remote_memory *memory, const struct buf *maps,
                  struct code_map *ret);
void code_map_done(struct code_map *m);

/* NULL: no file's code. */
const struct code_module *code_map_module(const struct code_map *m, uint64_t pc);

/* The function of functions[] that pc is in; NULL: none. */
const struct code_function *code_map_function(const struct code_map *m, uint64_t pc);

/* The module of this kind that exports the function, and where; 0: none. */
uint64_t code_map_find(const struct code_map *m, enum code_kind kind, const char *name);

/* The same in any module, in the order of addresses; one of libc's counts only if there is no other. */
uint64_t code_map_find_any(const struct code_map *m, const char *name);

/* May a return address, or any address on a stack, that points here be on the stack of a thread that is disturbed?
 * NULL: yes; else what it is, for a message. */
const char *code_map_forbids(const struct code_map *m, uint64_t pc);

#endif
