/* SPDX-License-Identifier: MIT */
/* toll - what it costs a program that somebody attends it: for each line on stdin it measures itself, and prints
 *
 *   PAGE_FAULT SYSTEM_CALL CREATED THREAD SIGNAL INTERRUPTED
 *
 * in ns (medians of many short samples, so that a busy machine spoils few of them): touching a fresh page; getppid();
 * pthread_create(); a thread created and joined; a signal to itself, handled.  INTERRUPTED: how often a thread that waits in epoll_wait() since
 * the start has come back from it; nobody but a tracer could have caused that.  Prints "ready" first. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 1001
#define PAGES   64  /* in one sample */
#define CALLS   500 /* in one sample */
#define PAGE    4096

static _Atomic unsigned interrupted;
static volatile sig_atomic_t handled;

static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The median time of one call of `sample`, divided by the number of things that it does.  `after` each one is not timed. */
static double median_ns(void (*sample)(unsigned), void (*after)(void), double things)
{
        static uint64_t took[SAMPLES];

        for (unsigned i = 0; i < SAMPLES; i++) {
                uint64_t begin = now_ns();

                sample(i);
                took[i] = now_ns() - begin;
                if (after)
                        after();
        }
        qsort(took, SAMPLES, sizeof(took[0]), compare);
        return (double)took[SAMPLES / 2] / things;
}

static char *area;

static void touch(unsigned i)
{
        for (unsigned k = 0; k < PAGES; k++)
                area[((size_t)i * PAGES + k) * PAGE] = 1;
}

static void call(unsigned i)
{
        (void)i;
        for (unsigned k = 0; k < CALLS; k++)
                syscall(SYS_getppid);
}

static void *nothing(void *arg)
{
        return arg;
}

static pthread_t created;

static void create(unsigned i)
{
        (void)i;
        if (pthread_create(&created, NULL, nothing, NULL) != 0)
                exit(1);
}

static void join(void)
{
        if (pthread_join(created, NULL) != 0)
                exit(1);
}

static void thread(unsigned i)
{
        create(i);
        join();
}

static void handle(int signo)
{
        (void)signo;
        handled++;
}

static void signal_self(unsigned i)
{
        (void)i;
        syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
}

static void *wait_for_nothing(void *arg)
{
        int fd = epoll_create1(0);
        struct epoll_event event;

        for (;;) {
                epoll_wait(fd, &event, 1, -1);
                interrupted++;
        }
        return arg;
}

int main(void)
{
        size_t size = (size_t)SAMPLES * PAGES * PAGE;
        pthread_t waiter;
        char line[16];

        signal(SIGUSR1, handle);
        if (pthread_create(&waiter, NULL, wait_for_nothing, NULL) != 0)
                return 1;
        puts("ready");
        fflush(stdout);
        while (fgets(line, sizeof(line), stdin)) {
                double fault, system_call, created_ns, new_thread, one_signal;

                area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                            -1, 0);
                if (area == MAP_FAILED)
                        return 1;
                madvise(area, size, MADV_NOHUGEPAGE);
                fault = median_ns(touch, NULL, PAGES);
                munmap(area, size);
                system_call = median_ns(call, NULL, CALLS);
                created_ns = median_ns(create, join, 1);
                new_thread = median_ns(thread, NULL, 1);
                one_signal = median_ns(signal_self, NULL, 1);
                printf("%.1f %.1f %.0f %.0f %.0f %u\n", fault, system_call, created_ns, new_thread,
                       one_signal, interrupted);
                fflush(stdout);
        }
        return 0;
}
