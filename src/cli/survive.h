/* SPDX-License-Identifier: MIT */
/* survive - keep ourselves alive and fast while memory runs out; give our children up first. */
#ifndef SWANSONG_CLI_SURVIVE_H
#define SWANSONG_CLI_SURVIVE_H

#include "base/diag.h"

/* The oom_score_adj of children that may be killed before anything else. */
#define OOM_ADJ_EXPENDABLE 1000

/* Lower our oom_score_adj as far as it is permitted (-1000 needs CAP_SYS_RESOURCE).  Returns what it is now.
 */
int survive_lower_oom_score(void);

/* What it was before survive_lower_oom_score() was first called: for children that are not ours to judge. */
int survive_original_oom_score(void);

/* Write /proc/self/oom_score_adj.  Allocates nothing: for use between fork and exec.  0 or -errno. */
int survive_set_oom_score(int adj);

/* Lock what we have, and what we touch later (MCL_ONFAULT, Linux 4.4).  -errno with d filled when refused. */
int survive_lock_memory(struct diag *d);

/* A limit of file size (RLIMIT_FSIZE) is an error of that write (EFBIG), as a full disk is, and not our end (SIGXFSZ); and,
 * in a child before it executes what is not ours, as it was. */
void survive_file_size(void);
void survive_original_file_size(void);

/* Raise the limit of open files as far as it is permitted; and, in a child before exec, put it back. */
void survive_raise_files(void);
void survive_original_files(void);

#endif
