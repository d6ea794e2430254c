/* SPDX-License-Identifier: MIT */
/* hog - use up memory in one of several ways: hog KIND THREADS MIB_PER_S
 *
 *   KIND   anon      private anonymous memory, page by page
 *          shared    MAP_SHARED anonymous memory: RSS that is all shmem
 *          populate  one mmap(MAP_POPULATE)
 *          memset    one large memset
 *          huge      anonymous memory with transparent huge pages
 *          forks     16 children, each as `anon`
 *   THREADS    parked beside the one that uses memory
 *   MIB_PER_S  0: as fast as the machine can
 *
 * Prints "ready", and begins when a line comes on stdin. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MIB       (1024 * 1024)
#define AREA_MIB  2048UL
#define N_FORKS   16

static void *parked(void *arg)
{
        for (;;)
                pause();
        return arg;
}

static char *area(int flags)
{
        char *p = mmap(NULL, AREA_MIB * MIB, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

        if (p == MAP_FAILED) {
                perror("hog: mmap");
                exit(1);
        }
        return p;
}

__attribute__((noinline)) static void touch(char *p, double mib_per_s)
{
        struct timespec begin, now;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (unsigned long i = 0; i < AREA_MIB; i++) {
                for (unsigned long k = 0; k < MIB; k += 4096)
                        p[i * MIB + k] = 1;
                while (mib_per_s > 0) {
                        clock_gettime(CLOCK_MONOTONIC, &now);
                        if ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 >= (double)(i + 1) / mib_per_s)
                                break;
                        usleep(200);
                }
        }
}

int main(int argc, char **argv)
{
        const char *kind = argc > 1 ? argv[1] : "anon";
        int threads = argc > 2 ? atoi(argv[2]) : 1;
        double speed = argc > 3 ? atof(argv[3]) : 0;
        pthread_attr_t attr;
        char line[16], *p;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 65536);
        for (int i = 1; i < threads; i++) {
                pthread_t t;

                if (pthread_create(&t, &attr, parked, NULL) != 0)
                        return 1;
        }
        puts("ready");
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                return 0;
        if (strcmp(kind, "forks") == 0) {
                for (int i = 0; i < N_FORKS; i++)
                        if (fork() == 0) {
                                prctl(PR_SET_PDEATHSIG, SIGKILL);
                                touch(area(MAP_PRIVATE), speed / N_FORKS);
                                return 0;
                        }
                touch(area(MAP_PRIVATE), speed);
        } else if (strcmp(kind, "shared") == 0) {
                touch(area(MAP_SHARED), speed);
        } else if (strcmp(kind, "populate") == 0) {
                area(MAP_PRIVATE | MAP_POPULATE);
        } else if (strcmp(kind, "memset") == 0) {
                memset(area(MAP_PRIVATE), 1, AREA_MIB * MIB);
        } else {
                p = area(MAP_PRIVATE);
                if (strcmp(kind, "huge") == 0)
                        madvise(p, AREA_MIB * MIB, MADV_HUGEPAGE);
                touch(p, speed);
        }
        return 0;
}
