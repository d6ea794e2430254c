/* SPDX-License-Identifier: MIT */
/* The guard: the attendant's parent.  A tracer that hangs holds its targets: a signal to them, or their end, waits for it.  So the
 * attendant shows four times a second that it is there (armed_shared.beats); one that does not for a second (at a kill: six) is killed,
 * and the kernel lets its targets go.  Does nothing else, so that it cannot hang itself. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/armed/internal.h"
#include "injector/priority.h"

/* Looks without a beat before the end, one every ARMED_BEAT_NS.  Counted, not timed: when the whole machine stands still,
 * so do we. */
#define SILENT_LOOKS 4

/* While it holds somebody in his exit.  Where the machine is out of memory and the dead held little of it, the kernel reaps him after
 * 2 s (OOM_REAPER_DELAY, mm/oom_kill.c), kills the next one, who may be held, too, and reaps that one after another 2 s: for so long
 * whatever the attendant asks the kernel for may wait for memory. */
#define SILENT_LOOKS_AT_A_KILL 24

/* Before its first beat it holds nobody, and reserves memory, which may take long where there is little. */
#define SILENT_LOOKS_AT_FIRST 40

static unsigned looks_allowed(const struct armed_shared *shared, bool has_begun)
{
        if (!has_begun)
                return SILENT_LOOKS_AT_FIRST;
        return atomic_load(&shared->busy_with_dead) ? SILENT_LOOKS_AT_A_KILL : SILENT_LOOKS;
}

/* The watcher's other fds are not ours: a pidfd of a target held here would outlive the watcher's. */
static void close_others(const struct armed_side *s)
{
        const int keep[] = {s->asked_fd, s->telling_fd, s->life_fd, s->options->dirfd};
        _cleanup_dir_ DIR *dir = opendir("/proc/self/fd");
        struct dirent *entry;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; null >= 0 && fd <= 2; fd++)
                dup2(null, fd);
        while (dir && (entry = readdir(dir))) {
                bool mine = false;
                uint64_t fd;

                if (number_parse(entry->d_name, INT32_MAX, &fd) < 0 || fd <= 2 || (int)fd == dirfd(dir))
                        continue;
                for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
                        mine |= keep[i] == (int)fd;
                if (!mine)
                        close((int)fd);
        }
}

static void last_word(const struct armed_side *s, enum armed_end why)
{
        char byte = (char)why;

        (void)!write(s->life_fd, &byte, 1);
        _exit(0);
}

/* The attendant has ended: wait for it, and tell how. */
static void check_end(const struct armed_side *s, pid_t attendant, bool hung)
{
        int status;

        if (waitpid(attendant, &status, hung ? 0 : WNOHANG) != attendant)
                return;
        if (hung)
                last_word(s, ARMED_END_HUNG);
        last_word(s, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ARMED_END_ASKED : ARMED_END_DIED);
}

void armed_guard_main(const struct armed_side *s)
{
        const struct timespec look = {.tv_nsec = ARMED_BEAT_NS};
        struct armed_side mine = *s;
        unsigned silent = 0;
        uint64_t first = atomic_load(&s->shared->beats), beats = first;
        sigset_t all;
        pid_t attendant;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != s->parent)
                _exit(1);
        prctl(PR_SET_NAME, "swansong-keeper");
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        close_others(s);
        mine.parent = getpid();
        attendant = fork();
        if (attendant == 0) {
                close(s->life_fd); /* the guard's alone: its end is seen by it */
                armed_attendant_main(&mine);
        }
        if (attendant < 0)
                last_word(s, ARMED_END_DIED);
        close(s->asked_fd);
        close(s->telling_fd);
        priority_raise();
        for (;;) {
                sigset_t chld;
                uint64_t now;

                sigemptyset(&chld);
                sigaddset(&chld, SIGCHLD);
                if (sigtimedwait(&chld, NULL, &look) == SIGCHLD) {
                        check_end(s, attendant, false);
                        continue;
                }
                now = atomic_load(&s->shared->beats);
                silent = now == beats ? silent + 1 : 0;
                beats = now;
                if (silent < looks_allowed(s->shared, now != first))
                        continue;
                kill(attendant, SIGKILL);
                check_end(s, attendant, true);
        }
}
