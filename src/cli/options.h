/* SPDX-License-Identifier: MIT */
/* options - what several commands ask for on the command line, with one clear line when it is wrong. */
#ifndef SWANSONG_CLI_OPTIONS_H
#define SWANSONG_CLI_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/target.h"
#include "census/how.h"

/* "4711".  0, or -EINVAL with d filled. */
int option_pid(const char *text, pid_t *ret, struct diag *d);

/* Open the process and say whether it can be a target at all: not the machine's init, not a kernel thread,
 * not ourselves, and permitted to us.  0, or -errno with d filled; target_status() turns that into the exit
 * status. */
int option_target(pid_t pid, struct target *ret, struct diag *d);

/* Are PIDs the machine's own here, the ones that the kernel's log names? */
bool pid_namespace_is_initial(void);

/* Where bundles go.  `given` is -o's argument or NULL: then $SWANSONG_DIR, then the default, which is the
 * current directory, or with `state` the state directory ($XDG_STATE_HOME/swansong, ~/.local/state/swansong,
 * /var/lib/swansong for root), made if it is missing (0700).  Returns the directory's fd; *ret_name is its
 * malloc'ed name for messages.  -errno with d filled. */
int option_out_dir(const char *given, bool state, char **ret_name, struct diag *d);

/* Only the name of the state directory, which need not exist.  0, or -errno with d filled. */
int option_state_dir(char path[PATH_MAX], struct diag *d);

/* --census auto|full|sample|off.  0, or -EINVAL with d filled. */
int option_census(const char *text, enum census_how *ret, struct diag *d);

/* Fill d for what getopt_long() returned (':' or '?'), the optstring beginning with ':'. */
void option_error(int c, char **argv, struct diag *d);

/* After getopt_long(): no argument may be left; hint says what was meant.  0, or -EINVAL with d filled. */
int options_end(int argc, char **argv, const char *hint, struct diag *d);

/* The same for a command that needs a process; pid is 0 where none was given. */
int options_end_with_pid(int argc, char **argv, pid_t pid, struct diag *d);

/* Print "swansong COMMAND: text" on stderr. */
void complain(const char *command, const struct diag *d);

/* The exit status for a target that could not be opened or dumped. */
int target_status(int err);

#endif
