/* SPDX-License-Identifier: MIT */
/* state - what the files of libswansong.so share: options, the state of a process, the state of a thread.
 *
 * The agent lives in somebody else's program.  What holds everywhere here:
 *   - errno is the program's: whoever is called from an interposed function leaves it as it was;
 *   - no lock is held while the program's code, the loader or the allocator runs, and none is waited for without end;
 *   - nothing is allocated with malloc, nothing is printed after the constructor, no file stays open;
 *   - memory of the recorder is touched only after recorder_reserve(): a full /dev/shm must not become a SIGBUS;
 *   - what can go wrong turns the agent off, never the program.
 */
#ifndef SWANSONG_AGENT_STATE_H
#define SWANSONG_AGENT_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/recorder/recorder_layout.h"

#define EXPORT      __attribute__((visibility("default")))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* What SWANSONG_OPTIONS says; constant after the constructor. */
struct agent_options {
        uint64_t mean;      /* bytes; 1: every allocation */
        uint64_t size;      /* bytes of the recorder; 0: chosen by mean */
        int signal;         /* 0: none */
        bool keep;          /* the recorder stays after a normal exit */
        bool thread;        /* a service thread is allowed */
        bool children;      /* programs executed by this one get the agent, too */
        char dir[PATH_MAX]; /* "" : the default places */
};
extern struct agent_options agent_options;

/* We were dlopen()ed into a running program, and are quiet until swansong_inject(). */
extern bool agent_late __attribute__((visibility("hidden")));

/* The program has locked itself in: no system call any more (seccomp.h).  Holds for children of a fork, too. */
extern uint32_t agent_sealed __attribute__((visibility("hidden")));

enum agent_state {
        AGENT_NONE, /* not begun: before the constructor, or in the child of a fork */
        AGENT_STARTING,
        AGENT_ON,
        AGENT_DETACHED, /* swansong_detach(): until it is injected again */
        AGENT_OFF,      /* for good */
};

#define TABLE_LEVELS 24 /* table_levels.h */
#define STACK_HINTS  64 /* a power of two */

/* The state of this process.  Its pages are wiped in the child of a fork (MADV_WIPEONFORK), which so finds
 * AGENT_NONE, an empty filter, and makes a recorder of its own at its first sample. */
struct agent_process {
        uint32_t state; /* enum agent_state */
        pid_t pid;      /* who owns the recorder */
        uint8_t *map;   /* the recorder */
        struct recorder_header *header;
        uint64_t *live_keys;
        struct recorder_live *live;
        struct recorder_stack *stacks;
        uint64_t *frames;
        uint32_t live_buckets;            /* a power of two */
        uint32_t n_stacks;                /* a power of two */
        uint32_t live_levels;             /* levels of the live table in use */
        uint32_t stack_levels;            /* the same of the stack table */
        uint32_t live_used[TABLE_LEVELS]; /* taken slots, by level */
        uint32_t stack_used[TABLE_LEVELS];
        uint32_t stack_hints[STACK_HINTS]; /* where stacks were found last, by their hash; 0: none */
        bool all_there;                    /* no page needs recorder_reserve() */
        uint8_t chunk_shift;               /* recorder_reserve() takes 1 << chunk_shift bytes at once */
        uint32_t thinning;                 /* somebody makes the table coarser */
        uint32_t service;                  /* enum service_state */
        uint32_t service_calls;            /* futex: how often the service thread was woken */
        int32_t dump_pending;              /* dumps asked for and not yet taken */
        uint32_t thread_dump;              /* a dump is under way */
        uint32_t dumping;                  /* threads are asked for their stacks */
        uint32_t answers;                  /* futex: threads that have answered it */
        uint32_t modules_busy;             /* somebody changes the list of modules */
        uint32_t unloading;                /* dlclose()s under way */
        uint32_t reading;                  /* readers of modules' tables */
        uint32_t history_busy;             /* somebody takes a sample of the history */
        uint64_t retry_ns;                 /* the file system was full: not asked again before */
        uint64_t history_ns;               /* when the next sample of the history is due */
        uint64_t malloc_ns;                /* when malloc's statistics are */
        uint32_t malloc_asked;             /* a dump has left them out: all of them, soon */
        uint64_t modules_ns;               /* when the next look for modules that are gone is */
};
extern struct agent_process agent __attribute__((visibility("hidden")));

/* Which chunks of the recorder may be touched: one bit each.  Wiped like `agent`. */
#define CHUNKS_MAX (1 << 15)
extern uint64_t agent_reserved[CHUNKS_MAX / 64] __attribute__((visibility("hidden")));

/* The state of a thread: in the thread's static TLS, so that reading it never allocates. */
struct agent_thread {
        uint64_t left;    /* the next sample is where this many bytes are allocated; 0: now, whatever is */
        uint64_t random;  /* state of the generator, 0: not begun */
        uint64_t mean;    /* under which `left` was drawn */
        uintptr_t inside; /* stack pointer of the agent's outermost frame, 0: not in the agent */
        uintptr_t stack_from, stack_to; /* part of this thread's own stack known to be readable */
};
extern __thread struct agent_thread agent_thread
        __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Have the kernel empty the process's state in the child of a fork.  False: it cannot; state_forget() there, then. */
bool state_wipe_on_fork(void);
void state_forget(void);

/* Enter the agent: false when this thread is in it already (then do nothing but the program's work). A longjmp() out
 * of a signal handler may have left it without agent_leave(): a frame that is gone does not count. */
static inline __attribute__((always_inline)) bool agent_enter(void)
{
        uintptr_t here = (uintptr_t)__builtin_frame_address(0);

        if (agent_thread.inside && agent_thread.inside >= here)
                return false;
        agent_thread.inside = here;
        return true;
}

static inline void agent_leave(void)
{
        agent_thread.inside = 0;
}

/* The range of addresses of libswansong.so's code. */
extern uintptr_t agent_text_start __attribute__((visibility("hidden")));
extern uintptr_t agent_text_end __attribute__((visibility("hidden")));

static inline void header_flag(uint32_t flag)
{
        if (!(__atomic_load_n(&agent.header->flags, __ATOMIC_RELAXED) & flag))
                __atomic_fetch_or(&agent.header->flags, flag, __ATOMIC_RELAXED);
}

static inline void count(uint64_t *counter, uint64_t n)
{
        __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
