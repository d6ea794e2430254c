/* SPDX-License-Identifier: MIT */
/* threads - N threads, each DEPTH calls deep, parked (futex, poll or sleep by turns) or spinning.
 *
 *   threads N park|spin [DEPTH=24 [RSS_MIB=0 [GAP_FILE]]]
 *
 * Prints "ready" once all of them are where they will stay; stays until it is killed.  With GAP_FILE (8
 * bytes at least) a real-time thread notes there the longest time in ns that it did not get to run: what a
 * pause is to the program itself.  Whoever reads may reset it to 0. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
static atomic_int arrived;
static pid_t *tids;
static volatile int leave; /* never set: the calls must look as if they could return */
static int spin, depth = 24;

__attribute__((noinline)) static void stay(unsigned long number)
{
        volatile unsigned long work = number;

        tids[number] = gettid();
        atomic_fetch_add(&arrived, 1);
        while (!leave) {
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

static void *gap_main(void *longest)
{
        struct sched_param fifo = {.sched_priority = 20};
        struct timespec step = {.tv_nsec = 20000}, t;
        _Atomic uint64_t *ret = longest;
        uint64_t last = 0;

        pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
        while (!leave) {
                uint64_t now;

                clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
                clock_gettime(CLOCK_MONOTONIC, &t);
                now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
                if (last && now - last > atomic_load(ret))
                        atomic_store(ret, now - last);
                last = now;
        }
        return NULL;
}

static int gap_start(const char *path)
{
        int fd = open(path, O_RDWR);
        void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        pthread_t t;

        return memory == MAP_FAILED ? -1 : pthread_create(&t, NULL, gap_main, memory);
}

static int fill(size_t bytes)
{
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                return -1;
        memset(memory, 1, bytes);
        return 0;
}

/* Does it sleep?  What it says of itself when it arrives is a moment too early. */
static int is_parked(pid_t tid)
{
        char path[64], state = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
        f = fopen(path, "r");
        if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
                state = 0;
        if (f)
                fclose(f);
        return state == 'S';
}

int main(int argc, char **argv)
{
        int n = argc > 1 ? atoi(argv[1]) : 1;
        size_t rss = argc > 4 ? strtoul(argv[4], NULL, 10) << 20 : 0;
        pthread_attr_t attr;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        spin = argc > 2 && strcmp(argv[2], "spin") == 0;
        if (argc > 3)
                depth = atoi(argv[3]);
        if ((rss && fill(rss) != 0) || (argc > 5 && gap_start(argv[5]) != 0))
                return 1;
        tids = calloc((size_t)n + 1, sizeof(*tids));
        if (!tids)
                return 1;
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
        for (int i = 0; !spin && i < n; i++)
                while (!is_parked(tids[i]))
                        usleep(1000);
        printf("ready\n");
        fflush(stdout);
        while (!leave)
                pause();
        return 0;
}
