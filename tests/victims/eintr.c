/* SPDX-License-Identifier: MIT */
/* eintr - threads that wait in the system calls which a ptrace interrupt would make return EINTR (signal(7)).
 *
 * Prints "ready"; on SIGTERM prints one line per call: "NAME calls eintr handled", the last one counting the
 * signals that were meant to interrupt and did.  Exit 1 if any call other than "epoll_pwait_signal" saw
 * EINTR, or if that one missed one of its signals. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A timeout starts again when the call does: short enough to come to its end between two dumps. */
#define STEP_MS 3

static int epoll, semaphore, sockets[2];
static atomic_int leave;
static atomic_ulong sent;
static volatile sig_atomic_t got;

static int wait_epoll(void)
{
        struct epoll_event e;

        return epoll_wait(epoll, &e, 1, STEP_MS);
}

static int wait_epoll_pwait(void)
{
        struct epoll_event e;
        sigset_t mask;

        sigfillset(&mask);
        return epoll_pwait(epoll, &e, 1, STEP_MS, &mask);
}

static int wait_semtimedop(void)
{
        struct timespec t = {.tv_nsec = STEP_MS * 1000000L};
        struct sembuf take = {.sem_op = -1};

        return semtimedop(semaphore, &take, 1, &t);
}

static int wait_sigtimedwait(void)
{
        struct timespec t = {.tv_nsec = STEP_MS * 1000000L};
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        return sigtimedwait(&set, NULL, &t);
}

static int wait_recv(void)
{
        char byte;

        return (int)recv(sockets[0], &byte, 1, 0);
}

static int wait_accept(void)
{
        static _Thread_local int fd = -1;
        struct timeval t = {.tv_usec = STEP_MS * 1000L};

        if (fd < 0) {
                fd = socket(AF_INET, SOCK_STREAM, 0);
                listen(fd, 1);
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
        }
        return accept(fd, NULL, NULL);
}

static struct call {
        const char *name;
        int (*wait)(void);
        atomic_ulong calls, eintr;
        pthread_t thread;
} calls[] = {
        {.name = "epoll_wait", .wait = wait_epoll},      {.name = "epoll_pwait", .wait = wait_epoll_pwait},
        {.name = "semtimedop", .wait = wait_semtimedop}, {.name = "sigtimedwait", .wait = wait_sigtimedwait},
        {.name = "recv_timeout", .wait = wait_recv},     {.name = "accept_timeout", .wait = wait_accept},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void *call_main(void *arg)
{
        struct call *c = arg;

        while (!atomic_load(&leave)) {
                if (c->wait() < 0 && errno == EINTR)
                        atomic_fetch_add(&c->eintr, 1);
                atomic_fetch_add(&c->calls, 1);
        }
        return NULL;
}

/* Its signal is unblocked only inside epoll_pwait, and it relies on EINTR to see it: were the EINTR hidden
 * although the handler ran, it would wait for ever and the sender below would be left without an answer. */
static atomic_ulong handled;
static pthread_t relier;

static void on_signal(int signal)
{
        (void)signal;
        got = 1;
}

static void *rely_main(void *arg)
{
        struct epoll_event e;
        sigset_t mask;

        (void)arg;
        sigfillset(&mask);
        sigdelset(&mask, SIGUSR1);
        while (!atomic_load(&leave)) {
                int r = epoll_pwait(epoll, &e, 1, -1, &mask);

                if (got && r < 0 && errno == EINTR) {
                        got = 0;
                        atomic_fetch_add(&handled, 1);
                }
        }
        return NULL;
}

static void set_up(void)
{
        struct timeval t = {.tv_usec = STEP_MS * 1000L};
        struct sigaction action = {.sa_handler = on_signal};
        sigset_t blocked;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGUSR1);
        sigaddset(&blocked, SIGUSR2);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        sigaction(SIGUSR1, &action, NULL);
        epoll = epoll_create1(0);
        semaphore = semget(IPC_PRIVATE, 1, 0600);
        if (epoll < 0 || semaphore < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0 ||
            setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0)
                exit(2);
}

int main(void)
{
        sigset_t term;
        int wrong = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        set_up();
        for (size_t i = 0; i < CALLS; i++)
                if (pthread_create(&calls[i].thread, NULL, call_main, &calls[i]) != 0)
                        return 2;
        if (pthread_create(&relier, NULL, rely_main, NULL) != 0)
                return 2;
        printf("ready\n");
        fflush(stdout);
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        for (;;) {
                struct timespec t = {.tv_nsec = 1000000};

                if (sigtimedwait(&term, NULL, &t) == SIGTERM)
                        break;
                /* The next one only when the last has been answered. */
                if (atomic_load(&sent) == atomic_load(&handled)) {
                        atomic_fetch_add(&sent, 1);
                        pthread_kill(relier, SIGUSR1);
                }
        }
        for (int i = 0; i < 60000 && atomic_load(&sent) != atomic_load(&handled); i++)
                usleep(1000);
        if (atomic_load(&sent) != atomic_load(&handled))
                wrong = 1;
        for (size_t i = 0; i < CALLS; i++) {
                printf("%s %lu %lu 0\n", calls[i].name, atomic_load(&calls[i].calls),
                       atomic_load(&calls[i].eintr));
                wrong |= atomic_load(&calls[i].eintr) > 0;
        }
        printf("epoll_pwait_signal %lu 0 %lu\n", atomic_load(&sent), atomic_load(&handled));
        semctl(semaphore, 0, IPC_RMID);
        return wrong;
}
