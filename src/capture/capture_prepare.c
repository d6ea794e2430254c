/* SPDX-License-Identifier: MIT */
/* capture_prepare - a dry run: capture a child of ours that only sleeps, into memory, and throw it away.
 *
 * Afterwards all the code is in memory and bound, the stack has grown, the buffers are touched; with
 * mlockall() they stay. Costs some 10 ms, once, while there is still memory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "capture/capture.h"

/* Everything but the machine's files: to read those is work for the kernel, and no code of ours. */
#define DRY_RUN_GROUPS "stacks,process,threads,tree,cgroup,sockets,fds"

static int capture_child(pid_t child, const char *directory)
{
        struct capture_outcome outcome;
        struct target target;
        struct diag d;
        int dir, r;

        r = target_open(child, &target, &d);
        if (r < 0)
                return r;
        dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = dir < 0 ? -errno
                    : capture_run(&(struct capture_request){.target = &target,
                                                            .out_dirfd = dir,
                                                            .out_dir = directory,
                                                            .trigger_kind = "dry-run",
                                                            .trigger_sentence = "a dry run",
                                                            .guarantee = "early",
                                                            .only = DRY_RUN_GROUPS},
                                  &outcome, &d);
        if (r == 0)
                capture_outcome_done(&outcome);
        if (dir >= 0)
                close(dir);
        target_close(&target);
        return r;
}

int capture_prepare(void)
{
        char directory[] = "/dev/shm/swansong-dry-run.XXXXXX";
        pid_t self = getpid(), child;
        int r;

        if (!mkdtemp(directory))
                return -errno;
        child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                while (getppid() == self)
                        pause();
                _exit(0);
        }
        r = child < 0 ? -errno : capture_child(child, directory);
        if (child > 0) {
                kill(child, SIGKILL);
                while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        dir_remove_tree(AT_FDCWD, directory);
        return r;
}
