/* SPDX-License-Identifier: MIT */
#include "brake/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scan.h"

/* How long it tries to put back what the kernel refuses: a limit below what is used. */
#define UNDO_NS       (60 * NS_PER_S)
#define UNDO_AGAIN_NS (20 * NS_PER_MS)

/* How long it waits for those who die with the watcher. */
#define CHILDREN_MS 10000

/* Added to the eventfd; what is read is the sum of all that was told. */
#define CLOCK_TOLD UINT64_C(1)
#define UNDO_TOLD  (UINT64_C(1) << 32)

struct guard {
        const struct brake *brake;
        int watcher_fd, events_fd, life_fd;
        uint64_t deadline_ns, high_count;
        uint64_t end_ns; /* monotonic; UINT64_MAX: the clock does not run */
};

void guard_tell(int tell_fd, enum guard_word word)
{
        eventfd_write(tell_fd, word == GUARD_UNDO ? UNDO_TOLD : CLOCK_TOLD);
}

uint64_t guard_high_count(const char *text, size_t len)
{
        struct scan s = scan_of(text, len);
        uint64_t count;

        while (scan_left(&s) > 0) {
                if (scan_word(&s, "high ") && scan_number(&s, &count))
                        return count;
                if (!scan_find(&s, "\n"))
                        break;
        }
        return 0;
}

/* 0, or -ENODEV: the group has been removed. */
static int read_high_count(int fd, uint64_t *ret)
{
        char text[512];
        ssize_t n = pread(fd, text, sizeof(text), 0);

        if (n < 0)
                return -errno;
        *ret = guard_high_count(text, (size_t)n);
        return 0;
}

static void start_clock(struct guard *g)
{
        if (g->end_ns == UINT64_MAX)
                g->end_ns = clock_monotonic_ns() + g->deadline_ns;
}

/* memory.events has changed.  0, or -errno: it will be ready for ever. */
static int look_at_events(struct guard *g)
{
        uint64_t now;
        int r = read_high_count(g->events_fd, &now);

        if (r == 0 && now > g->high_count)
                start_clock(g);
        return r;
}

/* What has come from the watcher; true: undo. */
static bool hear(struct guard *g)
{
        eventfd_t told = 0;

        if (eventfd_read(g->brake->tell_fd, &told) == 0 && told % UNDO_TOLD > 0)
                start_clock(g);
        return told >= UNDO_TOLD;
}

/* Until there is a reason to undo. */
static void wait_for_reason(struct guard *g)
{
        struct pollfd p[] = {{.fd = g->watcher_fd, .events = POLLIN},
                             {.fd = g->brake->tell_fd, .events = POLLIN},
                             {.fd = g->events_fd, .events = POLLPRI}};

        for (;;) {
                uint64_t now = clock_monotonic_ns();
                /* Rounded up: never early, and never a busy loop. */
                int wait_ms = g->end_ns == UINT64_MAX ? -1
                              : g->end_ns <= now      ? 0
                                                      : (int)((g->end_ns - now) / NS_PER_MS) + 1;

                if (wait_ms == 0)
                        return;
                if (poll(p, ARRAY_SIZE(p), wait_ms) < 0)
                        continue;
                if (p[0].revents || hear(g))
                        return;
                if (p[2].revents && look_at_events(g) < 0)
                        return;
        }
}

static int undo(const struct brake *b)
{
        uint64_t end_ns = clock_monotonic_ns() + UNDO_NS;
        int r;

        while ((r = brake_restore(b)) < 0 && clock_monotonic_ns() < end_ns)
                nanosleep(&(struct timespec){.tv_nsec = (long)UNDO_AGAIN_NS}, NULL);
        return r;
}

static bool has_ended(int pidfd)
{
        struct pollfd p = {.fd = pidfd, .events = POLLIN};

        return poll(&p, 1, 0) == 1;
}

static void guard_main(struct guard *g)
{
        sigset_t all;
        int r;

        close(g->brake->life_fd);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        setsid();
        prctl(PR_SET_NAME, "swansong-guard");
        wait_for_reason(g);
        r = undo(g->brake);
        if (has_ended(g->watcher_fd)) {
                struct pollfd p = {.fd = g->life_fd};

                poll(&p, 1, CHILDREN_MS);
                r = undo(g->brake);
        }
        /* Else the note stays, for the next start of swansong. */
        if (r == 0)
                brake_note_remove(g->brake->notes_fd, g->brake->note_name, g->brake->note_fd);
        _exit(0);
}

static int pidfd_of(pid_t pid)
{
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : fd;
}

int guard_start(struct brake *b, int group_fd, uint64_t deadline_ns, struct diag *d)
{
        _cleanup_fd_ int watcher_fd = pidfd_of(getpid()), events_fd = -1, life_fd = -1;
        struct guard g = {
                .brake = b, .watcher_fd = watcher_fd, .deadline_ns = deadline_ns, .end_ns = UINT64_MAX};
        int life[2];

        if (watcher_fd < 0)
                return diag_set(d, watcher_fd, "no brake without a guard, which needs pidfds (Linux 5.3): %s",
                                strerror(-watcher_fd));
        if (b->kind == BRAKE_SLOW)
                events_fd = openat(group_fd, "memory.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        g.events_fd = events_fd;
        if (events_fd >= 0)
                read_high_count(events_fd, &g.high_count);
        b->tell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (b->tell_fd < 0 || pipe2(life, O_CLOEXEC) < 0)
                return diag_set(d, -errno, "cannot start the brake's guard: %s", strerror(errno));
        g.life_fd = life_fd = life[0];
        b->life_fd = life[1];
        b->guard = fork();
        if (b->guard == 0)
                guard_main(&g);
        if (b->guard < 0) {
                b->guard = 0;
                return diag_set(d, -errno, "cannot start the brake's guard: %s", strerror(errno));
        }
        b->guard_fd = pidfd_of(b->guard);
        return b->guard_fd < 0 ? diag_set(d, b->guard_fd, "cannot watch the brake's guard: %s",
                                          strerror(-b->guard_fd))
                               : 0;
}

bool guard_is_there(const struct brake *b)
{
        struct pollfd p = {.fd = b->guard_fd, .events = POLLIN};

        return b->guard > 0 && b->guard_fd >= 0 && poll(&p, 1, 0) == 0;
}

void guard_end(struct brake *b, bool done)
{
        if (!done && guard_is_there(b)) {
                guard_tell(b->tell_fd, GUARD_UNDO);
        } else {
                /* Not by its PID: the caller's SIGCHLD may have reaped it already, and then it is somebody else's. */
                if (b->guard_fd >= 0)
                        syscall(SYS_pidfd_send_signal, b->guard_fd, SIGKILL, NULL, 0);
                else
                        kill(b->guard, SIGKILL);
                while (waitpid(b->guard, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        b->guard = 0;
}
