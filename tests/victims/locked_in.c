/* SPDX-License-Identifier: MIT */
/* locked_in - a program that is killed for any system call but those that its own malloc and its end need.
 *
 *   locked_in prctl       the filter by prctl(), as most do
 *   locked_in seccomp     by syscall(SYS_seccomp), as libseccomp does
 *   locked_in threads N   the same, with a thread beside, and for all threads, as soon as there are N more; then a second goes by
 *   locked_in fork        and it forks: the child allocates, too
 *   locked_in probe       only asks whether there are filters at all
 *
 * Then after() allocates 400 blocks of 10,000 bytes and keeps them; "ok". */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ALLOW(call)                                                                                          \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(brk),
        ALLOW(mmap),
        ALLOW(munmap),
        ALLOW(mprotect),
        ALLOW(futex),
        ALLOW(write),
        ALLOW(exit_group),
        ALLOW(clone),
        ALLOW(wait4),
        ALLOW(set_robust_list),
        ALLOW(rseq),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

static void *volatile kept[400];

static __attribute__((noinline)) void come_and_go(void)
{
        void *volatile block = malloc(100000);

        free(block);
}

static __attribute__((noinline)) void after(void)
{
        for (int i = 0; i < 400; i++) {
                kept[i] = malloc(10000);
                come_and_go();
        }
}

static __attribute__((noinline)) void before(void)
{
        for (int i = 0; i < 400; i++)
                come_and_go();
}

static sem_t begun, never;

static void *wait_for_ever(void *arg)
{
        sem_post(&begun);
        sem_wait(&never);
        return arg;
}

static unsigned threads(void)
{
        unsigned n = 0;
        char line[256];
        FILE *f = fopen("/proc/self/status", "r");

        while (f && fgets(line, sizeof(line), f))
                sscanf(line, "Threads: %u", &n);
        if (f)
                fclose(f);
        return n;
}

static double now_s(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t); /* in the vdso */
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void lock_in(const char *how)
{
        int err;

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (strcmp(how, "probe") == 0) {
                err = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == 0 ||
                      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0 ||
                      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){0, filter}, 0, 0) == 0;
        } else if (strcmp(how, "prctl") == 0 || strcmp(how, "fork") == 0) {
                err = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0;
        } else {
                err = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              strcmp(how, "threads") == 0 ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program) != 0;
        }
        if (err) {
                perror(how);
                exit(77);
        }
}

int main(int argc, char **argv)
{
        const char *how = argc > 1 ? argv[1] : "prctl";
        pthread_t thread;

        before();
        if (strcmp(how, "threads") == 0) {
                unsigned alone = threads(), expected = argc > 2 ? (unsigned)atoi(argv[2]) : 0;

                sem_init(&begun, 0, 0);
                sem_init(&never, 0, 0);
                if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
                        return 1;
                sem_wait(&begun);
                before();
                for (double end = now_s() + 60; threads() < alone + 1 + expected && now_s() < end;)
                        before(); /* until the agent has its own */
        }
        lock_in(how);
        after();
        if (strcmp(how, "threads") == 0)
                for (double end = now_s() + 1.3; now_s() < end;)
                        ;
        if (strcmp(how, "fork") == 0) {
                int status;

                if (fork() == 0) {
                        after();
                        _exit(write(1, "child\n", 6) != 6);
                }
                if (wait4(-1, &status, 0, NULL) < 0 || status != 0)
                        _exit(3);
        }
        if (write(1, "ok\n", 3) != 3)
                _exit(4);
        exit(0);
}
