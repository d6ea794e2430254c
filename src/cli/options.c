/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/number.h"
#include "base/trusted_dir.h"
#include "cli/command.h"

int option_pid(const char *text, pid_t *ret, struct diag *d)
{
        uint64_t value;
        int r = number_parse(text, INT32_MAX, &value);

        if (r == 0 && value > 0) {
                *ret = (pid_t)value;
                return 0;
        }
        if (r == -ERANGE)
                return diag_set(d, -EINVAL, "PID '%.40s' is too large: the kernel's PIDs end at 4194304",
                                text);
        if (r == 0)
                return diag_set(d, -EINVAL,
                                "PID 0 is the kernel's idle task, not a process; give the PID of a process");
        return diag_set(d, -EINVAL, "'%.80s' is not a PID; give a number, as in -p 4711", text);
}

bool pid_namespace_is_initial(void)
{
        struct stat st;

        return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == PID_NS_INIT_INO;
}

int option_target(pid_t pid, struct target *ret, struct diag *d)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        _cleanup_fd_ int maps = -1;
        int r;

        /* In a container PID 1 is the service itself, and a fair target; the machine's own init is not. */
        if (pid == 1 && pid_namespace_is_initial())
                return diag_set(
                        d, -EPERM,
                        "PID 1 is this machine's init, which is never stopped; give the PID of a service");
        if (pid == getpid())
                return diag_set(d, -EINVAL, "PID %d is swansong itself; give the PID of another process",
                                pid);
        r = target_open(pid, &t, d);
        if (r < 0)
                return r;
        if (t.kernel_thread)
                return diag_set(d, -EPERM, "PID %d (%s) is a kernel thread: it has no memory of its own", pid,
                                t.comm);
        maps = openat(t.proc_fd, "maps", O_RDONLY | O_CLOEXEC);
        if (maps < 0 && (errno == EACCES || errno == EPERM))
                return diag_set(d, -EACCES,
                                "PID %d (%s) belongs to uid %u and is not ours to read: run as that user, or "
                                "as root (CAP_SYS_PTRACE)",
                                pid, t.comm, t.uid);
        *ret = t;
        t = TARGET_NONE;
        return 0;
}

/* mkdir -p, for the default state directory only; a directory that the user names must exist. */
static int make_state_dir(const char *path, struct diag *d)
{
        char part[PATH_MAX];

        for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
                size_t n = slash ? (size_t)(slash - path) : strlen(path);

                memcpy(part, path, n);
                part[n] = '\0';
                if (mkdir(part, 0700) < 0 && errno != EEXIST)
                        return diag_set(d, -errno,
                                        "%s: cannot make the directory: %s; name another with -o DIR", part,
                                        strerror(errno));
                if (!slash)
                        return 0;
        }
}

int option_state_dir(char path[PATH_MAX], struct diag *d)
{
        const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        int n;

        if (geteuid() == 0)
                n = snprintf(path, PATH_MAX, "/var/lib/swansong");
        else if (xdg && *xdg == '/')
                n = snprintf(path, PATH_MAX, "%s/swansong", xdg);
        else if (home && *home == '/')
                n = snprintf(path, PATH_MAX, "%s/.local/state/swansong", home);
        else
                return diag_set(
                        d, -ENOENT,
                        "neither XDG_STATE_HOME nor HOME is set: name the directory for bundles with -o DIR");
        return n < PATH_MAX ? 0
                            : diag_set(d, -ENAMETOOLONG,
                                       "the state directory's name is too long: name another with -o DIR");
}

int option_out_dir(const char *given, bool state, char **ret_name, struct diag *d)
{
        const char *env = getenv("SWANSONG_DIR");
        char path[PATH_MAX];
        char *name;
        int r, fd;

        if (!given && env && *env)
                given = env;
        if (!given && state) {
                r = option_state_dir(path, d);
                if (r == 0)
                        r = make_state_dir(path, d);
                if (r < 0)
                        return r;
                given = path;
        }
        if (!given)
                given = ".";
        fd = dir_open_trusted(given, d);
        if (fd < 0)
                return fd;
        name = strdup(given);
        if (!name) {
                close(fd);
                return diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
        }
        *ret_name = name;
        return fd;
}

void option_error(int c, char **argv, struct diag *d)
{
        const char *word = argv[optind - 1];
        char letter[3] = {'-', (char)optopt, '\0'};

        /* A short option in a bundle (-xq) is known by its letter only. */
        if (optopt > 0 && optopt < 256 && word[0] == '-' && word[1] != '-')
                word = letter;
        diag_set(d, -EINVAL,
                 c == ':' ? "%s needs an argument; see --help" : "unknown option '%s'; see --help", word);
}

int options_end(int argc, char **argv, const char *hint, struct diag *d)
{
        if (optind < argc)
                return diag_set(d, -EINVAL, "'%.80s' is not expected; %s", argv[optind], hint);
        return 0;
}

int options_end_with_pid(int argc, char **argv, pid_t pid, struct diag *d)
{
        int r = options_end(argc, argv, "the process is given as -p PID", d);

        if (r == 0 && pid == 0)
                return diag_set(d, -EINVAL, "which process? give -p PID");
        return r;
}

void complain(const char *command, const struct diag *d)
{
        fprintf(stderr, "swansong %s: %s\n", command, d->text);
}

int target_status(int err)
{
        return err == -EINVAL ? STATUS_USAGE : STATUS_TARGET;
}

int option_census(const char *text, enum census_how *ret, struct diag *d)
{
        static const char *const names[] = {[CENSUS_AUTO] = "auto",
                                            [CENSUS_FULL] = "full",
                                            [CENSUS_SAMPLE] = "sample",
                                            [CENSUS_OFF] = "off"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(text, names[i]) == 0) {
                        *ret = (enum census_how)i;
                        return 0;
                }
        return diag_set(d, -EINVAL, "--census %s: 'auto', 'full', 'sample' or 'off' is expected", text);
}
