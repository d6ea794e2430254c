/* SPDX-License-Identifier: MIT */
/* The attendant: answers the kernel for all targets (injector/attend.h), whatever else goes on.  Its one thread does nothing that
 * may wait: captures are taken by the threads of armed_slots.c, bundles are written by forked writers, and what the watcher does
 * not read at once is told later. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/armed/slots.h"
#include "cli/armed/crash_words.h"
#include "cli/survive.h"
#include "injector/priority.h"

/* The memory of a large process takes a while to be freed (26 us per MiB): we write when it has been.  After this, it is
 * so large that a second hand helps, or a thread that cannot be killed holds its memory. */
#define GONE_NS (100 * NS_PER_MS)

/* What the watcher was not told yet. */
struct untold {
        struct untold *next;
        struct target target; /* which: PID and start time */
        enum armed_word word;
        unsigned n;
        char text[];
};

struct attendant {
        const struct armed_side *side;
        struct attend *attend;
        struct slots slots;
        struct attended_roll roll;
        struct untold *untold, **untold_end;
        int signal_fd, done_fd;
        bool counts;      /* the kernel's log is of no use: its counts of kills have to do */
        uint64_t look_ns; /* at these: the next time */
        bool ending;
};

static void tell(struct attendant *a, const struct target *t, enum armed_word word, unsigned n,
                 const char *text)
{
        struct untold *u;

        if (!a->untold && armed_tell(a->side, t, word, n, false, text, MSG_DONTWAIT) == 0)
                return;
        u = malloc(sizeof(*u) + strlen(text) + 1);
        if (!u)
                return;
        u->next = NULL;
        u->target = *t;
        u->word = word;
        u->n = n;
        strcpy(u->text, text);
        *a->untold_end = u;
        a->untold_end = &u->next;
}

static void tell_untold(struct attendant *a)
{
        struct untold *u;

        while ((u = a->untold) &&
               armed_tell(a->side, &u->target, u->word, u->n, false, u->text, MSG_DONTWAIT) == 0) {
                a->untold = u->next;
                free(u);
        }
        if (!a->untold)
                a->untold_end = &a->untold;
}

static void answer(struct attendant *a, const struct armed_question *q)
{
        const struct target named = {.pid = q->pid, .start_ticks = q->start_ticks};
        struct attended *known = attended_find(&a->roll, q->pid);
        struct diag d = {0};
        pid_t tracer = 0;
        int r;

        /* A PID that was used again while the last end is still being told. */
        if (known && known->target.start_ticks != q->start_ticks)
                r = diag_set(&d, -EBUSY, "PID %d: the end of another process with it is still attended",
                             q->pid);
        else
                r = known ? 1 : attended_add(&a->roll, a->attend, q->pid, q->start_ticks, &tracer, &d);
        slots_want(&a->slots, a->roll.n);
        if (r < 0)
                tell(a, &named, ARMED_REFUSED, (unsigned)tracer, d.text);
        else
                tell(a, &named, ARMED_READY, (unsigned)r, "");
}

/* --- what the kernel says */

static bool on_dying(void *data, const struct attend_dying *dying)
{
        struct attendant *a = data;
        uint64_t budget_ns = a->side->options->budget_ns;
        struct attended *t = attended_find(&a->roll, dying->pid);
        struct slot *slot = t && !t->captured ? slots_free(&a->slots) : NULL;

        if (slot) {
                t->captured = true;
                atomic_store(&a->side->shared->busy_with_dead, true);
                /* First: where memory is out even a word to the watcher needs some, also when we are in the same group. */
                slots_make_room(&a->slots);
                tell(a, &t->target, ARMED_DYING, 0, "");
                attended_identify(t);
                slot_begin(&a->slots, slot, t, dying, budget_ns, a->side->options->census);
                return true;
        }
        /* A straggler of one that was captured is let go at once; the others while there is time. */
        if (t && !t->captured && clock_monotonic_ns() < dying->first_stop_ns + budget_ns)
                return false;
        attend_let_go(a->attend, dying->pid);
        if (t && !t->captured) {
                t->captured = true;
                tell(a, &t->target, ARMED_FAILED, 0,
                     "others died at the same moment, and the time for it was used up (--kill-budget)");
        }
        return true;
}

static void on_gone(void *data, pid_t pid)
{
        struct attendant *a = data;
        struct attended *t = attended_remove(&a->roll, pid);

        for (unsigned i = 0; i < a->slots.n; i++)
                if (t && a->slots.items[i].target == t) {
                        a->slots.items[i].gone = true;
                        return; /* the slot's now */
                }
        if (t && !t->captured)
                tell(a, &t->target, ARMED_ENDED, 0, "");
        attended_free(t);
}

/* --- captures */

/* The memory of a process that is being killed is freed now, in our time (Linux 5.15, else ENOSYS). */
static void release_memory(const struct target *t)
{
#ifdef SYS_process_mrelease
        if (t->pidfd >= 0)
                syscall(SYS_process_mrelease, t->pidfd, 0);
#else
        (void)t;
#endif
}

static void write_out(struct attendant *a, struct slot *slot)
{
        struct attended *t = slot->target;
        pid_t writer = fork();

        if (writer == 0) {
                if (!slot->gone)
                        release_memory(&t->target);
                armed_write(a->side, slot->kill, t, slot->signal, slot->dying_ns);
                _exit(0);
        }
        if (writer < 0)
                tell(a, &t->target, ARMED_FAILED, 0, "no process could be made to write the bundle");
        if (slot->gone)
                attended_free(t);
        slot_renew(&a->slots, slot);
}

static void let_go(struct attendant *a, struct slot *slot)
{
        if (slot->let_go_ns)
                return;
        at_kill_let_go(slot->kill);
        attend_let_go(a->attend, slot->target->target.pid);
        slot->let_go_ns = clock_monotonic_ns();
}

/* Do what is due; the time of the next. */
static uint64_t tend(struct attendant *a)
{
        /* A fork takes time from captures, and makes each page that they write to a copy: writers come after. */
        bool capturing = slots_capture(&a->slots);
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < a->slots.n; i++) {
                struct slot *slot = &a->slots.items[i];
                enum slot_state state = slot_state(slot);
                uint64_t now = clock_monotonic_ns(), due;

                if (state == SLOT_FREE || state == SLOT_RENEWING)
                        continue;
                /* The budget is hard: the thread may hang in a read that only the victim's end ends. */
                if (state == SLOT_TAKEN || now >= slot->end_ns)
                        let_go(a, slot);
                if (state == SLOT_TAKEN && (slot->gone || now >= slot->let_go_ns + GONE_NS)) {
                        if (capturing)
                                continue; /* done_fd will tell */
                        write_out(a, slot);
                        continue;
                }
                due = slot->let_go_ns == 0 ? slot->end_ns : slot->let_go_ns + GONE_NS;
                if (state == SLOT_TAKEN || slot->let_go_ns == 0)
                        next = due < next ? due : next;
        }
        return next;
}

/* --- the loop */

static void hear(struct attendant *a)
{
        struct armed_question q;
        ssize_t n;

        while ((n = recv(a->side->asked_fd, &q, sizeof(q), MSG_DONTWAIT)) == sizeof(q) && !a->ending)
                answer(a, &q);
        if (n == 0)
                a->ending = true;
}

static void drain(int fd)
{
        char bytes[8 * sizeof(struct signalfd_siginfo)];

        while (read(fd, bytes, sizeof(bytes)) > 0)
                ;
}

static void attend_all(struct attendant *a)
{
        struct pollfd fds[] = {{.fd = a->signal_fd, .events = POLLIN},
                               {.fd = a->done_fd, .events = POLLIN},
                               {.fd = a->side->asked_fd, .events = POLLIN}};

        for (;;) {
                uint64_t next, tend_ns, now, wait_ns = ARMED_BEAT_NS;
                struct timespec wait;
                struct attended *unknown;

                /* Emptied before the look: what comes in between is seen then. */
                drain(a->signal_fd);
                drain(a->done_fd);
                next = attend_handle(a->attend);
                tend_ns = tend(a);
                tell_untold(a);
                if (a->ending && !attend_is_busy(a->attend) && !slots_busy(&a->slots) && !a->untold)
                        return;
                atomic_store(&a->side->shared->busy_with_dead, slots_busy(&a->slots));
                atomic_fetch_add(&a->side->shared->beats, 1);
                now = clock_monotonic_ns();
                next = tend_ns < next ? tend_ns : next;
                if (a->counts && now >= a->look_ns) {
                        attended_look(&a->roll);
                        a->look_ns = now + ARMED_BEAT_NS;
                }
                unknown = attended_unidentified(&a->roll);
                if (unknown)
                        next = now; /* nobody is waited for */
                if (next < now + wait_ns)
                        wait_ns = next > now ? next - now : 0;
                wait = (struct timespec){.tv_sec = (time_t)(wait_ns / NS_PER_S),
                                         .tv_nsec = (long)(wait_ns % NS_PER_S)};
                /* Its end is readable for ever. */
                if (ppoll(fds, a->ending ? 2 : 3, &wait, NULL) > 0) {
                        if (fds[2].revents)
                                hear(a);
                        fds[2].revents = 0;
                } else if (unknown) {
                        attended_identify(unknown);
                        if (a->counts)
                                kill_count_open(&unknown->target, &unknown->kills);
                }
        }
}

static int prepare(struct attendant *a, sigset_t *chld)
{
        struct attend_calls calls = {
                .dying = on_dying, .gone = on_gone, .data = a, .signals = UINT64_C(1) << (SIGKILL - 1)};
        struct kmsg log;
        int r;

        if (a->side->options->on_crash)
                calls.signals |= crash_signals();
        a->untold_end = &a->untold;
        a->counts = armed_log_open(KMSG_FROM_NOW, &log) < 0;
        if (!a->counts)
                kmsg_close(&log);
        sigemptyset(chld);
        sigaddset(chld, SIGCHLD);
        a->signal_fd = signalfd(-1, chld, SFD_CLOEXEC | SFD_NONBLOCK);
        a->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (a->signal_fd < 0 || a->done_fd < 0)
                return -errno;
        /* The threads that take captures inherit it, the writers do not. */
        priority_raise();
        r = slots_make(&a->slots, ATTENDED_MAX_THREADS, a->done_fd);
        priority_raise_alone(PRIORITY_ATTEND);
        survive_lock_memory(NULL);
        return r == 0 ? attend_new(&calls, ATTENDED_MAX, ATTENDED_MAX_THREADS, &a->attend) : r;
}

void armed_attendant_main(const struct armed_side *s)
{
        static struct attendant a;
        sigset_t chld;

        a.side = s;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != s->parent)
                _exit(1);
        prctl(PR_SET_NAME, "swansong-attend");
        if (prepare(&a, &chld) < 0)
                _exit(1);
        (void)!write(s->asked_fd, "", 1); /* armed_open() waits for it */
        attend_all(&a);
        _exit(0);
}
