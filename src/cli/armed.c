/* SPDX-License-Identifier: MIT */
#include "cli/armed.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "capture/binaries.h"
#include "base/file.h"
#include "base/storm.h"
#include "cli/armed_child.h"
#include "cli/held_child.h"

/* Start the process that does what `child` says, with the rest of `plan` filled. */
static int start(struct armed_child plan, void (*child)(const struct armed_child *), struct armed *ret,
                 struct diag *d)
{
        const struct target *t = plan.target;
        struct armed a = ARMED_NONE;
        _cleanup_buf_ struct buf maps = BUF_GROWING((size_t)64 << 20);
        int pair[2];

        storm_shared(); /* before the child inherits it */
        a.shared = mmap(NULL, sizeof(*a.shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (a.shared == MAP_FAILED)
                return diag_set(d, -ENOMEM, "PID %d: cannot be armed: %s", t->pid, strerror(ENOMEM));
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
                munmap(a.shared, sizeof(*a.shared));
                return diag_set(d, -errno, "PID %d: cannot be armed: %s", t->pid, strerror(errno));
        }
        a.fd = pair[0];
        plan.parent = getpid();
        plan.fd = pair[1];
        plan.shared = a.shared;
        a.child = fork();
        if (a.child == 0) {
                close(pair[0]);
                child(&plan);
        }
        close(pair[1]);
        if (a.child < 0) {
                int r = diag_set(d, -errno, "PID %d: cannot be armed: fork: %s", t->pid, strerror(errno));

                a.child = 0;
                armed_stop(&a);
                return r;
        }
        if (file_read_at(t->proc_fd, "maps", &maps) == 0)
                a.binaries_fd = binaries_open(t, &maps, BINARIES_MAX);
        *ret = a;
        return 0;
}

int armed_start(const struct target *t, int dirfd, const char *dir_name, uint64_t budget_ns,
                struct armed *ret, struct diag *d)
{
        return start(
                (struct armed_child){
                        .target = t, .dirfd = dirfd, .dir_name = dir_name, .budget_ns = budget_ns},
                armed_child_main, ret, d);
}

int held_start(const struct target *t, int dirfd, const char *dir_name, uint64_t budget_ns,
               const struct brake *brake, const struct oom_event *event, struct armed *ret, struct diag *d)
{
        return start((struct armed_child){.target = t,
                                          .dirfd = dirfd,
                                          .dir_name = dir_name,
                                          .budget_ns = budget_ns,
                                          .brake = brake,
                                          .event = event},
                     held_child_main, ret, d);
}

int armed_read(struct armed *a, struct armed_message *ret)
{
        ssize_t n = recv(a->fd, ret, sizeof(*ret), MSG_DONTWAIT);

        if (n == sizeof(*ret)) {
                ret->text[sizeof(ret->text) - 1] = '\0';
                return 1;
        }
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
}

void armed_give_history(struct armed *a, const struct history *h)
{
        struct buf text = BUF_FIXED(a->shared->history, sizeof(a->shared->history));

        history_write(h, &text);
        a->shared->history_len = text.len;
        send(a->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void armed_stop(struct armed *a)
{
        if (a->child > 0) {
                kill(a->child, SIGKILL);
                /* ECHILD: the watcher's SIGCHLD has reaped it already. */
                while (waitpid(a->child, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        fd_closep(&a->fd);
        binaries_close(a->binaries_fd);
        if (a->shared)
                munmap(a->shared, sizeof(*a->shared));
        *a = ARMED_NONE;
}
