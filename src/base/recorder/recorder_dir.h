/* SPDX-License-Identifier: MIT */
/* recorder_dir - where recorders lie, and what they are called.
 *
 *   $XDG_RUNTIME_DIR/swansong/       mode 0700, the user's own; or, where that is not set or not writable,
 *   /dev/shm/swansong-1000/          the same, with the user's number (effective UID of the process)
 *       swansong.4711.987654.rec     mode 0600: PID in its own namespace, start time (stat field 22)
 *
 * A service has no XDG_RUNTIME_DIR but its administrator's shell has one: who looks for recorders looks in all
 * directories.  /dev/shm is everybody's: a directory there that is not ours, or open to others, is never used.
 *
 * Allocates nothing and prints nothing: the agent calls it inside somebody else's program.
 */
#ifndef SWANSONG_BASE_RECORDER_RECORDER_DIR_H
#define SWANSONG_BASE_RECORDER_RECORDER_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RECORDER_DIRS 2

/* The i-th place for a user's recorders, i < RECORDER_DIRS; `runtime` is $XDG_RUNTIME_DIR or NULL.  0, -ENOENT (this
 * place does not exist for lack of the variable, or it is no absolute path), -ENAMETOOLONG. */
int recorder_dir_path(unsigned i, uid_t uid, const char *runtime, char out[PATH_MAX]);

/* Open a directory for recorders; with `create` make it (0700) if it is missing, the last component only.  Its owner
 * must be `uid` and nobody else may have a permission on it.  fd (O_DIRECTORY|O_CLOEXEC), or -errno: -ENOENT, -ELOOP
 * or -ENOTDIR (a link or no directory), -EPERM (somebody else's, or open to others).  Links before the last component
 * are followed: they are the caller's own words. */
int recorder_dir_open(const char *path, uid_t uid, bool create);

#define RECORDER_NAME_SPACE 64

/* The file's name; returns out. */
char *recorder_name_format(pid_t pid, uint64_t start_ticks, char out[RECORDER_NAME_SPACE]);

/* The reverse.  0, or -EINVAL: not the name of a recorder. */
int recorder_name_parse(const char *name, pid_t *ret_pid, uint64_t *ret_start_ticks);

#endif
