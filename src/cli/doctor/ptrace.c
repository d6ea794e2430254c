/* SPDX-License-Identifier: MIT */
/* Whether it may be attached to, and what forbids it; and what else a watcher may not do.
 *
 * The kernel's rule is ptrace_may_access() of kernel/ptrace.c: the same user and dumpable, or CAP_SYS_PTRACE in the target's
 * user namespace; then Yama and other security modules are asked. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "cli/doctor/doctor.h"
#include "cli/permissions.h"

#define YAMA "/proc/sys/kernel/yama/ptrace_scope"

static bool has_capability(int capability)
{
        _cleanup_fd_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct target us = {.proc_fd = self};
        uint64_t set = doctor_status_number(&us, "\nCapEff:", 16);

        return set != UINT64_MAX && (set >> capability & 1);
}

/* Does a seccomp filter of ours let ptrace() through?  Asked in a child, which a filter may kill; PID 0 is nobody's, so an
 * allowed call fails with ESRCH. */
static bool ptrace_is_filtered(int *ret_err)
{
        pid_t child = fork();
        int status;

        if (child < 0)
                return false;
        if (child == 0) {
                errno = 0;
                ptrace(PTRACE_DETACH, 0, NULL, NULL);
                _exit(errno);
        }
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return false;
        *ret_err = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        return !WIFEXITED(status) || *ret_err != ESRCH;
}

/* The files in /proc/PID (not the directory) belong to root when it is not dumpable: task_dump_owner() of fs/proc/base.c. */
static bool is_dumpable(const struct doctor *d)
{
        struct stat st;

        return d->target->uid == 0 || fstatat(d->target->proc_fd, "maps", &st, 0) < 0 ||
               st.st_uid == d->target->uid;
}

static bool same_user_namespace(const struct target *t)
{
        char ours[64] = "", theirs[64] = "";

        /* The link of another user's cannot be read: then the user is what matters. */
        if (readlink("/proc/self/ns/user", ours, sizeof(ours) - 1) < 0 ||
            readlinkat(t->proc_fd, "ns/user", theirs, sizeof(theirs) - 1) < 0)
                return true;
        return strcmp(ours, theirs) == 0;
}

static bool is_descendant(pid_t pid)
{
        for (int depth = 0; pid > 1 && depth < 1000; depth++) {
                _cleanup_target_ struct target t = TARGET_NONE;
                struct diag d;

                if (pid == getpid())
                        return true;
                if (target_open(pid, &t, &d) < 0)
                        return false;
                pid = t.ppid;
        }
        return false;
}

static uint64_t yama_scope(void)
{
        char text[16] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        const char *p = text;
        uint64_t scope;

        return file_read_at(AT_FDCWD, YAMA, &b) == 0 && number_scan(&p, text + b.len, 10, &scope) == 0 ? scope
                                                                                                       : 0;
}

static void advise_root(struct doctor *d, struct doctor_finding *f)
{
        doctor_advise(f, "as root: swansong watch -p %d", d->target->pid);
}

static bool blame_tracer(struct doctor *d)
{
        uint64_t tracer = doctor_status_number(d->target, "\nTracerPid:", 10);
        char path[32], comm[64] = "?";
        struct buf b = BUF_FIXED(comm, sizeof(comm));

        if (tracer == UINT64_MAX || tracer == 0)
                return false;
        snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", tracer);
        if (file_read_at(AT_FDCWD, path, &b) < 0)
                snprintf(comm, sizeof(comm), "?");
        comm[strcspn(comm, "\n")] = '\0';
        doctor_advise(doctor_say(d, FINDING_PROBLEM,
                                 "%s (PID %" PRIu64 ") traces it, and a process has one tracer at most", comm,
                                 tracer),
                      "end that one, or let it detach");
        return true;
}

static bool blame_seccomp(struct doctor *d)
{
        int err = 0;

        if (!ptrace_is_filtered(&err))
                return false;
        doctor_advise(doctor_say(d, FINDING_PROBLEM,
                                 "the system call ptrace is forbidden to us%s%s: a seccomp filter, as "
                                 "containers have",
                                 err ? ": " : "", err ? strerror(err) : ""),
                      "run swansong outside of the container, or give that the capability SYS_PTRACE");
        return true;
}

static bool blame_user(struct doctor *d)
{
        if (has_capability(CAP_SYS_PTRACE) || geteuid() == d->target->uid)
                return false;
        advise_root(d, doctor_say(d, FINDING_PROBLEM,
                                  "it belongs to uid %u, we are uid %u without CAP_SYS_PTRACE",
                                  d->target->uid, geteuid()));
        return true;
}

static bool blame_dumpable(struct doctor *d)
{
        if (has_capability(CAP_SYS_PTRACE) || is_dumpable(d))
                return false;
        advise_root(d, doctor_say(d, FINDING_PROBLEM,
                                  "it is not dumpable (prctl, or a program with more rights than its user)"));
        return true;
}

static bool blame_namespace(struct doctor *d)
{
        if (same_user_namespace(d->target))
                return false;
        doctor_advise(
                doctor_say(d, FINDING_PROBLEM, "it is in another user namespace, where we have no rights"),
                "run swansong as root of the machine");
        return true;
}

static bool blame_yama(struct doctor *d)
{
        uint64_t scope = yama_scope();
        struct doctor_finding *f;

        if (scope == 0 || (scope < 3 && has_capability(CAP_SYS_PTRACE)) ||
            (scope == 1 && is_descendant(d->target->pid)))
                return false;
        f = doctor_say(d, FINDING_PROBLEM, YAMA " is %" PRIu64 ": %s", scope,
                       scope == 1   ? "only descendants may be attached to"
                       : scope == 2 ? "only CAP_SYS_PTRACE may attach"
                                    : "nobody may attach, until the machine boots again");
        if (scope < 3)
                doctor_advise(f, "as root: swansong watch -p %d, or sysctl kernel.yama.ptrace_scope=0",
                              d->target->pid);
        return true;
}

/* The first that applies is told: those behind it need not even be asked. */
static bool (*const blames[])(struct doctor *d) = {
        blame_tracer, blame_seccomp, blame_user, blame_dumpable, blame_namespace, blame_yama,
};

void doctor_ptrace(struct doctor *d)
{
        const struct permission *attach = &permissions[PERMISSION_ATTACH];
        struct diag why = {0};
        bool refused = attach->check(d->target, &why) < 0;

        for (size_t i = 0; i < ARRAY_SIZE(blames); i++) {
                /* A filter may allow the opening of its memory, and not the call. */
                if (!refused && blames[i] != blame_seccomp && blames[i] != blame_tracer)
                        continue;
                if (blames[i](d))
                        return;
        }
        d->may_attach = !refused;
        if (refused)
                doctor_say(d, FINDING_PROBLEM,
                           "it may not be attached to (%s): a security module, or it is exiting", why.text);
        else
                doctor_say(d, FINDING_OK, "it may be attached to (ptrace)");
}

void doctor_watcher(struct doctor *d)
{
        unsigned refused = 0;

        d->reads_log = true;
        for (size_t i = 0; i < n_permissions; i++) {
                struct diag why;

                if (i == PERMISSION_ATTACH || permissions[i].check(d->target, &why) == 0)
                        continue;
                if (i == PERMISSION_KERNEL_LOG)
                        d->reads_log = false;
                refused++;
                doctor_advise(doctor_say(d, FINDING_NOTE, "not permitted to %s (%s): %s", permissions[i].what,
                                         why.text, permissions[i].loss),
                              geteuid() == 0 ? "as root of the machine, outside the container"
                                             : "as root: swansong watch -p %d",
                              d->target->pid);
        }
        if (refused == 0)
                doctor_say(d, FINDING_OK,
                           "a watcher may read the kernel's log, lock its memory and run before all others");
}
