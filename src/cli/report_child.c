/* SPDX-License-Identifier: MIT */
#include "cli/report_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/beside.h"
#include "cli/survive.h"

static int find_program(char path[PATH_MAX], struct diag *d)
{
        static const char *const installed[] = {"../libexec/swansong/swansong-report", NULL};

        return beside_find("swansong-report", installed, path, d);
}

int report_child_exec(const char *const argv[], struct diag *d)
{
        char path[PATH_MAX];
        int r = find_program(path, d);

        if (r < 0)
                return r;
        execv(path, (char *const *)argv);
        return diag_set(d, -errno, "%s: %s", path, strerror(errno));
}

pid_t report_child_start(const char *const argv[], bool quiet, struct diag *d)
{
        char path[PATH_MAX];
        int r = find_program(path, d);
        pid_t child;

        if (r < 0)
                return r;
        child = fork();
        if (child < 0)
                return diag_set(d, -errno, "fork: %s", strerror(errno));
        if (child > 0)
                return child;
        survive_set_oom_score(OOM_ADJ_EXPENDABLE);
        if (quiet) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

                if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
                        _exit(127);
        }
        execv(path, (char *const *)argv);
        _exit(127);
}

int report_child_wait(pid_t child, struct diag *d)
{
        int status;

        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return diag_set(d, -errno, "waiting for swansong-report: %s", strerror(errno));
        if (WIFSIGNALED(status))
                return diag_set(d, -ECANCELED,
                                "swansong-report was killed by signal %d (%s); the bundle is complete, "
                                "`swansong report` can try again",
                                WTERMSIG(status), strsignal(WTERMSIG(status)));
        return WEXITSTATUS(status);
}

int report_child_run(const char *const argv[], struct diag *d)
{
        pid_t child = report_child_start(argv, false, d);

        return child < 0 ? (int)child : report_child_wait(child, d);
}
