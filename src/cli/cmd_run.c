/* SPDX-License-Identifier: MIT */
/* swansong run: start a command with the agent, watch it, report what it left behind, pass on its exit status.
 *
 *   we ──┬── the command (held until everything is ready), perhaps in a memory group of its own
 *        └── the watcher (run_watcher.h)
 * Signals that are sent to us go on to the command; those of the terminal and of the process group reach it by themselves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/recorder/recorder_dir.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report_child.h"
#include "cli/run/command.h"
#include "cli/run/left.h"
#include "cli/run/limit.h"
#include "cli/run/options.h"
#include "cli/run/watcher.h"
#include "cli/run/witness.h"
#include "cli/survive.h"

/* As env(1) and nohup(1). */
enum { STATUS_RUN_FAILED = 125, STATUS_CANNOT_EXECUTE = 126, STATUS_NO_COMMAND = 127 };

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

struct run {
        struct run_options options;
        struct target target; /* the command */
        struct run_command command;
        struct run_watcher watcher;
        struct run_witness witness;
        struct run_limit limit;
        uint64_t address_space; /* instead of the limit */
        uint64_t since_ns;
        int parent_dir, recorders; /* of the recorders' directory, and it */
        char recorders_name[PATH_MAX];
        int out_dir;
        char *out_name;
        int signal_fd;
        bool ended;
        int status; /* as from waitpid() */
};

static void warn(const struct diag *d)
{
        complain("run", d);
}

/* A directory of this run's own: whatever lies there in the end is from the command or its children. */
static int make_recorders(struct run *r, struct diag *d)
{
        char path[PATH_MAX], name[32];
        int err = -ENOENT;

        snprintf(name, sizeof(name), "run.%d", (int)getpid());
        for (unsigned i = 0; i < RECORDER_DIRS; i++) {
                if (recorder_dir_path(i, geteuid(), getenv("XDG_RUNTIME_DIR"), path) < 0)
                        continue;
                r->parent_dir = recorder_dir_open(path, geteuid(), true);
                if (r->parent_dir < 0) {
                        err = r->parent_dir;
                        continue;
                }
                if (snprintf(r->recorders_name, PATH_MAX, "%s/%s", path, name) >= PATH_MAX)
                        return diag_set(d, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
                dir_remove_tree(r->parent_dir, name); /* of an earlier process with our PID */
                r->recorders = recorder_dir_open(r->recorders_name, geteuid(), true);
                if (r->recorders >= 0)
                        return 0;
                err = r->recorders;
                fd_closep(&r->parent_dir);
        }
        return diag_set(d, err, "no directory for recorders, neither in $XDG_RUNTIME_DIR nor in /dev/shm: %s",
                        strerror(-err));
}

static void make_limit(struct run *r)
{
        char size[SIZE_TEXT];
        struct diag d;

        if (!r->options.limit || run_limit_make(r->options.limit, &r->limit, &d) == 0)
                return;
        r->address_space = r->options.limit;
        fprintf(stderr,
                "swansong run: --limit: %s; instead its address space is limited to %s (RLIMIT_AS): "
                "allocations "
                "fail there, nothing is killed\n",
                d.text, size_format(r->options.limit, size));
}

static int make_signals(struct run *r, struct diag *d)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
                sigaddset(&set, passed_on[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGCHLD, SIG_DFL);
        signal(SIGPIPE, SIG_IGN);
        survive_file_size();
        r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (r->signal_fd < 0)
                return diag_set(d, -errno, "signalfd: %s", strerror(errno));
        run_witness_start(&r->witness);
        return 0;
}

/* Everything up to the moment when the command executes. */
static int prepare(struct run *r, struct diag *d)
{
        const struct run_options *o = &r->options;
        struct run_environment environment = {0};
        int err;

        r->out_dir = option_out_dir(o->out_dir, false, &r->out_name, d);
        err = r->out_dir < 0 ? r->out_dir : make_recorders(r, d);
        if (err < 0)
                return err;
        make_limit(r);
        err = run_environment_make(r->recorders_name, o->n_checks > 0, &environment, d);
        if (err == 0)
                err = run_command_start(o->command, &environment, r->address_space, &r->command, d);
        run_environment_done(&environment);
        if (err == 0)
                err = make_signals(r, d);
        if (err == 0 && r->limit.path[0])
                err = run_limit_enter(&r->limit, r->command.pid, d);
        if (err == 0)
                err = target_open(r->command.pid, &r->target, d);
        r->since_ns = clock_monotonic_ns();
        return err < 0 ? err : run_watcher_start(o, r->command.pid, r->out_name, &r->watcher, d);
}

/* The command is waited for here, the watcher at its end. */
static void reap(struct run *r)
{
        if (!r->ended && waitpid(r->command.pid, &r->status, WNOHANG) == r->command.pid)
                r->ended = true;
}

/* The terminal's signals (SI_KERNEL), and those of kill(2) to the group that the command is in, too. */
static bool has_it_already(struct run *r, const struct signalfd_siginfo *info)
{
        bool of_group = info->ssi_code == SI_USER && run_witness_saw(&r->witness, (int)info->ssi_signo);

        return info->ssi_code == SI_KERNEL || (of_group && getpgid(r->command.pid) == getpgrp());
}

static void handle_signal(struct run *r, const struct signalfd_siginfo *info)
{
        int signo = (int)info->ssi_signo;

        if (signo == SIGCHLD)
                reap(r);
        else if (r->ended) /* only the watcher's report is still being made */
                kill(r->watcher.pid, SIGKILL);
        else if (!has_it_already(r, info))
                kill(r->command.pid, signo);
}

/* Until the command has ended, and the watcher, which ends with it. */
static void attend(struct run *r)
{
        bool hearing = true;

        reap(r);
        while (!r->ended || hearing) {
                struct pollfd fds[] = {{.fd = r->signal_fd, .events = POLLIN},
                                       {.fd = hearing ? r->watcher.out_fd : -1, .events = POLLIN}};
                struct signalfd_siginfo info;

                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return;
                while (read(r->signal_fd, &info, sizeof(info)) == sizeof(info))
                        handle_signal(r, &info);
                if (fds[1].revents)
                        hearing = run_watcher_hear(&r->watcher);
        }
}

/* --fail-on growth= and leak=: swansong-report knows.  0, 1 when one fails, or -errno with d filled. */
static int check(const struct run *r, const char *source, struct diag *d)
{
        const char *argv[RUN_CHECKS_MAX * 2 + 8];
        int n = 0, status;
        pid_t child;

        if (r->options.n_checks == 0)
                return 0;
        if (!source)
                return diag_set(d, -ENOENT,
                                "--fail-on: the command left no recorder: it did not run under the agent");
        argv[n++] = "swansong-report";
        argv[n++] = "--no-lines";
        for (unsigned i = 0; i < r->options.n_checks; i++) {
                argv[n++] = "--fail-on";
                argv[n++] = r->options.checks[i];
        }
        argv[n++] = "--";
        argv[n++] = source;
        argv[n] = NULL;
        child = report_child_start(argv, true, d);
        status = child < 0 ? child : report_child_wait(child, d);
        return status <= STATUS_CHECK_FAILED ? status
                                             : diag_set(d, -EIO, "--fail-on: it cannot be told (see above)");
}

static int command_status(const struct run *r)
{
        return WIFSIGNALED(r->status) ? 128 + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

/* What is left: bundles, checks; and what the exit status is. */
static int report(struct run *r)
{
        struct run_left left = {.options = &r->options,
                                .command = &r->target,
                                .status = r->status,
                                .since_ns = r->since_ns,
                                .recorders = r->recorders,
                                .recorders_name = r->recorders_name,
                                .out_dir = r->out_dir,
                                .out_name = r->out_name,
                                .bundles = (const char *const *)r->watcher.bundles,
                                .n_bundles = r->watcher.n_bundles};
        int status = command_status(r), failed;
        struct diag d;

        if (run_left_report(&left, &d) < 0)
                warn(&d);
        failed = check(r, left.source, &d);
        if (failed < 0)
                warn(&d);
        if (r->options.fail_on_dump && left.made + r->watcher.n_bundles > 0) {
                fprintf(stderr, "swansong run: --fail-on dump: %u made\n", left.made + r->watcher.n_bundles);
                failed = failed ? failed : STATUS_CHECK_FAILED;
        }
        if (left.alive > 0)
                fprintf(stderr, "swansong run: %u of its processes still run, and record, in %s\n",
                        left.alive, r->recorders_name);
        else
                dir_remove_tree(r->parent_dir, strrchr(r->recorders_name, '/') + 1);
        run_left_done(&left);
        if (status != STATUS_DONE || failed == 0)
                return status;
        return failed < 0 ? STATUS_RUN_FAILED : failed;
}

static int not_executed(const struct run *r, int err)
{
        struct diag d;

        diag_set(&d, err, "'%s': %s", r->options.command[0], strerror(-err));
        warn(&d);
        return err == -ENOENT ? STATUS_NO_COMMAND : STATUS_CANNOT_EXECUTE;
}

static int run(struct run *r)
{
        struct diag d = {0};
        int err = run_command_find(r->options.command[0]);

        /* Before anything is started, and said in one line. */
        if (err < 0)
                return not_executed(r, err);
        err = prepare(r, &d);
        if (err < 0) {
                warn(&d);
                return STATUS_RUN_FAILED;
        }
        err = run_command_go(&r->command, r->watcher.pid);
        attend(r);
        if (err < 0) {
                dir_remove_tree(r->parent_dir, strrchr(r->recorders_name, '/') + 1);
                return not_executed(r, err);
        }
        return report(r);
}

/* Also after a failure half-way: a command that still waits ends when its pipe is closed. */
static void run_done(struct run *r)
{
        char size[SIZE_TEXT];

        fd_closep(&r->command.go_fd);
        fd_closep(&r->command.error_fd);
        if (r->command.pid > 0 && !r->ended)
                while (waitpid(r->command.pid, &r->status, 0) < 0 && errno == EINTR)
                        ;
        run_watcher_done(&r->watcher);
        run_witness_end(&r->witness);
        if (run_limit_remove(&r->limit) < 0)
                fprintf(stderr,
                        "swansong run: the memory group stays, its processes still run: %s (limit %s)\n",
                        r->limit.path, size_format(r->options.limit, size));
        target_close(&r->target);
        fd_closep(&r->recorders);
        fd_closep(&r->parent_dir);
        fd_closep(&r->out_dir);
        fd_closep(&r->signal_fd);
        free(r->out_name);
}

int cmd_run(int argc, char **argv)
{
        static struct run r = {.target = {.pidfd = -1, .proc_fd = -1},
                               .command = {.go_fd = -1, .error_fd = -1},
                               .watcher = {.out_fd = -1},
                               .parent_dir = -1,
                               .recorders = -1,
                               .out_dir = -1,
                               .signal_fd = -1};
        struct diag d = {0};
        int status;

        if (run_options_parse(argc, argv, &r.options, &d) < 0) {
                warn(&d);
                return STATUS_RUN_FAILED;
        }
        if (r.options.help) {
                run_options_help(stdout);
                return STATUS_DONE;
        }
        status = run(&r);
        run_done(&r);
        return status;
}
