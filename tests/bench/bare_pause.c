/* SPDX-License-Identifier: MIT */
/* bare_pause - the shortest pause that ptrace permits: seize, interrupt, wait, detach, and nothing else.
 *
 *   bare_pause PID [TIMES=1]      prints one line per time: "NANOSECONDS THREADS"
 *
 * The pause is measured as swansong measures its own (pause_ns of manifest.json): from before the first
 * interrupt to after the last detach; with SCHED_FIFO for that long, where permitted. */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 70000

static pid_t tids[THREADS_MAX];
static int n;

static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void seize_all(const char *pid)
{
        char path[64];
        struct dirent *entry;
        DIR *dir;

        snprintf(path, sizeof(path), "/proc/%s/task", pid);
        dir = opendir(path);
        n = 0;
        while (dir && (entry = readdir(dir)) && n < THREADS_MAX)
                if (entry->d_name[0] != '.' && ptrace(PTRACE_SEIZE, atoi(entry->d_name), NULL, NULL) == 0)
                        tids[n++] = atoi(entry->d_name);
        if (dir)
                closedir(dir);
}

static uint64_t pause_all(void)
{
        struct sched_param fifo = {.sched_priority = 10}, other = {0};
        uint64_t begin, end;

        sched_setscheduler(0, SCHED_FIFO, &fifo);
        begin = now_ns();
        for (int i = 0; i < n; i++)
                ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL);
        for (int i = 0; i < n; i++)
                waitpid(tids[i], NULL, __WALL);
        for (int i = 0; i < n; i++)
                ptrace(PTRACE_DETACH, tids[i], NULL, NULL);
        end = now_ns();
        sched_setscheduler(0, SCHED_OTHER, &other);
        return end - begin;
}

int main(int argc, char **argv)
{
        int times = argc > 2 ? atoi(argv[2]) : 1;

        if (argc < 2)
                return 2;
        while (times-- > 0) {
                uint64_t pause_ns;

                seize_all(argv[1]);
                if (n == 0) {
                        perror("bare_pause");
                        return 1;
                }
                pause_ns = pause_all();
                printf("%lu %d\n", (unsigned long)pause_ns, n);
                usleep(20000);
        }
        return 0;
}
