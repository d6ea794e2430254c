/* SPDX-License-Identifier: MIT */
#include "cli/armed/held_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory_group.h"
#include "base/size.h"
#include "capture/at_kill.h"
#include "cli/kill_log.h"
#include "cli/oom_words.h"
#include "cli/options.h"
#include "cli/survive.h"
#include "injector/priority.h"
#include "injector/resume.h"
#include "injector/tracees.h"
#include "injector/tracer.h"

/* How long threads may take to stop: those that were woken need a CPU first. */
#define STOP_NS (500 * NS_PER_MS)

/* Room for the registers of so many. */
#define MAX_THREADS 32768

/* Usage that is so near to the limit is at it: each CPU keeps up to 64 pages in stock. */
#define NEAR_BYTES (UINT64_C(1) << 20)

struct held {
        const struct held_child *a;
        struct at_kill *kill;
        struct identity id;
        bool taken;
        struct kmsg kmsg;
        bool has_kmsg;
        uint64_t limit_ns; /* when it stood at the limit */
        char groups[4096]; /* the target's, at the start, as far as they fit */
        struct tracees tracees;
        int error; /* of holding */
};

/* A thread stands still: what the interrupt has done to its system call is undone at once. */
static void on_stopped(void *arg, size_t i)
{
        struct held *h = arg;
        unsigned char registers[ARCH_GREGS_MAX];
        pid_t tid = h->tracees.list[i].tid;

        if (tracee_registers(tid, registers, arch_host()->gregs_size) == 0)
                resume_unnoticed(tid, registers);
}

static void on_interrupted(void *arg)
{
        struct held *h = arg;

        brake_wake(h->a->brake);
}

static void copy(struct held *h)
{
        struct tracees *t = &h->tracees;
        struct attend_dying held = {.pid = t->pid, .first_stop_ns = t->begin_ns};
        _cleanup_free_ pid_t *tids = malloc((t->n + 1) * sizeof(*tids));

        for (size_t i = 0; i < t->n; i++) {
                if (t->list[i].state == TRACEE_STOPPED && tids)
                        tids[held.n_tids++] = t->list[i].tid;
                else if (t->list[i].state != TRACEE_GONE)
                        held.n_missing++;
        }
        held.tids = tids;
        at_kill_begin(h->kill, h->a->target, &h->id, &held, h->a->side.options->budget_ns,
                      h->a->side.options->census);
        at_kill_take(h->kill);
        h->taken = true;
}

/* The limit is back before anything is copied, the kill when all has been.  In the tracer, whose end lets go of threads that did not stop. */
static void hold(void *arg)
{
        struct held *h = arg;
        struct tracees *t = &h->tracees;

        h->error = tracees_make(h->a->target->proc_fd, h->a->target->pid, t);
        if (h->error < 0)
                return;
        t->interrupted = on_interrupted;
        t->interrupted_arg = h;
        h->error = deadline_make(&t->deadline);
        if (h->error == 0) {
                tracees_list(t);
                tracees_seize(t, STOP_NS);
                tracees_stop(t, STOP_NS, on_stopped, h);
                brake_settle(h->a->brake);
                copy(h);
                brake_restore(h->a->brake);
                tracees_release(t);
                at_kill_let_go(h->kill);
                deadline_free(&t->deadline);
        }
        tracees_done(t);
}

static void nothing_beside(void *arg)
{
        (void)arg;
}

static bool is_counted(int event_fd)
{
        eventfd_t count;

        return event_fd >= 0 && eventfd_read(event_fd, &count) == 0;
}

/* The limit is the last of the brake's knobs. */
static bool is_full(const struct brake *b)
{
        char path[PATH_MAX + 32], text[64];
        struct buf usage = BUF_FIXED(text, sizeof(text));

        snprintf(path, sizeof(path), "%s/memory.usage_in_bytes", b->note.dir);
        return file_read_at(AT_FDCWD, path, &usage) == 0 &&
               memory_group_limit_parse(text) + NEAR_BYTES >= b->note.knobs[b->note.n - 1].original;
}

static void read_groups(const struct held *h, struct buf *ret)
{
        buf_reset(ret);
        file_read_at(h->a->target->proc_fd, "cgroup", ret);
}

/* Is the process still where it was?  Else it is not this limit that it will be killed for. */
static bool has_moved(const struct held *h)
{
        char text[sizeof(h->groups)];
        struct buf now = BUF_FIXED(text, sizeof(text));

        read_groups(h, &now);
        return strcmp(text, h->groups) != 0;
}

/* Until somebody sleeps at the limit: true; false: the target has ended. */
static bool wait_for_limit(const struct held *h)
{
        const struct oom_event *e = h->a->event;
        struct pollfd p[] = {{.fd = e->oom_fd, .events = POLLIN},
                             {.fd = e->pressure_fd, .events = POLLIN},
                             {.fd = h->a->target->pidfd, .events = POLLIN}};

        for (;;) {
                if (poll(p, ARRAY_SIZE(p), -1) < 0)
                        continue;
                if (is_counted(e->oom_fd) || (is_counted(e->pressure_fd) && is_full(h->a->brake)))
                        return true;
                if (p[2].revents)
                        return false;
        }
}

static void write_sentence(const struct brake *b, const struct oom_kill *kill, struct buf *out)
{
        char limit[SIZE_TEXT];

        buf_printf(out,
                   "memory group %s reached its limit of %s, and was held there until the capture was done "
                   "(--hold)",
                   b->note.dir, size_format(b->note.knobs[b->note.n - 1].original, limit));
        if (kill) {
                buf_str(out, "; then: ");
                oom_words(kill, out);
        }
}

static void write_bundle(struct held *h)
{
        const struct held_child *a = h->a;
        const struct armed_side *s = &a->side;
        _cleanup_buf_ struct buf kmsg = BUF_GROWING(KILL_LOG_TEXT_MAX);
        struct oom_kill *kill =
                h->has_kmsg ? kill_log_find(&h->kmsg, a->target->pid, h->limit_ns, KILL_LOG_WAIT_NS, &kmsg)
                            : NULL;
        char empty[1] = "", words[2048];
        struct buf history = BUF_FIXED(empty, sizeof(empty)), sentence = BUF_FIXED(words, sizeof(words));
        struct capture_outcome outcome;
        struct diag d = {0};
        unsigned place;
        int r;

        write_sentence(a->brake, kill, &sentence);
        if (!kill)
                buf_reset(&kmsg);
        place = armed_history_place(s);
        armed_tell(s, a->target, ARMED_HELD, place, false, words, 0);
        armed_history_take(s, place, h->limit_ns, &sentence, &history);
        r = at_kill_write(h->kill,
                          &(struct capture_request){.target = a->target,
                                                    .out_dirfd = s->options->dirfd,
                                                    .out_dir = s->options->dir_name,
                                                    .trigger_kind = "hold",
                                                    .trigger_sentence = words,
                                                    .guarantee = "held",
                                                    .history = &history,
                                                    .storm = storm_shared()},
                          h->has_kmsg ? &kmsg : NULL, &outcome, &d);
        if (r < 0)
                armed_tell(s, a->target, ARMED_FAILED, 0, false, d.text, 0);
        else
                armed_tell(s, a->target, ARMED_BUNDLE, 0, outcome.incomplete, outcome.path, 0);
}

/* Who interrupts it must be a process that may: said now, not at the limit. */
static int check_permission(const struct held *h, struct diag *d)
{
        _cleanup_fd_ int mem = openat(h->a->target->proc_fd, "mem", O_RDONLY | O_CLOEXEC);

        return mem < 0 ? diag_set(d, -errno, "PID %d: its threads may not be stopped: %s", h->a->target->pid,
                                  strerror(errno))
                       : 0;
}

void held_child_main(const struct held_child *a)
{
        static struct held h;
        struct buf groups = BUF_FIXED(h.groups, sizeof(h.groups));
        struct diag d = {0};
        sigset_t all;
        int r;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != a->side.parent)
                _exit(1);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        prctl(PR_SET_NAME, "swansong-hold");
        h.a = a;
        read_groups(&h, &groups);
        r = check_permission(&h, &d);
        if (r == 0)
                r = at_kill_make(MAX_THREADS, &h.kill) < 0 ? diag_set(&d, -ENOMEM, "%s", strerror(ENOMEM))
                                                           : 0;
        identity_read(a->target, &h.id);
        /* The log names PIDs of the initial namespace: in another one they mean other processes. */
        h.has_kmsg = armed_log_open(KMSG_FROM_NOW, &h.kmsg) == 0;
        survive_lock_memory(NULL);
        priority_raise();
        if (r < 0) {
                armed_tell(&a->side, a->target, ARMED_REFUSED, 0, false, d.text, 0);
                _exit(1);
        }
        armed_tell(&a->side, a->target, ARMED_READY, a->target->n_threads, false, "", 0);
        if (wait_for_limit(&h) && !has_moved(&h)) {
                h.limit_ns = clock_monotonic_ns();
                brake_reached(a->brake);
                armed_tell(&a->side, a->target, ARMED_DYING, 0, false, "", MSG_DONTWAIT);
                r = tracer_run(hold, nothing_beside, &h);
        }
        if (r == 0 && h.error == 0 && h.taken)
                write_bundle(&h);
        else
                armed_tell(&a->side, a->target, ARMED_ENDED, 0, false, "", 0);
        _exit(0);
}
