/* SPDX-License-Identifier: MIT */
/* hog - use up memory in one of several ways: hog KIND THREADS MIB_PER_S [NONCE]
 *
 *   KIND   anon      private anonymous memory, page by page
 *          every     the same, by every thread at once
 *          shared    MAP_SHARED anonymous memory: RSS that is all shmem
 *          populate  one mmap(MAP_POPULATE)
 *          memset    one large memset
 *          huge      anonymous memory with transparent huge pages
 *          tmpfs     a file in memory, without a name: nothing of it is in the RSS
 *          forks     16 processes, each as `anon`; the first one only waits for them
 *   THREADS    of each process; all but the first are parked
 *   MIB_PER_S  of all processes and threads together; 0: as fast as the machine can
 *
 * Every thread keeps a marker in a local variable, for whoever reads its stack: it cannot be there by chance, nor from
 * another thread or run (tests/bench/race/check.py).
 *
 * Prints "ready PID..." with the processes that will use memory, all their threads marked and parked, and begins when a line
 * comes on stdin. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB      (1024 * 1024)
#define AREA_MIB 2048UL
#define N_FORKS  16

struct marker {
        uint64_t magic;
        uint32_t nonce, tid;
        uint64_t self; /* its own address */
};

#define MAGIC UINT64_C(0x676f682d6b72616d) /* "mark-hog" */

static const char *kind = "anon";
static int n_threads = 1;
static double speed; /* MiB/s of each that uses memory; 0: no limit */
static uint32_t nonce;
static pthread_barrier_t all_marked;

static char *area(int flags)
{
        char *p = mmap(NULL, AREA_MIB * MIB, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags,
                       -1, 0);

        if (p == MAP_FAILED) {
                perror("hog: mmap");
                exit(1);
        }
        return p;
}

/* Sleep until `mib` are not too many. */
static void keep_speed(const struct timespec *begin, double mib)
{
        struct timespec now;

        if (speed <= 0)
                return;
        do {
                usleep(200);
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9 <
                 mib / speed);
}

__attribute__((noinline)) static void touch(char *p)
{
        struct timespec begin;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (unsigned long i = 0; i < AREA_MIB; i++) {
                for (unsigned long k = 0; k < MIB; k += 4096)
                        p[i * MIB + k] = 1;
                keep_speed(&begin, (double)(i + 1));
        }
}

static void write_file(void)
{
        static char block[MIB];
        struct timespec begin;
        int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);

        if (fd < 0)
                fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (unsigned long i = 0; i < AREA_MIB; i++) {
                if (write(fd, block, MIB) != MIB) {
                        perror("hog: tmpfs");
                        exit(1);
                }
                keep_speed(&begin, (double)(i + 1));
        }
}

static void use_memory(void)
{
        char *p;

        if (strcmp(kind, "shared") == 0) {
                touch(area(MAP_SHARED));
        } else if (strcmp(kind, "populate") == 0) {
                area(MAP_PRIVATE | MAP_POPULATE);
        } else if (strcmp(kind, "memset") == 0) {
                memset(area(MAP_PRIVATE), 1, AREA_MIB * MIB);
        } else if (strcmp(kind, "tmpfs") == 0) {
                write_file();
        } else {
                p = area(MAP_PRIVATE);
                if (strcmp(kind, "huge") == 0)
                        madvise(p, AREA_MIB * MIB, MADV_HUGEPAGE);
                touch(p);
        }
}

/* Nobody reads the line: all threads and processes see it.  Its writer's end is ours. */
static void wait_for_go(void)
{
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

        while (poll(&p, 1, -1) < 1)
                ;
        if (!(p.revents & POLLIN))
                exit(0);
}

static void *other_thread(void *uses_memory)
{
        volatile struct marker m = {MAGIC, nonce, (uint32_t)gettid(), (uint64_t)&m};

        pthread_barrier_wait(&all_marked);
        if (uses_memory) {
                wait_for_go();
                use_memory();
        }
        for (;;)
                pause();
        return (void *)m.self; /* it is needed to the end */
}

/* The main thread of a process that uses memory.  `ready` gets its PID when all its threads are marked; -1: stdout does. */
static void run(int ready)
{
        volatile struct marker m = {MAGIC, nonce, (uint32_t)gettid(), (uint64_t)&m};
        void *use = strcmp(kind, "every") == 0 ? &nonce : NULL;
        pid_t pid = getpid();
        pthread_attr_t attr;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 65536);
        pthread_barrier_init(&all_marked, NULL, (unsigned)n_threads);
        for (int i = 1; i < n_threads; i++) {
                pthread_t t;

                if (pthread_create(&t, &attr, other_thread, use) != 0)
                        exit(1);
        }
        pthread_barrier_wait(&all_marked);
        if (ready < 0) {
                printf("ready %d\n", pid);
                fflush(stdout);
        } else if (write(ready, &pid, sizeof(pid)) != sizeof(pid)) {
                exit(1);
        }
        wait_for_go();
        use_memory();
        exit(m.magic == 0);
}

static void announce(int from, int n)
{
        pid_t pid;

        printf("ready");
        while (n-- > 0 && read(from, &pid, sizeof(pid)) == sizeof(pid))
                printf(" %d", pid);
        printf("\n");
        fflush(stdout);
}

int main(int argc, char **argv)
{
        int ready[2];

        if (argc < 4 || pipe(ready) < 0) {
                fprintf(stderr, "usage: hog KIND THREADS MIB_PER_S [NONCE]\n");
                return 2;
        }
        kind = argv[1];
        n_threads = atoi(argv[2]);
        speed = atof(argv[3]);
        nonce = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 0) : 0;
        if (strcmp(kind, "every") == 0)
                speed /= n_threads;
        if (strcmp(kind, "forks") != 0)
                run(-1);
        speed /= N_FORKS;
        for (int i = 0; i < N_FORKS; i++)
                if (fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        run(ready[1]);
                }
        announce(ready[0], N_FORKS);
        while (wait(NULL) > 0)
                ;
        return 0;
}
