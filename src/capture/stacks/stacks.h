/* SPDX-License-Identifier: MIT */
/* stacks - copies of the registers and stacks of threads that stand still.
 *
 * Does not know why they stand still, nor who holds them; never stops or releases anybody.  All memory is
 * reserved and touched by stacks_make(); from then on nothing is allocated.
 *
 *   stacks_make()                     before the pause
 *   stacks_take() / stacks_take_at()  for each thread, as soon as it stands still
 *   stacks_finish()                   still in the pause, same thread: returns when all stacks are copied
 *   stacks_help()                     meanwhile, in another thread: copies beside the one that takes
 *   stacks_close()                    after the pause: the helper returns
 *   stacks_run_next()                 then: the copied memory, run by run
 */
#ifndef SWANSONG_CAPTURE_STACKS_STACKS_H
#define SWANSONG_CAPTURE_STACKS_STACKS_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "base/target.h"
#include "capture/stacks/map_index.h"
#include "injector/remote_memory.h"

enum thread_how { HOW_NONE, HOW_STOPPED, HOW_SYSCALL, HOW_WITNESS };

struct thread_copy {
        pid_t tid;
        enum thread_how how;
        const char *reason; /* why not more than that; static, or NULL */
        uint64_t pc, sp;
        uint64_t start;       /* of the stack, page-aligned */
        uint64_t wanted, had; /* pages from `start`, one bit each */
        uint32_t at;          /* the first wanted page in the arena, in pages */
        bool in_file;
};

struct stacks {
        const struct arch *arch;
        const struct map_index *maps;
        struct remote_memory *memory;
        int pagemap_fd; /* -1: not permitted */
        size_t page_size;
        bool swapping; /* the process has memory in swap: reading it would bring it back in */

        struct thread_copy *threads;
        unsigned char *registers; /* of each thread, arch->gregs_size bytes */
        size_t size;              /* how many threads there is room for */

        char *arena;
        size_t arena_size;     /* bytes reserved */
        size_t room, used;     /* pages: that may be filled; that are */
        size_t expected, seen; /* threads */

        /* Threads whose stacks are to be read, in order; the counters tell how far the queue is published,
         * claimed by a copying thread, and copied. */
        uint32_t *queue;
        size_t queued;
        atomic_size_t published, claimed, copied;
        atomic_bool closed;
        sem_t work, progress;

        size_t swapped_pages; /* left out because they are in swap */
        bool shortened;       /* room was short: some stacks lack their outer ends */
};

/* memory, maps and proc_fd's process must outlive it.  n: threads there will be at most; expected: as of
 * now.  0 or -ENOMEM. */
int stacks_make(struct stacks *s, int proc_fd, const struct map_index *maps, struct remote_memory *memory,
                size_t n, size_t expected);
void stacks_done(struct stacks *s);

/* Where the general registers of thread i are, or go. */
void *stacks_registers(const struct stacks *s, size_t i);

/* Thread i's registers are there: take its stack too. */
void stacks_take(struct stacks *s, size_t i);

/* The same where only SP and PC are known. */
void stacks_take_at(struct stacks *s, size_t i, uint64_t sp, uint64_t pc);

void stacks_finish(struct stacks *s);
void stacks_help(struct stacks *s);
void stacks_close(struct stacks *s);

/* Memory that was copied. */
struct memory_run {
        uint64_t address;
        size_t bytes;
        const char *data;
};

/* The next run of thread i's stack; *bit starts at 0.  false: there is no more. */
bool stacks_run_next(const struct stacks *s, size_t i, unsigned *bit, struct memory_run *ret);

/* Between stacks.c and stacks_copy.c: read the stack of thread i, soon. */
void stacks_queue(struct stacks *s, size_t i);

/* Where the page `bit` of a thread's stack is kept. */
char *stacks_page(const struct stacks *s, const struct thread_copy *t, unsigned bit);

/* The first run of set bits at or after *bit: its length, 0 if there is none; *bit is moved to its start. */
unsigned stacks_run_length(uint64_t set, unsigned *bit);

#endif
