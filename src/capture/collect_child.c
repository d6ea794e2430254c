/* SPDX-License-Identifier: MIT */
/* collect_child - the collecting process and the one that waits for it.
 *
 * The kernel's reads of /proc wait for mmap_lock with down_read_killable(), network file systems wait
 * killably too: SIGKILL ends them where a thread or a signal handler could not. If even that fails we do not
 * wait: the child is left to init. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "capture/collect.h"
#include "capture/collect_child.h"

/* A child looks at the deadline itself between two reads; only then it is killed. */
#define GRACE_NS     (300 * NS_PER_MS)
#define KILL_WAIT_MS 200
#define POLL_MS      20 /* without pidfds (before Linux 5.3) */

/* However many rows hang, a dump ends; what the machine gives no CPU for does not count here either. */
#define ALL_NS (30 * NS_PER_S)

static void child_main(struct collect *c, size_t first, pid_t parent)
{
        /* Nobody would finish the bundle. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        c->own_process = true;
        c->cpu_fd = cpu_time_open(getpid());
        collect_rows(c, first);
        _exit(0);
}

/* Has the child ended?  Waits at most `ms`. */
static bool child_ended(pid_t child, int pidfd, int ms, int *ret_status)
{
        struct pollfd p = {.fd = pidfd, .events = POLLIN};

        poll(&p, pidfd >= 0, pidfd >= 0 || ms < POLL_MS ? ms : POLL_MS);
        return waitpid(child, ret_status, WNOHANG) == child;
}

enum child_end { CHILD_DONE, CHILD_CRASHED, CHILD_HUNG, CHILD_OUT_OF_TIME };

/* On a busy machine it would be done, had it been given a CPU: it is ready to run, and has not used up its row's time. */
static bool child_is_starved(const struct collect *c, pid_t child, int cpu_fd)
{
        return cpu_time_is_wanted(child) && cpu_time_read(cpu_fd).used_ns - c->progress->cpu.used_ns <
                                                    collectors[c->progress->row].deadline_ns;
}

static enum child_end child_wait(const struct collect *c, pid_t child, uint64_t end_ns, int *ret_signal)
{
        _cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0), cpu_fd = cpu_time_open(child);
        uint64_t more_ns = 0;
        int status;

        for (;;) {
                uint64_t now = clock_monotonic_ns(), deadline = c->progress->deadline_ns;
                uint64_t until = deadline > more_ns ? deadline : more_ns;
                uint64_t all_ns = end_ns + cpu_time_read(cpu_fd).waited_ns;

                until = until < all_ns ? until + GRACE_NS : all_ns;
                if (now >= until && until != all_ns && child_is_starved(c, child, cpu_fd)) {
                        more_ns = now;
                        continue;
                }
                if (now >= until) {
                        kill(child, SIGKILL);
                        child_ended(child, pidfd, KILL_WAIT_MS, &status);
                        return until == all_ns ? CHILD_OUT_OF_TIME : CHILD_HUNG;
                }
                if (!child_ended(child, pidfd, (int)((until - now) / NS_PER_MS) + 1, &status))
                        continue;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                        return CHILD_DONE;
                *ret_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
                return CHILD_CRASHED;
        }
}

static void note_row(struct collect *c, const struct collector *row, int err, const char *reason)
{
        char path[128];

        collector_path(c, row, path, sizeof(path));
        section_missing(c->writer, path, row->optional, err, reason);
}

/* Say which section it was, and when none was open, which row. */
static void note_end(struct collect *c, enum child_end end, int signal)
{
        char reason[96] = "the read did not return";
        int err = ETIME;

        if (end == CHILD_CRASHED) {
                snprintf(reason, sizeof(reason), "its collector ended with signal %d", signal);
                err = 0;
        }
        if (!section_abandon(c->writer, SECTION_CUT, err, reason))
                note_row(c, &collectors[c->progress->row], err, reason);
        if (end != CHILD_OUT_OF_TIME)
                return;
        for (size_t i = c->progress->next; i < n_collectors; i++)
                if (collect_wants(c->only, collectors[i].group) && (!c->chosen || c->chosen[i]))
                        note_row(c, &collectors[i], err, "the capture as a whole took too long");
}

static int run_children(struct collect *c)
{
        uint64_t end_ns = clock_monotonic_ns() + ALL_NS;
        pid_t self = getpid();

        for (size_t first = 0; first < n_collectors; first = c->progress->next) {
                enum child_end end;
                int signal = 0;
                pid_t child;

                c->progress->next = first + 1;
                c->progress->deadline_ns = clock_monotonic_ns() + NS_PER_S;
                child = fork();
                if (child == 0)
                        child_main(c, first, self);
                if (child < 0) {
                        /* No process to be had: without the guard rather than without the evidence. */
                        collect_rows(c, first);
                        return 0;
                }
                end = child_wait(c, child, end_ns, &signal);
                if (end == CHILD_DONE)
                        return 0;
                note_end(c, end, signal);
                if (end == CHILD_OUT_OF_TIME)
                        return 0;
        }
        return 0;
}

int collect_run(struct collect *c)
{
        int r;

        c->progress =
                mmap(NULL, sizeof(*c->progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (c->progress == MAP_FAILED)
                return -errno;
        r = run_children(c);
        c->target_died = c->progress->target_died;
        munmap(c->progress, sizeof(*c->progress));
        c->progress = NULL;
        return r;
}
