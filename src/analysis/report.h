/* SPDX-License-Identifier: MIT */
/* report - everything that swansong says about one bundle, as plain data.
 *
 * src/analysis fills it, src/render shows it; a renderer computes nothing.  The fields are report.json's keys
 * (docs/report.schema.json).
 *
 * Units: bytes, nanoseconds.  Strings are the raw bytes that came from the target, NUL-terminated, NULL when
 * unknown: they may hold anything, and every renderer escapes them.  A number that could not be had is
 * REPORT_UNKNOWN, never a guess. All memory belongs to `pool`.
 */
#ifndef SWANSONG_ANALYSIS_REPORT_H
#define SWANSONG_ANALYSIS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/report_system.h"
#include "base/pool.h"

#define REPORT_UNKNOWN     UINT64_MAX
#define REPORT_UNKNOWN_INT INT32_MIN

struct report_frame {
        uint64_t pc;            /* as in the register: the return address for callers */
        const char *function;   /* demangled, without what compilers and linkers append (symbols.h) */
        const char *module;     /* path as the target sees it, or "[vdso]", or "[perf map]" for JIT code */
        uint64_t module_offset; /* pc minus the module's load bias: what addr2line wants; REPORT_UNKNOWN
                                   outside modules */
        const char *build_id;   /* lower-case hex */
        const char *file;       /* source file */
        uint64_t line;          /* REPORT_UNKNOWN if unknown; 1-based */
        bool inlined;           /* this function was inlined into the frame that follows */
};

struct report_thread {
        int32_t tid;
        const char *comm;
        const char *state;    /* "S (sleeping)" as in status */
        const char *wchan;    /* kernel function it sleeps in */
        const char *captured; /* "stopped", "syscall" (SP and PC only), "agent" (by itself, at a
                             signal), "witness" (by the kernel as it killed: the others are not known), "none" */
        const char *reason;   /* why not "stopped", or why the stack ends early; NULL if all is well */
        bool complete;        /* unwound to the thread's root */
        const struct report_frame *frames; /* innermost first */
        size_t n_frames;
        uint64_t
                same_stack_as; /* index of the first thread with the same stack (itself if it is the first) */
};

struct report_map {
        uint64_t start, end, offset, inode;
        const char *perms;
        uint32_t dev_major, dev_minor;
        const char *path; /* NULL for anonymous memory */
        uint64_t size, rss, pss, private_clean, private_dirty, swap, anonymous;
};

struct report_where {
        const char *what; /* "heap", "anonymous mappings", ..., the last row is "unexplained" */
        uint64_t bytes;   /* resident; the rows add up to memory.rss */
};

struct report_process_row { /* a row of the tree */
        int32_t pid, ppid;
        const char *comm;
        uint64_t rss, pss, uss, swap;
        int32_t oom_score, oom_score_adj;
        enum { TREE_SELF, TREE_ANCESTOR, TREE_DESCENDANT } relation;
};

struct report_socket {
        const char *proto;                /* tcp, tcp6, udp, udp6, unix */
        const char *state;                /* ESTABLISHED, LISTEN, ...; NULL where there is none */
        const char *local, *remote;       /* address text without the port; unix: path or @abstract */
        uint64_t local_port, remote_port; /* REPORT_UNKNOWN for unix */
        uint64_t tx_queue, rx_queue;      /* bytes (unix: REPORT_UNKNOWN where the kernel does not say) */
        uint64_t memory; /* socket memory held by the kernel: rmem + wmem + forward + omem + backlog */
        uint64_t inode;
        int32_t fd; /* the lowest fd that refers to it, -1 unknown */
};

struct report_fd {
        int32_t fd;
        const char *kind; /* file, deleted, dir, memfd, socket, pipe, char, block, epoll, eventfd, ... */
        const char *path; /* where it points, as the kernel names it */
        uint64_t size;    /* of files; REPORT_UNKNOWN otherwise */
};

struct report_key_value {
        const char *key;
        uint64_t value;
};

struct report_cgroup {
        uint32_t version; /* 1, 2; 0 unknown */
        const char *path; /* as in /proc/PID/cgroup */
        uint64_t usage, peak, limit, swap_usage,
                swap_limit; /* limit: the effective one; REPORT_UNKNOWN: unlimited */
        uint64_t high;      /* v2's memory.high, the lowest of the group and its ancestors: from here on the
                               kernel slows it down; REPORT_UNKNOWN: none */
        const char *limit_path; /* the group (this one or an ancestor) that sets it */
        uint64_t limit_usage;   /* what that group uses */
        uint64_t n_processes;
        const struct report_key_value *stat; /* memory.stat */
        size_t n_stat;
        const struct report_key_value *events; /* memory.events, or v1's failcnt, under_oom, oom_kill */
        size_t n_events;
};

struct report_sample {    /* history.tsv */
        uint64_t time_ns; /* CLOCK_REALTIME */
        uint64_t rss, anon, file, shmem, swap, group_usage, available;
};

struct report_missing {
        const char *section; /* path in the bundle */
        const char *reason;  /* a sentence */
        bool optional;       /* no process has it everywhere: does not make a dump incomplete */
};

struct report_kill_task { /* a row of the kernel's table: whom it could have chosen */
        int32_t pid;
        const char *comm;
        uint64_t rss;
        int32_t oom_score_adj;
};

/* What the kernel itself logged about a kill for memory.  Two processes play a part, and may be the same: the
 * trigger, whose allocation found no memory, and the victim, which was chosen to die.  PIDs are those of the
 * initial PID namespace; the trigger's is a thread's. */
struct report_kill {
        uint64_t time_ns;    /* CLOCK_REALTIME */
        int32_t trigger_pid; /* REPORT_UNKNOWN_INT, as all that follow: the log need not have it */
        const char *trigger_comm;
        uint64_t trigger_pc;                       /* where in the program it was (x86); REPORT_UNKNOWN */
        const struct report_frame *trigger_frames; /* the function there, and what was inlined into it; only if
                                                      it is one of this process's */
        size_t n_trigger_frames;
        int32_t victim_pid;
        const char *victim_comm;
        bool was_target;             /* the victim is the process of this bundle */
        const char *scope;           /* "group", "machine" */
        const char *constraint;      /* "CONSTRAINT_MEMCG" */
        const char *group;           /* whose limit was reached */
        const char *killed_as_group; /* memory.oom.group: all of this group were killed */
        uint64_t usage, limit;       /* of `group`; limit: REPORT_UNKNOWN also when it is unlimited */
        const char *gfp_mask;        /* "0xcc0(GFP_KERNEL)": what the trigger asked for */
        int32_t order;               /* 2^order pages of it; -1: asked for by hand (SysRq) */
        uint64_t uid;                /* the victim's, as is all that follows */
        uint64_t anon_rss, file_rss, shmem_rss, total_vm, page_tables;
        int32_t oom_score_adj;
        const struct report_kill_task *tasks; /* largest RSS first, at most KILL_TASKS_MAX */
        size_t n_tasks;
        uint64_t tasks_listed; /* how many the kernel's table has */
        const char *text;      /* the report, one record per line */
};

/* What a program allocated at one call stack and has not freed.  Estimates from samples: the truth is within `bytes`
 * ± `error` in 19 of 20 cases; an error of 0 is exact. */
struct report_site {
        const char *kind; /* "heap" (malloc, new), "mapping" (mmap of anonymous memory) */
        uint64_t live_bytes, live_error, live_objects;
        /* What of it was allocated in the last heap.growth_seconds, less what was freed since its peak; 0 for one that
         * held more before: it does not grow. */
        uint64_t growth_bytes, growth_error;
        uint64_t allocated_bytes, allocated_objects; /* since the start, freed ones too */
        uint64_t peak_bytes;                         /* highest live_bytes ever */
        uint64_t last_growth_ns;                     /* CLOCK_REALTIME: when that was reached */
        uint64_t samples;                            /* live ones that the estimate stands on */
        uint64_t place;                              /* index in heap.places */
        bool complete;                               /* its outermost frames are there */
        const struct report_frame *frames;           /* innermost first: the caller of malloc */
        size_t n_frames;
};

/* The sites that come down to one line of the program's own code, whatever libraries are in between. */
struct report_place {
        const struct report_frame *frame; /* NULL: stacks without a frame */
        uint64_t live_bytes, live_error, live_objects, growth_bytes, growth_error, n_sites;
};

/* Blocks that begin alike, of all sizes together. */
struct report_type {
        const char *kind;    /* "type" (a C++ class, by its vtable), "data", "function" (the first word points to it); "heap" (to
                                other blocks), "zero", "text", "other" */
        const char *name;    /* the class, the object, the function; NULL: no symbol, or of no such kind */
        const char *module;  /* path of the file that holds it; NULL: none */
        uint64_t module_offset; /* in it; REPORT_UNKNOWN */
        uint64_t word, size_max; /* the largest of its blocks, bytes, with the allocator's header */
        uint64_t live_bytes, live_objects;
        const char *contents; /* the beginning of one block, printable ASCII and \xNN; NULL: not asked for */
};

struct report_size_class {
        uint64_t size_max, live_bytes, live_objects; /* blocks up to so many bytes, and above the class before */
};

struct report_heap_type { /* of a language's, or a part of its heap */
        const char *name; /* NULL: of no known type */
        uint64_t live_bytes, live_objects;
};

struct report_heap_region {
        uint64_t start, end, resident; /* resident: bytes, REPORT_UNKNOWN */
        const char *row; /* the heap's, of memory.where: "V8 heap" */
};

struct report_other_heap { /* an allocator that is not glibc's, or a runtime's; bytes, REPORT_UNKNOWN where it does not tell */
        const char *name;        /* "jemalloc", "Go" */
        const char *kind;        /* "malloc": it stands in for malloc(3); "runtime" */
        const char *version;     /* NULL: not known */
        const char *refused;     /* why it has no totals; NULL: it has */
        uint64_t system, in_use; /* held from the kernel; handed out to the program, or not collected yet */
        uint64_t blocks;         /* in use */
        uint64_t free, overhead; /* held; of its own */
        uint64_t returned;       /* address space that it keeps without pages */
        const struct report_size_class *sizes; /* smallest first */
        size_t n_sizes;
        const struct report_heap_type *types; /* most live bytes first */
        size_t n_types;
};

struct report_arena { /* bytes; REPORT_UNKNOWN where the allocator does not tell */
        uint64_t number, in_use, free_held, mmapped, top;
};

struct report_note {      /* last words: swansong_note() */
        uint64_t time_ns; /* CLOCK_REALTIME */
        int32_t tid;
        const char *text;
};

struct report {
        struct pool pool;

        const char *bundle; /* path as given */
        bool machine_only;  /* the bundle has no target: of all that follows only `system` says something */
        const char *swansong_version;
        bool complete; /* the bundle was finished (not a .partial one) */
        const char *host, *kernel, *machine;
        uint64_t time_ns; /* CLOCK_REALTIME of the capture */

        struct {
                const char *kind; /* dump, rss, pss, interval, signal, ... */
                const char *sentence;
                const char *guarantee; /* at-kill, held, early, recorder, kernel */
                double ms_before_kill; /* NaN if no kill is known */
                const char *better;    /* what would have made the guarantee better, or NULL */
                bool witness; /* the one thread is what the kernel saw of it as it killed */
        } trigger;

        struct {
                const char *sentence;
                const char *cause;     /* of design.md's list */
                const char *certainty; /* certain, likely, possible */
                const char **evidence;
                size_t n_evidence;
        } verdict;

        struct {
                int32_t pid, ppid;
                const char *comm, *exe, *cmdline; /* cmdline: arguments joined by spaces */
                const char *build_id;
                uint64_t start_time_ns; /* CLOCK_REALTIME */
                uint32_t uid;
                uint64_t n_threads;
                const char *state;
                const char *condition; /* why it could not be stopped like any other: stopped, traced,
                                          zombie, exiting, leader-exited; NULL */
                const char *group;
                const struct report_ns {
                        const char *name, *value;
                } * namespaces;
                size_t n_namespaces;
        } process;
        uint64_t pause_ns;

        struct {
                uint64_t rss, pss, uss, swap, page_tables, anon, file, shmem, mem_total, mem_available, limit;
                const char *limit_source; /* "cgroup /x/y", "MemTotal", "RLIMIT_AS" */
                int32_t oom_score, oom_score_adj;
                const struct report_where *where;
                size_t n_where;
                double growth_bytes_per_s;    /* from the history; NaN if there is none */
                uint64_t limit_used;          /* what counts against `limit`: the group's usage, or MemTotal -
                                              MemAvailable */
                uint64_t virtual_size;        /* address space, what RLIMIT_AS bounds */
                uint64_t address_space_limit; /* RLIMIT_AS; REPORT_UNKNOWN: unlimited, or not known */
                uint64_t huge_pages;          /* the part of anon that is in transparent huge pages */
                uint64_t hugetlb;             /* of hugetlbfs, no part of RSS */
                uint64_t socket_memory;       /* held by the kernel for its sockets, no part of RSS */
                const char *source; /* the file rss comes from: "smaps", "smaps_rollup", "status", "statm" */
        } memory;

        struct {
                const char *source;    /* "recorder", "census"; NULL: nothing is known of the heap */
                uint64_t sample_bytes; /* mean distance of two samples in allocated bytes; 1: everything */
                uint64_t live_bytes, live_error, live_objects, allocated_bytes, samples;
                uint64_t injected_ns;  /* CLOCK_REALTIME: the agent was loaded then into the running process */
                uint64_t detached_ns;  /* the same: its hooks were taken off */
                double growth_seconds; /* how far back growth_bytes of the sites reach */
                const char **remarks;  /* what the figures do not show, in sentences */
                size_t n_remarks;
                const struct report_site *sites; /* most live bytes first */
                size_t n_sites;
                const struct report_place *places; /* most live bytes first */
                size_t n_places;
                const struct report_frame *caller; /* two thirds of it were allocated under this function, though at no one
                                                      place; NULL: there is none */
                uint64_t caller_bytes;             /* live bytes of what was */
                const struct report_type *types; /* the census's, most live bytes first */
                size_t n_types;
                const struct report_size_class *sizes; /* smallest first */
                size_t n_sizes;
        } heap;
        struct { /* of the heap, from outside; bytes, REPORT_UNKNOWN where it was not taken */
                const char *layout; /* of which versions of the allocator; NULL: no census */
                uint64_t system, in_use, free, cached, top, free_held, free_largest, trimmable, unseen, blocks_in_use,
                        blocks_free, swapped_pages, read, duration_ns;
                uint64_t sample_pieces, sample_error; /* of a sample: bytes in use are right within it in 19 of 20 cases; else unknown */
                bool complete;
        } census;
        const struct report_other_heap *heaps; /* from outside, as the census */
        size_t n_heaps;
        const struct report_heap_region *heap_regions; /* where they lie, ascending */
        size_t n_heap_regions;
        struct {
                const char *allocator; /* "glibc", "jemalloc", …; NULL: not known, nor is anything else */
                uint64_t time_ns;      /* CLOCK_REALTIME of the figures; REPORT_UNKNOWN: there are none */
                uint64_t in_use;       /* handed out to the program */
                uint64_t free_held;    /* free, but not given back to the kernel; `top` included */
                uint64_t mmapped;      /* blocks with a mapping of their own, part of in_use */
                uint64_t top;          /* free at the end of the heap: malloc_trim() could return it */
                uint64_t resident;     /* what the allocator says is resident */
                bool counted;          /* from outside, by the census; else the allocator says so */
                uint64_t n_arenas;
                const struct report_arena *arenas; /* largest first; not every one need be here */
                size_t n_arena_rows;
                struct { /* the allocator's own word, asked by a thread of the process (dump --malloc-info) */
                        bool known;
                        uint64_t in_use, free_held, mmapped, top, resident; /* bytes or REPORT_UNKNOWN */
                } own;
        } malloc;
        const struct report_note *notes; /* oldest first */
        size_t n_notes;

        const struct report_thread *threads; /* in the order of the core */
        size_t n_threads;
        uint64_t n_threads_captured;
        const struct report_map *maps; /* by address */
        size_t n_maps;
        const struct report_process_row *tree; /* self first, then ancestors up to PID 1, then descendants */
        size_t n_tree;
        const struct report_socket *sockets;
        size_t n_sockets;
        const struct report_fd *fds;
        size_t n_fds;
        struct report_cgroup cgroup;
        struct report_system system;
        const struct report_sample *history;
        size_t n_history;
        const struct report_kill *kill; /* NULL: the bundle has no word of the kernel's about one */
        const struct report_missing *missing;
        size_t n_missing;
};

#endif
