/* SPDX-License-Identifier: MIT */
#include "cli/run/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/watch/watch.h"

#define SAYS "bundle: "

static void __attribute__((noreturn))
watch(const struct run_options *o, pid_t command, const char *out_dir, int ready_fd, int out_fd, pid_t parent)
{
        static const int not_ours[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1};
        char *argv[ARRAY_SIZE(o->watch_args)], pid[16];
        sigset_t none;

        for (size_t i = 0; i < ARRAY_SIZE(not_ours); i++)
                signal(not_ours[i], SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(out_fd, STDOUT_FILENO) < 0)
                _exit(1);
        memcpy(argv, o->watch_args, sizeof(argv));
        snprintf(pid, sizeof(pid), "%d", (int)command);
        argv[2] = pid;
        argv[4] = (char *)out_dir;
        exit(watch_main(o->n_watch_args, argv, ready_fd));
}

int run_watcher_start(const struct run_options *o, pid_t command, const char *out_dir,
                      struct run_watcher *ret, struct diag *d)
{
        struct run_watcher w = RUN_WATCHER_NONE;
        int ready[2], out[2];
        pid_t self = getpid();
        char byte;

        if (pipe2(ready, O_CLOEXEC) < 0)
                return diag_set(d, -errno, "pipe: %s", strerror(errno));
        if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0) {
                int r = diag_set(d, -errno, "pipe: %s", strerror(errno));

                close(ready[0]);
                close(ready[1]);
                return r;
        }
        fflush(stdout);
        w.pid = fork();
        if (w.pid == 0) {
                close(ready[0]);
                close(out[0]);
                fcntl(out[1], F_SETFL, 0);
                watch(o, command, out_dir, ready[1], out[1], self);
        }
        close(ready[1]);
        close(out[1]);
        w.out_fd = out[0];
        if (w.pid < 0) {
                int r = diag_set(d, -errno, "fork: %s", strerror(errno));

                close(ready[0]);
                close(out[0]);
                return r;
        }
        while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
                ;
        close(ready[0]);
        *ret = w;
        return 0;
}

static void take_line(struct run_watcher *w)
{
        const char *path = w->line + strlen(SAYS);

        printf("%s\n", w->line);
        fflush(stdout);
        if (strncmp(w->line, SAYS, strlen(SAYS)) == 0 && w->n_bundles < RUN_BUNDLES_MAX) {
                w->bundles[w->n_bundles] = strdup(path);
                w->n_bundles += w->bundles[w->n_bundles] != NULL;
        }
}

bool run_watcher_hear(struct run_watcher *w)
{
        char piece[4096];
        ssize_t n;

        while ((n = read(w->out_fd, piece, sizeof(piece))) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        if (piece[i] == '\n') {
                                w->line[w->line_len] = '\0';
                                take_line(w);
                                w->line_len = 0;
                        } else if (w->line_len + 1 < sizeof(w->line)) {
                                w->line[w->line_len++] = piece[i];
                        }
                }
        return n < 0 && (errno == EAGAIN || errno == EINTR);
}

void run_watcher_done(struct run_watcher *w)
{
        if (w->pid > 0)
                while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        fd_closep(&w->out_fd);
        for (unsigned i = 0; i < w->n_bundles; i++)
                free(w->bundles[i]);
        *w = RUN_WATCHER_NONE;
}
