/* SPDX-License-Identifier: MIT */
#include "cli/armed/armed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/oom/storm.h"
#include "cli/armed/internal.h"
#include "cli/armed/held_child.h"

/* A new attendant is given so long until it can be asked; it has to reserve memory. */
#define READY_WAIT_MS 2000

/* An attendant ends within its kill budget (2 s at most), or its guard ends it. */
#define END_WAIT_MS 4000

/* Histories, of 72 KiB each, that will cause no page fault; the ballast that is given up at a kill has room for the others. */
#define HISTORIES_TOUCHED 4

static int cannot(struct diag *d, int error)
{
        return diag_set(d, error, "nobody can be attended: %s", strerror(-error));
}

/* Between the watcher and all attendants: for as long as it watches. */
static int make_words(struct armed *a)
{
        int pair[2];

        storm_shared(); /* before the children inherit it */
        a->shared = mmap(NULL, sizeof(*a->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (a->shared == MAP_FAILED) {
                a->shared = NULL;
                return -ENOMEM;
        }
        memset(a->shared, 0, offsetof(struct armed_shared, histories[HISTORIES_TOUCHED]));
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        a->words_fd = pair[0];
        a->telling_fd = pair[1];
        return 0;
}

static int start(struct armed *a)
{
        _cleanup_fd_ int asked = -1, life = -1;
        pid_t self = getpid();
        int pair[2], fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        a->asking_fd = pair[0];
        asked = pair[1];
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        a->life_fd = fds[0];
        life = fds[1];
        a->guard = fork();
        if (a->guard == 0)
                armed_guard_main(&(struct armed_side){.options = &a->options,
                                                      .shared = a->shared,
                                                      .parent = self,
                                                      .asked_fd = asked,
                                                      .telling_fd = a->telling_fd,
                                                      .life_fd = life});
        if (a->guard < 0) {
                a->guard = 0;
                return -errno;
        }
        return 0;
}

/* The watcher's SIGCHLD may have reaped it already. */
static void reap(pid_t child)
{
        while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* The guard is asked, waited for, and killed only if that was no use: its death takes the attendant's with it, but later. */
static void end(pid_t guard, int *asking_fd, int *life_fd)
{
        struct pollfd p = {.fd = *life_fd, .events = POLLIN};
        char byte;
        ssize_t n = -1;

        fd_closep(asking_fd);
        while (guard > 0 && poll(&p, 1, END_WAIT_MS) > 0 && (n = read(p.fd, &byte, 1)) > 0)
                ;
        if (guard > 0 && n != 0)
                kill(guard, SIGKILL);
        reap(guard);
        fd_closep(life_fd);
}

/* Until it has everything that it will need at a kill, or has ended: then who watches can say that he watches. */
static void wait_ready(const struct armed *a)
{
        struct pollfd p[] = {{.fd = a->asking_fd, .events = POLLIN}, {.fd = a->life_fd, .events = POLLIN}};

        while (poll(p, ARRAY_SIZE(p), READY_WAIT_MS) < 0 && errno == EINTR)
                ;
}

int armed_open(struct armed *a, const struct armed_options *options, struct diag *d)
{
        int r;

        *a = ARMED_NONE;
        a->options = *options;
        r = make_words(a);
        if (r == 0)
                r = start(a);
        if (r == 0) {
                wait_ready(a);
                return 0;
        }
        armed_close(a);
        return cannot(d, r);
}

int armed_renew(struct armed *a, struct diag *d)
{
        pid_t guard = a->guard;
        int asking_fd = a->asking_fd, life_fd = a->life_fd, r;

        a->guard = 0;
        a->asking_fd = a->life_fd = -1;
        /* In this order: while the old one ends the new one gets ready. */
        r = start(a);
        end(guard, &asking_fd, &life_fd);
        if (r == 0)
                return 0;
        fd_closep(&a->asking_fd);
        fd_closep(&a->life_fd);
        return cannot(d, r);
}

int armed_ask(struct armed *a, const struct target *t)
{
        struct armed_question q = {.pid = t->pid, .start_ticks = t->start_ticks};

        if (a->guard == 0)
                return -EPIPE;
        if (send(a->asking_fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(q))
                return 0;
        return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -EAGAIN;
}

int armed_read(struct armed *a, struct armed_message *ret)
{
        ssize_t n = recv(a->words_fd, ret, sizeof(*ret), MSG_DONTWAIT);

        if (n <= (ssize_t)offsetof(struct armed_message, text))
                return 0;
        ret->text[(size_t)n - offsetof(struct armed_message, text) - 1] = '\0';
        return 1;
}

int armed_tell(const struct armed_side *s, const struct target *t, enum armed_word word, unsigned n,
               bool incomplete, const char *text, int flags)
{
        struct armed_message m = {
                .word = word, .pid = t->pid, .start_ticks = t->start_ticks, .n = n, .incomplete = incomplete};
        size_t len;

        snprintf(m.text, sizeof(m.text), "%s", text);
        len = offsetof(struct armed_message, text) + strlen(m.text) + 1;
        return send(s->telling_fd, &m, len, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int armed_hold(struct armed *a, const struct target *t, const struct brake *brake,
               const struct oom_event *event, struct holder *ret, struct diag *d)
{
        struct holder h = HOLDER_NONE;
        pid_t self = getpid();
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return diag_set(d, -errno, "PID %d: cannot be held: %s", t->pid, strerror(errno));
        h.life_fd = fds[0];
        h.child = fork();
        if (h.child == 0)
                held_child_main(&(struct held_child){.side = {.options = &a->options,
                                                              .shared = a->shared,
                                                              .parent = self,
                                                              .asked_fd = -1,
                                                              .telling_fd = a->telling_fd,
                                                              .life_fd = fds[1]},
                                                     .target = t,
                                                     .brake = brake,
                                                     .event = event});
        close(fds[1]);
        if (h.child < 0) {
                int r = diag_set(d, -errno, "PID %d: cannot be held: fork: %s", t->pid, strerror(errno));

                fd_closep(&h.life_fd);
                return r;
        }
        *ret = h;
        return 0;
}

void holder_stop(struct holder *h)
{
        if (h->child > 0)
                kill(h->child, SIGKILL);
        reap(h->child);
        fd_closep(&h->life_fd);
        *h = HOLDER_NONE;
}

void armed_give_history(struct armed *a, unsigned n, const struct history *h, const struct earlier *earlier)
{
        struct armed_history *place = &a->shared->histories[n % ARMED_HISTORIES];
        struct buf text = BUF_FIXED(place->text, sizeof(place->text));

        history_write(h, &text);
        place->len = text.len;
        place->earlier = *earlier;
        atomic_store(&place->there, true);
}

const char *armed_last_word(struct armed *a)
{
        char byte = ARMED_END_DIED;

        /* Nothing to be read: the guard itself was killed. */
        (void)!read(a->life_fd, &byte, 1);
        reap(a->guard);
        a->guard = 0;
        fd_closep(&a->life_fd);
        fd_closep(&a->asking_fd);
        return byte == ARMED_END_HUNG ? "it did not answer, and was ended" : "it was killed";
}

void armed_close(struct armed *a)
{
        if (a->guard > 0)
                kill(a->guard, SIGKILL);
        reap(a->guard);
        fd_closep(&a->asking_fd);
        fd_closep(&a->life_fd);
        fd_closep(&a->words_fd);
        fd_closep(&a->telling_fd);
        if (a->shared)
                munmap(a->shared, sizeof(*a->shared));
        *a = ARMED_NONE;
}
