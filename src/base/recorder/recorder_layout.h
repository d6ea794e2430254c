/* SPDX-License-Identifier: MIT */
/* recorder_layout - the agent's recorder: one file in shared memory that outlives its process.
 *
 * libswansong.so writes it (agent_so/), swansong-report and `swansong list` read it, at any instant: while the
 * process runs, after SIGKILL, or a copy cut off half-way.  Where it lies and what it is called: recorder_dir.h.
 *
 * The file:    struct recorder_header, then the sections in any order, at the offsets of header.section[].
 * Numbers:     the writer's byte order, which is little-endian on every machine we build for.  Pages never
 *              touched are holes and read as zero, so zero means "nothing here" in every table.
 *
 * The writers take no lock: any number of threads change any table at any time, and may be killed between two
 * stores.  What holds at every instant:
 *
 *   1. magic is written last at the start: a file without it holds nothing.  Everything above `state` is constant
 *      from then on.
 *   2. An entry with a key (live, stack) is valid when its key is neither 0 (free) nor 1 (BUSY: being written).  The
 *      key is stored after the rest.  A BUSY entry is what a kill interrupted: at most one per thread.
 *   3. A stack never changes once it has a key: hash, frames, kind.  Only its counters do.
 *   4. An entry with a sequence (malloc, history, notes, threads) is stable when the sequence is even and not 0.
 *   5. live.keys[i] belongs to live.records[i].  A reader of a running process which finds the key changed after it
 *      read the record reads a free and another allocation: drop it.
 *   6. Counters beside a stack are the sum over the live table, give or take the operations under way.  Where they
 *      differ the live table is right.
 *
 * What never holds: that a number is sane.  The file belongs to the process, which may have written anywhere: check
 * every offset, count, index and length against the size of what was read; treat text as bytes (escape it).
 */
#ifndef SWANSONG_BASE_RECORDER_RECORDER_LAYOUT_H
#define SWANSONG_BASE_RECORDER_RECORDER_LAYOUT_H

#include <stdint.h>

#define RECORDER_MAGIC   "swansngR" /* 8 bytes, no NUL */
#define RECORDER_VERSION 1 /* changes when a field changes its meaning; fields may be added at ends */

/* Bounds that hold in every file of version 1. */
#define RECORDER_SIZE_MAX       (UINT64_C(1) << 36) /* bytes */
#define RECORDER_FRAMES_MAX     128                 /* frames of one stack */
#define RECORDER_EXE_BYTES      256
#define RECORDER_BUILD_ID_BYTES 32
#define RECORDER_NOTE_BYTES     232
#define RECORDER_NAME_BYTES     16 /* a thread's name, as the kernel bounds it */
#define RECORDER_LEVELS         4  /* of the history */

enum recorder_state {
        RECORDER_RUNNING = 1,
        RECORDER_FINISHED = 2, /* exit() or return from main: there because of `keep` */
        RECORDER_REPLACED = 3, /* exec(): another program, in which the agent is not, has this PID since */
};

enum recorder_flag { /* header.flags; set, never cleared */
                     RECORDER_DEGRADED = 1
                                         << 0, /* coarser than asked for: header.mean grew above mean_asked */
                     RECORDER_LIVE_FULL = 1 << 1,    /* samples were lost: counters.lost_samples */
                     RECORDER_STACKS_FULL = 1 << 2,  /* new stacks are counted as stack 0 */
                     RECORDER_MODULES_FULL = 1 << 3, /* some modules are not listed */
                     RECORDER_NO_MEMORY =
                             1 << 4, /* the file system was full: tables stay as small as they are */
                     RECORDER_HEAP_UNSEEN =
                             1
                             << 5, /* malloc of the program does not come to us (another one in front, or linked in) */
                     RECORDER_NO_THREAD =
                             1 << 6,           /* no service thread: statistics and history only at samples */
                     RECORDER_FORKED = 1 << 7, /* child of a fork: blocks older than that are not in it */
                     RECORDER_LOADED_LATE =
                             1 << 8, /* dlopen()ed into a running program: older blocks are not in it */
                     RECORDER_SIGNAL = 1 << 9,     /* header.signal asks for a dump */
                     RECORDER_MAPS_FULL = 1 << 10, /* some anonymous mappings were not recorded */
                     RECORDER_SEALED =
                             1
                             << 11, /* the program has locked itself in (seccomp): no history, statistics, dumps since, and the file stays at the exit */
};

enum recorder_section_id {
        RECORDER_LIVE_KEYS,    /* uint64_t: address of the block */
        RECORDER_LIVE_RECORDS, /* struct recorder_live; as many as keys */
        RECORDER_STACKS,       /* struct recorder_stack */
        RECORDER_FRAMES,       /* uint64_t: addresses in code */
        RECORDER_MODULES,      /* struct recorder_module */
        RECORDER_TEXT,         /* char: paths of modules */
        RECORDER_MALLOC,       /* struct recorder_malloc: [0] the whole, then arenas */
        RECORDER_HISTORY, /* struct recorder_sample; RECORDER_LEVELS rings of count / RECORDER_LEVELS each */
        RECORDER_NOTES,   /* struct recorder_note: a ring */
        RECORDER_THREADS, /* struct recorder_thread */
        RECORDER_N_SECTIONS,
};

struct recorder_section {
        uint64_t offset;     /* bytes from the start of the file; a multiple of 64 */
        uint64_t count;      /* entries */
        uint32_t entry_size; /* bytes; a reader of an older version steps by this */
        uint32_t reserved;
};

struct recorder_counters {
        uint64_t samples;      /* allocations recorded */
        uint64_t frees;        /* of those, freed again */
        uint64_t live_samples; /* now in the live table */
        uint64_t lost_samples; /* found no room in the live table */
        uint64_t lost_bytes;   /* weighted */
        uint64_t stacks;       /* entries used in the stack table */
        uint64_t frames;       /* entries used in the frames */
        uint64_t modules;      /* entries used in the modules */
        uint64_t text;         /* bytes used in the text */
        uint64_t malloc_rows;  /* entries used in malloc: 1 + arenas that fit */
        uint64_t notes;        /* notes written so far: the newest is at (notes - 1) % count */
        uint64_t
                history[RECORDER_LEVELS]; /* samples written so far, by level: the newest at (n - 1) % ring */
        uint64_t threads;                 /* entries used in threads */
        uint64_t dumps;                   /* dumps completed: signal or swansong_dump() */
        uint64_t coarser;                 /* how often mean was made coarser: from 1 to 4096, else doubled */
        uint64_t unwind_cut;              /* stacks whose outermost frames are missing */
};

struct recorder_header {
        /* Constant once magic is there. */
        char magic[8];
        uint32_t version;
        uint32_t header_size; /* sizeof(struct recorder_header) of the writer */
        uint64_t file_size;   /* bytes; the file has them, perhaps as a hole */
        uint16_t machine;     /* EM_* of elf.h */
        uint16_t n_sections;
        uint32_t page_size;     /* bytes */
        uint32_t pid;           /* in the process's own PID namespace */
        uint32_t uid;           /* effective, at the start */
        uint64_t pid_namespace; /* inode of /proc/self/ns/pid, 0 unknown */
        uint64_t start_ticks;   /* /proc/PID/stat field 22: clock ticks since boot (in the time namespace) */
        char boot_id[40];       /* text of /proc/sys/kernel/random/boot_id, NUL-padded */
        uint64_t
                began_monotonic_ns; /* CLOCK_MONOTONIC and CLOCK_REALTIME at one instant, when recording began */
        uint64_t began_realtime_ns;
        uint64_t mean_asked;          /* bytes between two samples on average, as asked for; 1: everything */
        char exe[RECORDER_EXE_BYTES]; /* link of /proc/self/exe, NUL-padded, cut when longer */
        char allocator[32];           /* "glibc", "jemalloc", …; NUL-padded, "" unknown */
        uint32_t signal;              /* number of the signal that asks for a dump, 0 none */
        uint32_t reserved0;
        struct recorder_section section[16];

        /* Changes. */
        uint32_t state;       /* enum recorder_state */
        uint32_t flags;       /* enum recorder_flag, or-ed */
        uint64_t mean;        /* now: mean_asked, made coarser counters.coarser times */
        uint64_t updated_ns;  /* CLOCK_MONOTONIC of the last sign of life: a sample or the service thread */
        uint64_t finished_ns; /* CLOCK_MONOTONIC, with RECORDER_FINISHED and RECORDER_REPLACED */
        uint32_t module_generation; /* counts dlclose()s, from 1 */
        uint32_t dump_sequence;     /* odd while a dump of threads and statistics is being taken */
        uint64_t dump_ns;           /* CLOCK_MONOTONIC of the last complete dump, 0 none */
        char dump_reason[64];       /* of swansong_dump(), or "signal"; NUL-padded */
        int32_t exit_status;        /* of exit(), with RECORDER_FINISHED; -1 unknown */
        uint32_t reserved;
        struct recorder_counters counters;

        /* Added since; header_size tells whether they are there. */
        uint64_t
                injected_ns; /* CLOCK_MONOTONIC: loaded into the running process, older blocks are not seen; 0: preloaded */
        uint64_t
                detached_ns; /* CLOCK_MONOTONIC: the hooks were taken off, what is live is as of then; 0: they are on */
        uint32_t hooked_words; /* table entries that lead to the agent (RECORDER_LOADED_LATE) */
        uint32_t missed_words; /* those that were not bound yet, or not writable */
};
#define RECORDER_HEADER_SPACE 4096 /* the first section begins here or behind */

#define RECORDER_KEY_FREE 0
#define RECORDER_KEY_BUSY 1

/* Weights are fixed point with 16 bits behind the point: 65536 is one.  An allocation of s bytes is sampled with
 * probability p = 1 - exp(-s / mean) and stands for 1/p of its kind, so that sums are unbiased.  Estimates:
 * bytes = Σ size·w, objects = Σ w, and the variance of the bytes = Σ size²·w·(w - 1), w being weight / 65536. */
#define RECORDER_WEIGHT_ONE 65536

struct recorder_live {
        uint64_t size;   /* bytes asked for (not the usable size) */
        uint64_t weight; /* fixed point, >= RECORDER_WEIGHT_ONE */
        uint32_t stack;  /* index in stacks */
        uint32_t time;   /* 1/10 s since began_monotonic_ns */
};

enum recorder_stack_kind {
        RECORDER_STACK_HEAP = 1,   /* malloc, operator new and their kin */
        RECORDER_STACK_MAP = 2,    /* mmap of anonymous memory by the program itself */
        RECORDER_STACK_THREAD = 3, /* where a thread was at a dump; counters are 0 */
};

enum recorder_stack_flag {
        RECORDER_STACK_CUT = 1 << 0, /* the outermost frames are missing */
        RECORDER_STACK_RETIRED =
                1 << 1, /* a module on it was unloaded since; the same addresses may mean others now */
};

/* 128 bytes.  Stack 0 has no frames: it is what found no place (RECORDER_STACKS_FULL). */
struct recorder_stack {
        uint64_t hash; /* the key */
        uint32_t first_frame;
        uint16_t n_frames;   /* innermost first; frame 0 is the caller of malloc.  All are return addresses
                               * (look up address - 1), but frame 0 of a THREAD, which is its PC */
        uint8_t kind;        /* enum recorder_stack_kind */
        uint8_t flags;       /* enum recorder_stack_flag; may be set later */
        uint32_t generation; /* header.module_generation when it was first seen */
        uint32_t reserved0;
        int64_t live_bytes;   /* weighted; may be below 0 for an instant */
        int64_t live_objects; /* weighted, fixed point */
        int64_t raw_bytes;    /* of the samples alone */
        int64_t raw_objects;
        uint64_t allocated_bytes;   /* since the start, weighted */
        uint64_t allocated_objects; /* since the start, weighted, fixed point */
        uint64_t allocated_raw;     /* samples since the start */
        int64_t peak_bytes;         /* highest live_bytes so far */
        uint64_t first_growth_ns;   /* CLOCK_MONOTONIC: first sample */
        uint64_t last_growth_ns;    /* when live_bytes last rose above every value before */
        uint64_t last_sample_ns;    /* last allocation seen */
        uint64_t reserved[2];
};

/* A module is in force from loaded_generation up to, not including, unloaded_generation (0: still loaded).  For an
 * address of a stack take the module that holds it and was in force in the stack's generation. */
struct recorder_module {
        uint64_t sequence;    /* as in rule 4 */
        uint64_t start;       /* first address of its mappings */
        uint64_t end;         /* first address behind them */
        uint64_t bias;        /* address - bias: the address in its ELF file (link_map.l_addr) */
        uint64_t loaded_ns;   /* CLOCK_MONOTONIC when first seen */
        uint64_t unloaded_ns; /* CLOCK_MONOTONIC when found gone, 0 still there */
        uint32_t loaded_generation;
        uint32_t unloaded_generation;
        uint32_t path;            /* index in text */
        uint32_t path_length;     /* bytes, no NUL */
        uint32_t build_id_length; /* bytes, 0 none */
        uint8_t build_id[RECORDER_BUILD_ID_BYTES];
        uint32_t reserved;
};

enum recorder_malloc_known { /* which numbers of a row the allocator tells */
                             RECORDER_MALLOC_IN_USE = 1 << 0,
                             RECORDER_MALLOC_FREE_HELD = 1 << 1,
                             RECORDER_MALLOC_MMAPPED = 1 << 2,
                             RECORDER_MALLOC_TOP = 1 << 3,
                             RECORDER_MALLOC_RESIDENT = 1 << 4,
};

/* Bytes.  Row 0 is the whole process, the others one arena each. */
struct recorder_malloc {
        uint64_t sequence;
        uint64_t time_ns;   /* CLOCK_MONOTONIC */
        uint64_t in_use;    /* handed out to the program (mmapped blocks included in row 0) */
        uint64_t free_held; /* free, but not given back to the kernel; `top` included */
        uint64_t mmapped;   /* blocks with a mapping of their own */
        uint64_t top;       /* free at the end of the heap: what malloc_trim() could return at once */
        uint64_t resident;  /* what the allocator says is resident */
        uint32_t arena;     /* its number; 0 in row 0 */
        uint32_t n_arenas;  /* in row 0: how many there are, also those that have no row */
        uint32_t known;     /* enum recorder_malloc_known, or-ed */
        uint32_t reserved[3];
};

/* Steps between two samples of a level, and so how far back it reaches: step * ring. */
#define RECORDER_HISTORY_STEPS_S                                                                             \
        {                                                                                                    \
                1, 10, 120, 1800                                                                             \
        } /* seconds, by level */

/* UINT64_MAX: unknown. */
struct recorder_sample {
        uint64_t sequence;
        uint64_t time_ns; /* CLOCK_MONOTONIC */
        uint64_t rss;     /* bytes, as all of these */
        uint64_t anon;
        uint64_t file;
        uint64_t shmem;
        uint64_t swap;
        uint64_t live; /* the estimate of the live heap (weighted, kinds HEAP and MAP) */
};

struct recorder_note {
        uint64_t sequence;
        uint64_t time_ns; /* CLOCK_MONOTONIC */
        uint32_t tid;
        uint32_t length; /* bytes, no NUL */
        char text[RECORDER_NOTE_BYTES];
};

#define RECORDER_NO_STACK UINT32_MAX

/* Written at a dump, and the names now and then by the service thread. */
struct recorder_thread {
        uint64_t sequence;
        uint64_t time_ns; /* CLOCK_MONOTONIC: when its stack was taken */
        uint32_t tid;     /* in the process's own PID namespace */
        uint32_t stack;   /* index in stacks (kind THREAD), RECORDER_NO_STACK when it did not answer */
        char name[RECORDER_NAME_BYTES]; /* comm: any bytes, NUL-padded */
        uint32_t dump; /* header.dump_sequence / 2 of the dump that it belongs to; 0: only the name */
        uint32_t reserved;
        uint64_t reserved2[2];
};

_Static_assert(sizeof(struct recorder_header) <= RECORDER_HEADER_SPACE, "fits its page");
_Static_assert(sizeof(struct recorder_live) == 24, "layout");
_Static_assert(sizeof(struct recorder_stack) == 128, "two cache lines");
_Static_assert(sizeof(struct recorder_module) == 104, "layout");
_Static_assert(sizeof(struct recorder_malloc) == 80, "layout");
_Static_assert(sizeof(struct recorder_sample) == 64, "layout");
_Static_assert(sizeof(struct recorder_note) == 256, "layout");
_Static_assert(sizeof(struct recorder_thread) == 64, "layout");

/* The estimate that one live record stands for, in bytes. */
static inline uint64_t recorder_weighted_bytes(uint64_t size, uint64_t weight)
{
        unsigned __int128 product = (unsigned __int128)size * weight;

        return (uint64_t)(product / RECORDER_WEIGHT_ONE);
}

#endif
