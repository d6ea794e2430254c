/* SPDX-License-Identifier: MIT */
/* selfcheck - a program that would notice if anybody changed it: selfcheck [THREADS=8 [BUSY=THREADS/2]]
 *
 * Each thread computes, BUSY of them without a pause, in general and vector registers and in a block of memory, what can be
 * checked afterwards, while a signal storm goes over the process: signals sent must be signals received.
 * Prints "ready"; on SIGTERM checks everything and prints "right" (exit 0) or what is wrong (exit 1), and
 * how often the first thread's sigtimedwait() returned EINTR. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 256
#define WORDS       512
#define PATIENCE_MS 60000 /* for threads that get no CPU, at the end */

typedef uint64_t vec __attribute__((vector_size(32)));

static atomic_int calm, leave, wrong;
static atomic_ulong received, sent;
static unsigned long busy;

struct worker {
        pthread_t thread;
        unsigned long number;
        atomic_ulong rounds;
};
static struct worker workers[THREADS_MAX];

static void fail(const char *what)
{
        printf("wrong: %s\n", what);
        atomic_store(&wrong, 1);
}

static void on_signal(int signal)
{
        (void)signal;
        atomic_fetch_add(&received, 1);
}

/* One round: a linear recurrence in a scalar, in four lanes of a vector, and over memory; all three must
 * agree. */
static int round_is_right(uint64_t seed)
{
        uint64_t scalar = seed, memory[WORDS];
        vec lanes = {seed, seed, seed, seed};
        double x = (double)(seed & 0xffff), y = x;

        for (int i = 0; i < WORDS; i++) {
                scalar = scalar * 6364136223846793005u + 1442695040888963407u;
                lanes = lanes * 6364136223846793005u + 1442695040888963407u;
                memory[i] = scalar;
                x = x * 1.0000001 + 0.5;
                __asm__ volatile("" : "+r"(scalar), "+m"(memory[i]));
        }
        for (int i = 0; i < WORDS; i++)
                y = y * 1.0000001 + 0.5;
        return x == y && memory[WORDS - 1] == scalar && lanes[0] == scalar && lanes[1] == scalar &&
               lanes[2] == scalar && lanes[3] == scalar;
}

static void *work(void *arg)
{
        struct worker *w = arg;

        while (!atomic_load(&leave)) {
                if (!round_is_right(w->number * 977 + atomic_load(&w->rounds)))
                        fail("a computation");
                atomic_fetch_add(&w->rounds, 1);
                /* The others sleep between rounds: both kinds of stops. */
                if (w->number >= busy) {
                        struct timespec t = {.tv_nsec = 1000000};

                        while (nanosleep(&t, &t) < 0)
                                if (errno != EINTR)
                                        fail("nanosleep");
                }
        }
        return NULL;
}

/* Each signal is a queued one (sigqueue to a thread never merges real-time signals). */
static void *storm(void *arg)
{
        int n = *(int *)arg;

        for (unsigned long i = 0; !atomic_load(&calm); i++) {
                struct timespec t = {.tv_nsec = 300000};

                if (atomic_load(&sent) - atomic_load(&received) < 1000 &&
                    pthread_kill(workers[i % (unsigned long)n].thread, SIGRTMIN + 3) == 0)
                        atomic_fetch_add(&sent, 1);
                nanosleep(&t, NULL);
        }
        return NULL;
}

static bool all_have_worked(int n)
{
        for (int i = 0; i < n; i++)
                if (atomic_load(&workers[i].rounds) == 0)
                        return false;
        return true;
}

static unsigned long total(int n)
{
        unsigned long sum = 0;

        for (int i = 0; i < n; i++)
                sum += atomic_load(&workers[i].rounds);
        return sum;
}

int main(int argc, char **argv)
{
        int n = argc > 1 ? atoi(argv[1]) : 8;
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        struct timespec tick = {.tv_nsec = 100000000}, settle = {.tv_nsec = 1000000};
        sigset_t term;
        pthread_t stormer;
        unsigned eintr = 0;

        if (n < 1 || n > THREADS_MAX)
                return 2;
        busy = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned long)n / 2;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, NULL);
        sigaction(SIGRTMIN + 3, &action, NULL);
        for (int i = 0; i < n; i++) {
                workers[i].number = (unsigned long)i;
                if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
                        return 2;
        }
        if (pthread_create(&stormer, NULL, storm, &n) != 0)
                return 2;
        printf("ready\n");
        fflush(stdout);
        while (sigtimedwait(&term, NULL, &tick) != SIGTERM) {
                if (errno == EINTR)
                        eintr++;
                else if (errno != EAGAIN)
                        fail("sigtimedwait");
        }
        /* The workers stay until all has arrived: pthread_kill() of a thread that has ended succeeds, too. */
        atomic_store(&calm, 1);
        pthread_join(stormer, NULL);
        for (int i = 0; i < PATIENCE_MS && atomic_load(&received) != atomic_load(&sent); i++)
                nanosleep(&settle, NULL);
        for (int i = 0; i < PATIENCE_MS && !all_have_worked(n); i++)
                nanosleep(&settle, NULL);
        atomic_store(&leave, 1);
        for (int i = 0; i < n; i++)
                pthread_join(workers[i].thread, NULL);
        if (atomic_load(&received) != atomic_load(&sent))
                fail("signals were lost or came twice");
        if (!all_have_worked(n))
                fail("a thread never worked");
        printf("%s: %lu rounds, %lu signals sent, %lu received, %u EINTR\n", wrong ? "wrong" : "right",
               total(n), atomic_load(&sent), atomic_load(&received), eintr);
        return wrong;
}
