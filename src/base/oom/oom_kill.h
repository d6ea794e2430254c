/* SPDX-License-Identifier: MIT */
/* oom_kill - what the kernel's log says about one kill for memory, as plain data.
 *
 * Two processes play a part and are often confused: the one whose allocation found no memory (trigger_*), and
 * the one that was chosen to die (victim_*).  They may be the same.
 *
 * PIDs are those of the initial PID namespace.  trigger_pid is a thread's ID (the kernel prints
 * current->pid), the victim's is a process's.  A number that the log does not hold is OOM_UNKNOWN
 * (OOM_UNKNOWN_INT), a text is empty: when reports come faster than 10 per 5 s the kernel leaves everything
 * out but the line of the kill itself. Text is raw: comm and group may hold any bytes but NUL.
 */
#ifndef SWANSONG_BASE_OOM_OOM_KILL_H
#define SWANSONG_BASE_OOM_OOM_KILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define OOM_UNKNOWN     UINT64_MAX
#define OOM_UNKNOWN_INT INT32_MIN
#define OOM_UNLIMITED   (UINT64_MAX - 1) /* a limit that limits nothing */

#define OOM_COMM 32   /* TASK_COMM_LEN is 16, a worker thread's name may be longer */
#define OOM_PATH 1024 /* a record's text is shorter: LOG_LINE_MAX */

struct oom_task { /* a row of the table of tasks; memory in pages, as it stands there */
        int32_t pid, tgid, oom_score_adj;
        uint64_t uid;
        uint64_t total_vm_pages, rss_pages;
        uint64_t rss_anon_pages, rss_file_pages, rss_shmem_pages; /* since Linux 6.8 */
        uint64_t page_tables_bytes, swap_pages;
        char comm[OOM_COMM];
};

struct oom_usage { /* "memory: usage 102400kB, limit 102400kB, failcnt 19", in bytes */
        uint64_t usage, limit, failcnt;
};

struct oom_register {
        char name[12]; /* the longest is ORIG_RAX */
        uint64_t value;
};

/* Why: the same for all who are killed together. */
struct oom_cause {
        uint64_t invoked_ns; /* when the trigger found no memory, since boot; OOM_UNKNOWN without a report */
        int32_t trigger_pid, trigger_oom_score_adj;
        char trigger_comm[OOM_COMM];
        char gfp_mask[256]; /* "0xcc0(GFP_KERNEL)" */
        int32_t order;      /* 2^order pages were asked for; -1: by hand (SysRq f) */

        enum oom_scope { OOM_SCOPE_UNKNOWN, OOM_SCOPE_GROUP, OOM_SCOPE_GLOBAL } scope;
        char constraint[32];                        /* "CONSTRAINT_MEMCG" */
        char group[OOM_PATH];                       /* the memory group whose limit was hit (oom_memcg) */
        char killed_as_group[OOM_PATH];             /* all of this group was killed: memory.oom.group */
        struct oom_usage memory, memsw, kmem, swap; /* of `group`; v1: memsw and kmem, v2: swap */
        uint64_t ram_pages, total_swap, free_swap;  /* of the machine, in a global report; pages and bytes */

        struct oom_register registers[32]; /* the trigger's in user space, by x86's names */
        size_t n_registers;
};

struct oom_kill {
        uint64_t time_ns; /* of the kill's line, since boot */
        struct oom_cause why;

        int32_t pid, oom_score_adj; /* the victim; pid 0: no process could be killed */
        char comm[OOM_COMM];
        uint64_t uid;
        uint64_t total_vm, anon_rss, file_rss, shmem_rss, page_tables; /* bytes */
        char task_memcg[OOM_PATH]; /* its memory group: why.group or below */

        struct oom_task *tasks; /* malloc'ed */
        size_t n_tasks, tasks_size;
        size_t tasks_left_out; /* rows beyond OOM_TASKS_MAX */

        struct buf text; /* the report, one record per line; `cut` if it was longer than OOM_TEXT_MAX */
        size_t info_start, info_len; /* in text: Mem-Info or the group's statistics */
        uint64_t lost;               /* records that the log lost in the middle of the report */
};

#define OOM_TASKS_MAX 16384
#define OOM_TEXT_MAX  ((size_t)1 << 20)

/* Everything unknown; NULL when memory is out. */
struct oom_kill *oom_kill_new(void);
void oom_kill_free(struct oom_kill *k); /* NULL is fine */

static inline void oom_kill_freep(struct oom_kill **k)
{
        oom_kill_free(*k);
        *k = NULL;
}

/* The victim's row in the table, or NULL. */
const struct oom_task *oom_kill_victim_task(const struct oom_kill *k);

/* The limit that was hit: of memory, or (v1) of memory and swap together. */
const struct oom_usage *oom_kill_limit_hit(const struct oom_kill *k);

/* anon + file + shmem in bytes, or OOM_UNKNOWN. */
uint64_t oom_kill_rss(const struct oom_kill *k);

#define _cleanup_oom_kill_ _cleanup_(oom_kill_freep)

#endif
