/* SPDX-License-Identifier: MIT */
#include "injector/tracees.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "injector/tracer.h"

struct fixture {
        pid_t child, rival;
        int proc;
        atomic_ulong *count; /* the child counts here, without a pause */
        struct tracees tracees;
        uint64_t stop_ns;
        unsigned stopped, late;
};

/* The child counts on one CPU, which (`starved`) a rival has nearly to itself. */
static void fixture_make(struct fixture *f, bool starved)
{
        struct sched_param none = {0};
        cpu_set_t one;
        char path[32];
        int cpu = sched_getcpu();

        memset(f, 0, sizeof(*f));
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof(one), &one);
        f->count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        f->child = fork();
        if (f->child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (starved)
                        sched_setscheduler(0, SCHED_IDLE, &none);
                for (;;)
                        atomic_fetch_add(f->count, 1);
        }
        f->rival = starved ? fork() : 0;
        if (starved && f->rival == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        ;
        }
        snprintf(path, sizeof(path), "/proc/%d", f->child);
        f->proc = open(path, O_RDONLY | O_DIRECTORY);
        cr_assert_geq(f->proc, 0);
}

static void fixture_done(struct fixture *f)
{
        kill(f->child, SIGKILL);
        waitpid(f->child, NULL, 0);
        if (f->rival) {
                kill(f->rival, SIGKILL);
                waitpid(f->rival, NULL, 0);
        }
        close(f->proc);
}

static void on_stopped(void *arg, size_t i)
{
        struct fixture *f = arg;

        (void)i;
        f->stopped++;
}

static void nothing(void *arg)
{
        (void)arg;
}

static void stop_and_go(void *arg)
{
        struct fixture *f = arg;

        tracees_make(f->proc, f->child, &f->tracees);
        tracees_list(&f->tracees);
        deadline_make(&f->tracees.deadline);
        tracees_seize(&f->tracees, NS_PER_S);
        tracees_stop(&f->tracees, f->stop_ns, on_stopped, f);
        f->late = f->tracees.list[0].state == TRACEE_LATE;
        tracees_release(&f->tracees);
        tracees_wait_late(&f->tracees, 60 * NS_PER_S, on_stopped, f);
        deadline_free(&f->tracees.deadline);
}

static bool is_free_and_counts(const struct fixture *f)
{
        _cleanup_buf_ struct buf status = BUF_GROWING(65536);
        unsigned long before = atomic_load(f->count);

        file_read_at(f->proc, "status", &status);
        for (int i = 0; i < 120000 && atomic_load(f->count) == before; i++)
                usleep(1000);
        return strstr(status.data, "TracerPid:\t0\n") && atomic_load(f->count) > before;
}

Test(tracees, stop_and_go_on)
{
        struct fixture f;

        fixture_make(&f, false);
        f.stop_ns = 60 * NS_PER_S;
        cr_assert_eq(tracer_run(stop_and_go, nothing, &f), 0);
        cr_expect_eq(f.tracees.n, 1);
        cr_expect_eq(f.tracees.list[0].state, TRACEE_STOPPED);
        cr_expect_eq(f.stopped, 1);
        cr_expect_not(f.tracees.list[0].late);
        cr_expect_gt(f.tracees.end_ns, f.tracees.begin_ns);
        tracees_done(&f.tracees);
        cr_expect(is_free_and_counts(&f));
        fixture_done(&f);
}

Test(tracees, a_thread_without_a_cpu_is_waited_for_when_the_others_run_again)
{
        struct fixture f;
        unsigned late = 0;

        fixture_make(&f, true);
        f.stop_ns = NS_PER_MS;
        for (int i = 0; i < 200 && late < 3; i++) {
                f.stopped = 0;
                cr_assert_eq(tracer_run(stop_and_go, nothing, &f), 0);
                cr_expect_eq(f.stopped, 1);
                cr_expect_eq(f.tracees.list[0].late, f.late);
                late += f.late;
                tracees_done(&f.tracees);
                cr_expect(is_free_and_counts(&f));
        }
        cr_expect_gt(late, 0);
        fixture_done(&f);
}
