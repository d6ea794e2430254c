/* SPDX-License-Identifier: MIT */
#include "cli/watch/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "cli/survive.h"

pid_t hook_start(const char *command, const char *bundle_path, struct diag *d)
{
        pid_t child = fork();
        sigset_t none;
        int null;

        if (child < 0)
                return diag_set(d, -errno, "--exec: fork: %s", strerror(errno));
        if (child > 0)
                return child;
        survive_set_oom_score(survive_original_oom_score());
        survive_original_files();
        survive_original_file_size();
        signal(SIGPIPE, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
            setenv("SWANSONG_BUNDLE", bundle_path, 1) < 0)
                _exit(127);
        execl("/bin/sh", "sh", "-c", command, "sh", bundle_path, NULL);
        _exit(127);
}
