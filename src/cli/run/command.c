/* SPDX-License-Identifier: MIT */
#include "cli/run/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/beside.h"
#include "cli/survive.h"

static void name_ourselves(const char *command)
{
        const char *slash = strrchr(command, '/');

        prctl(PR_SET_NAME, slash ? slash + 1 : command);
}

static void __attribute__((noreturn)) wait_and_execute(char *const argv[], const struct run_environment *e,
                                                       uint64_t address_space, int go_fd, int error_fd)
{
        pid_t tracer;
        int err;

        name_ourselves(argv[0]);
        /* Whoever would let us go has ended. */
        if (read(go_fd, &tracer, sizeof(tracer)) != sizeof(tracer))
                _exit(125);
        if (tracer > 0)
                prctl(PR_SET_PTRACER, (unsigned long)tracer);
        survive_set_oom_score(survive_original_oom_score());
        if (address_space > 0) {
                struct rlimit limit = {address_space, address_space};

                setrlimit(RLIMIT_AS, &limit);
        }
        if (setenv("LD_PRELOAD", e->preload, 1) == 0 && setenv("SWANSONG_OPTIONS", e->options, 1) == 0)
                execvp(argv[0], argv);
        err = errno;
        if (write(error_fd, &err, sizeof(err)) != sizeof(err))
                _exit(125);
        _exit(err == ENOENT ? 127 : 126);
}

static int check_file(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        return !S_ISREG(st.st_mode) || access(path, X_OK) < 0 ? -EACCES : 0;
}

int run_command_find(const char *name)
{
        const char *path = getenv("PATH");
        int r = -ENOENT;

        if (strchr(name, '/'))
                return check_file(name);
        if (!path)
                path = "/bin:/usr/bin"; /* execvp()'s, where there is no PATH */
        while (*name) {
                char file[PATH_MAX];
                int n = (int)strcspn(path, ":"), one = -ENAMETOOLONG;

                if (snprintf(file, sizeof(file), "%.*s%s%s", n, path, n ? "/" : "", name) < PATH_MAX)
                        one = check_file(file);
                if (one == 0)
                        return 0;
                if (one == -EACCES)
                        r = one;
                if (path[n] == '\0')
                        break;
                path += n + 1;
        }
        return r;
}

int run_command_start(char *const argv[], const struct run_environment *e, uint64_t address_space,
                      struct run_command *ret, struct diag *d)
{
        int go[2], error[2];
        pid_t pid;

        if (pipe2(go, O_CLOEXEC) < 0)
                return diag_set(d, -errno, "pipe: %s", strerror(errno));
        if (pipe2(error, O_CLOEXEC) < 0) {
                int r = diag_set(d, -errno, "pipe: %s", strerror(errno));

                close(go[0]);
                close(go[1]);
                return r;
        }
        pid = fork();
        if (pid == 0) {
                close(go[1]);
                close(error[0]);
                wait_and_execute(argv, e, address_space, go[0], error[1]);
        }
        close(go[0]);
        close(error[1]);
        if (pid < 0) {
                int r = diag_set(d, -errno, "fork: %s", strerror(errno));

                close(go[1]);
                close(error[0]);
                return r;
        }
        *ret = (struct run_command){pid, go[1], error[0]};
        return 0;
}

int run_command_go(struct run_command *c, pid_t tracer)
{
        int err = 0;
        ssize_t n;

        if (write(c->go_fd, &tracer, sizeof(tracer)) != sizeof(tracer))
                return -EPIPE;
        fd_closep(&c->go_fd);
        while ((n = read(c->error_fd, &err, sizeof(err))) < 0 && errno == EINTR)
                ;
        fd_closep(&c->error_fd);
        return n == sizeof(err) ? -err : 0;
}

/* "first,second" with this divider, or the one that is there.  malloc'ed, NULL: no memory. */
static char *join(const char *first, char divider, const char *second)
{
        char *text;

        if (!first || !*first)
                return strdup(second);
        if (!second || !*second)
                return strdup(first);
        return asprintf(&text, "%s%c%s", first, divider, second) < 0 ? NULL : text;
}

int run_environment_make(const char *dir, bool keep, struct run_environment *ret, struct diag *d)
{
        static const char *const installed[] = {"../lib/libswansong.so", NULL};
        char library[PATH_MAX], ours[PATH_MAX + 32];
        struct run_environment e;
        int r = beside_find("libswansong.so", installed, library, d);

        if (r < 0)
                return r;
        /* The dynamic linker divides at both, and there is no way to quote them. */
        if (strpbrk(library, " :"))
                return diag_set(d, -EINVAL, "%s: a path with a blank or colon cannot be preloaded", library);
        snprintf(ours, sizeof(ours), "dir=%s%s", dir, keep ? ",keep=yes" : "");
        e.preload = join(library, ':', getenv("LD_PRELOAD"));
        e.options = join(getenv("SWANSONG_OPTIONS"), ',', ours);
        if (!e.preload || !e.options) {
                run_environment_done(&e);
                return diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
        }
        *ret = e;
        return 0;
}

void run_environment_done(struct run_environment *e)
{
        free(e->preload);
        free(e->options);
        *e = (struct run_environment){0};
}
