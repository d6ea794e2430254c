/* SPDX-License-Identifier: MIT */
/* threads - N threads, each DEPTH calls deep, parked (futex, poll or sleep by turns) or spinning.
 *
 *   threads N park|spin [DEPTH=24] [RSS_MIB=0]
 *
 * Prints "ready" once all of them are where they will stay.  Exits when stdin is closed. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
static atomic_int arrived;
static int spin, depth = 24;

__attribute__((noinline)) static void stay(unsigned long number)
{
        volatile unsigned long work = number;

        atomic_fetch_add(&arrived, 1);
        for (;;) {
                if (spin)
                        work++;
                else if (number % 3 == 0)
                        pthread_mutex_lock(&never);
                else if (number % 3 == 1)
                        poll(NULL, 0, -1);
                else
                        sleep(3600);
        }
}

/* About 400 bytes of stack per frame, as real programs have. */
__attribute__((noinline)) static int deeper(unsigned long number, int left)
{
        volatile char frame[352];

        frame[left % 352] = (char)number;
        if (left == 0)
                stay(number);
        else
                frame[0] = (char)deeper(number, left - 1);
        return frame[left % 352] + 1;
}

static void *thread_main(void *number)
{
        deeper((unsigned long)number, depth);
        return NULL;
}

int main(int argc, char **argv)
{
        int n = argc > 1 ? atoi(argv[1]) : 1;
        size_t rss = argc > 4 ? strtoul(argv[4], NULL, 10) << 20 : 0;
        pthread_attr_t attr;
        char byte;

        spin = argc > 2 && strcmp(argv[2], "spin") == 0;
        if (argc > 3)
                depth = atoi(argv[3]);
        if (rss) {
                char *memory = mmap(NULL, rss, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                if (memory == MAP_FAILED)
                        return 1;
                memset(memory, 1, rss);
        }
        pthread_mutex_lock(&never);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 256 * 1024 + 512 * (size_t)depth);
        for (int i = 0; i < n; i++) {
                pthread_t t;

                if (pthread_create(&t, &attr, thread_main, (void *)(long)i) != 0)
                        return 1;
        }
        while (atomic_load(&arrived) < n)
                usleep(1000);
        usleep(10000);
        printf("ready\n");
        fflush(stdout);
        while (read(0, &byte, 1) > 0)
                ;
        return 0;
}
