/* SPDX-License-Identifier: MIT */
/* trouble - a process that is hard to stop: trouble MODE
 *
 *   leader-exited   the first thread has ended, three live on
 *   vfork           a thread waits uninterruptibly (state D, soon after "ready") for its vfork child, three others sleep
 *   churn           threads begin and end all the time
 *   exec            a thread that is not the first one executes this program again and again, others sleep
 *   zombie          the process has ended; nobody has waited for it (its parent stays: PID is printed)
 *
 * Prints "ready" (once, exec too; zombie: "ready PID"); stays until it is killed. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;

static void *sleep_on(void *arg)
{
        for (;;)
                pause();
        return arg;
}

static void start(void *(*function)(void *), int n)
{
        for (int i = 0; i < n; i++) {
                pthread_t t;

                if (pthread_create(&t, NULL, function, NULL) != 0)
                        exit(2);
        }
}

static void ready(void)
{
        printf("ready\n");
        fflush(stdout);
}

static void leader_exited(void)
{
        start(sleep_on, 3);
        ready();
        pthread_exit(NULL);
}

static void *vfork_on(void *arg)
{
        if (vfork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        return arg;
}

static void vforking(void)
{
        start(sleep_on, 2);
        start(vfork_on, 1);
        ready();
        sleep_on(NULL);
}

static void *end(void *arg)
{
        usleep(300);
        return arg;
}

static void churn(void)
{
        ready();
        for (;;) {
                pthread_t t[8];

                for (int i = 0; i < 8; i++)
                        if (pthread_create(&t[i], NULL, end, NULL) != 0)
                                exit(2);
                for (int i = 0; i < 8; i++)
                        pthread_join(t[i], NULL);
        }
}

static void *exec_again(void *arg)
{
        usleep(2000);
        execv("/proc/self/exe", arguments);
        exit(2);
        return arg;
}

static void exec(void)
{
        if (!getenv("TROUBLE_AGAIN"))
                ready();
        setenv("TROUBLE_AGAIN", "1", 1);
        start(sleep_on, 6);
        start(exec_again, 1);
        sleep_on(NULL);
}

static void zombie(void)
{
        pid_t child = fork();

        if (child == 0)
                _exit(7);
        if (waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT) < 0)
                exit(2);
        printf("ready %d\n", child);
        fflush(stdout);
        sleep_on(NULL);
}

static const struct {
        const char *name;
        void (*run)(void);
} modes[] = {
        {"leader-exited", leader_exited},
        {"vfork", vforking},
        {"churn", churn},
        {"exec", exec},
        {"zombie", zombie},
};

int main(int argc, char **argv)
{
        arguments = argv;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
                if (strcmp(argv[1], modes[i].name) == 0)
                        modes[i].run();
        return 2;
}
