/* SPDX-License-Identifier: MIT */
/* run_command - start a command in two steps: it exists, waiting, and can be put anywhere and watched; then it
 * executes.
 *
 * It stays in our process group, so that the terminal's signals and job control are its own.  Its name (comm) is
 * already what exec will make it. */
#ifndef SWANSONG_CLI_RUN_COMMAND_H
#define SWANSONG_CLI_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

struct run_command {
        pid_t pid;
        int go_fd;    /* writing the tracer's PID there starts it */
        int error_fd; /* closed by exec, or the errno comes */
};

#define RUN_COMMAND_NONE ((struct run_command){.go_fd = -1, .error_fd = -1})

/* What the command's environment has beside ours: the agent before what the user preloads, recorders in a directory. */
struct run_environment {
        char *preload, *options; /* malloc'ed: LD_PRELOAD, SWANSONG_OPTIONS */
};

/* keep: recorders stay when their process finishes.  0, or -errno with d filled. */
int run_environment_make(const char *dir, bool keep, struct run_environment *ret, struct diag *d);
void run_environment_done(struct run_environment *e);

/* Can it be executed, as execvp(3) looks for it?  0, -ENOENT, or -errno of the file that was found (-EACCES ...). */
int run_command_find(const char *name);

/* address_space: bytes for RLIMIT_AS, 0: as it is.  0, or -errno with d filled. */
int run_command_start(char *const argv[], const struct run_environment *e, uint64_t address_space,
                      struct run_command *ret, struct diag *d);

/* Let it execute; `tracer` (0: none) may trace it where Yama would forbid that.  0, or -errno of exec. */
int run_command_go(struct run_command *c, pid_t tracer);

#endif
