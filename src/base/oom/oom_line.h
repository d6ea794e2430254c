/* SPDX-License-Identifier: MIT */
/* oom_line - understand one line of the kernel's OOM report.
 *
 * Works on one record's text; allocates nothing but the rows of the table of tasks.  The lines, from
 * Linux 4.19 to 6.18 (mm/oom_kill.c, mm/memcontrol.c, lib/dump_stack.c), stand in oom_line.c beside the code
 * that takes them.
 *
 * Traps: comm (at most 15 bytes, but any bytes) and group names stand unquoted in the middle of lines, so
 * each line is tied to its fixed beginning and the fields behind a name are looked for from the end. Columns
 * of the table differ by kernel: they are taken by their header. Linux 5.4.0 prints the page tables' bytes
 * with the unit kB: where there is a table its figure is the right one.
 */
#ifndef SWANSONG_BASE_OOM_OOM_LINE_H
#define SWANSONG_BASE_OOM_OOM_LINE_H

#include "base/oom/oom_kill.h"
#include "base/scan.h"

enum oom_line_kind {
        OOM_LINE_OTHER,
        OOM_LINE_INVOKED,
        OOM_LINE_KILLED,
        OOM_LINE_NO_VICTIM, /* "Out of memory and no killable processes..." */
        OOM_LINE_GROUP,
        OOM_LINE_REAPED,
};

/* Which of the lines is it, that is, which of the functions below will return true? */
enum oom_line_kind oom_line_kind(struct scan line);

/* "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0" */
bool oom_line_invoked(struct scan line, struct oom_kill *k);

/* "Memory cgroup out of memory: Killed process 85 (hog) total-vm:104928kB, anon-rss:102144kB, ...": the one
 * line that always comes. Fills the victim's fields and the scope. */
bool oom_line_killed(struct scan line, struct oom_kill *k);

/* "Tasks in /h are going to be killed due to memory.oom.group set": the lines of the members follow. */
bool oom_line_group(struct scan line, char path[OOM_PATH]);

/* "oom_reaper: reaped process 85 (hog), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB": the kernel took the
 * memory of a victim that was not dead two seconds later. */
struct oom_reaped {
        int32_t pid;
        char comm[OOM_COMM];
        uint64_t anon_rss, file_rss, shmem_rss; /* bytes still there */
};
bool oom_line_reaped(struct scan line, struct oom_reaped *ret);

/* The state of the table: which column holds what. */
#define OOM_COLUMNS_MAX 16
struct oom_columns {
        uint8_t field[OOM_COLUMNS_MAX]; /* enum in oom_table.c */
        uint8_t n;                      /* 0: no header yet */
};

/* "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name" */
bool oom_table_header(struct scan line, struct oom_columns *ret);

/* "[     85]     0    85    26232    25626   245760        0             0 hog".  1 taken (or left out,
 * beyond OOM_TASKS_MAX), 0 not a row of this table, -ENOMEM. */
int oom_table_row(struct scan line, const struct oom_columns *columns, struct oom_kill *k);

/* Any other line of the report: the trigger's PID and registers, the group's usage, "oom-kill:...".  false:
 * nothing that we look for. */
bool oom_line_detail(struct scan line, struct oom_kill *k);

#endif
