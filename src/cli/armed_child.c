/* SPDX-License-Identifier: MIT */
#include "cli/armed_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "capture/at_kill.h"
#include "cli/kill_log.h"
#include "cli/oom_words.h"
#include "cli/options.h"
#include "cli/survive.h"
#include "injector/attend.h"
#include "injector/priority.h"

/* Room for the threads of one process; a table of 1 MiB. */
#define MAX_THREADS 20000

/* After the last thread was let go: the memory of a large process takes a while to be freed (26 us per MiB). */
#define GONE_NS (2 * NS_PER_S)

#define HISTORY_WAIT_MS 1000

struct child {
        const struct armed_child *a;
        struct attend *attend;
        struct at_kill *kill;
        struct kmsg kmsg;
        bool has_kmsg, gone;
};

void armed_child_say(const struct armed_child *a, enum armed_word word, const char *text, uint32_t n_threads,
                     bool incomplete)
{
        struct armed_message m = {.word = word, .n_threads = n_threads, .incomplete = incomplete};

        snprintf(m.text, sizeof(m.text), "%s", text);
        send(a->fd, &m, sizeof(m), MSG_NOSIGNAL);
}

static void on_dying(void *data, const struct attend_dying *dying)
{
        struct child *c = data;

        at_kill_take(c->kill, dying);
}

static void on_gone(void *data, pid_t pid)
{
        struct child *c = data;

        (void)pid;
        c->gone = true;
}

/* Answer the kernel until the target is gone; once its memory was copied, only so long as it may take to die. */
static void attend_to_the_end(struct child *c)
{
        sigset_t chld;
        uint64_t taken_ns = 0;

        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        while (!c->gone) {
                uint64_t again = attend_handle(c->attend), now = clock_monotonic_ns(),
                         wait_ns = 10 * NS_PER_S;
                struct timespec t;

                if (at_kill_taken(c->kill)) {
                        if (taken_ns == 0)
                                taken_ns = now;
                        if (now - taken_ns > GONE_NS)
                                return;
                        wait_ns = 10 * NS_PER_MS;
                }
                if (again != UINT64_MAX)
                        wait_ns = again > now ? again - now : 0;
                t.tv_sec = (time_t)(wait_ns / NS_PER_S);
                t.tv_nsec = (long)(wait_ns % NS_PER_S);
                if (!c->gone)
                        sigtimedwait(&chld, NULL, &t);
        }
}

void armed_child_history(const struct armed_child *a, struct buf *ret)
{
        struct pollfd p = {.fd = a->fd, .events = POLLIN};
        char byte;

        if (poll(&p, 1, HISTORY_WAIT_MS) == 1 && recv(a->fd, &byte, 1, 0) == 1 &&
            a->shared->history_len < sizeof(a->shared->history)) {
                *ret = BUF_FIXED(a->shared->history, sizeof(a->shared->history));
                ret->len = a->shared->history_len;
        }
}

static void write_bundle(struct child *c, const struct oom_kill *kill, const struct buf *kmsg)
{
        const struct armed_child *a = c->a;
        char empty[1] = "", words[1024];
        struct buf history = BUF_FIXED(empty, sizeof(empty)), sentence = BUF_FIXED(words, sizeof(words));
        struct capture_outcome outcome;
        struct diag d = {0};
        int r;

        if (kill)
                oom_words(kill, &sentence);
        else
                buf_str(&sentence, "killed by SIGKILL; whether the kernel did it for memory could not be "
                                   "seen (no access to the kernel's log, or a PID namespace of our own)");
        armed_child_say(a, ARMED_KILLED, words, 0, false);
        armed_child_history(a, &history);
        r = at_kill_write(c->kill,
                          &(struct capture_request){.target = a->target,
                                                    .out_dirfd = a->dirfd,
                                                    .out_dir = a->dir_name,
                                                    .trigger_kind = "kill",
                                                    .trigger_sentence = words,
                                                    .guarantee = "at-kill",
                                                    .history = &history,
                                                    .storm = storm_shared()},
                          kmsg, &outcome, &d);
        if (r < 0)
                armed_child_say(a, ARMED_FAILED, d.text, 0, false);
        else
                armed_child_say(a, ARMED_BUNDLE, outcome.path, 0, outcome.incomplete);
}

void armed_child_main(const struct armed_child *a)
{
        struct child c = {.a = a};
        struct attend_calls calls = {
                .dying = on_dying, .gone = on_gone, .data = &c, .signals = 1ull << (SIGKILL - 1)};
        _cleanup_buf_ struct buf text = BUF_GROWING(KILL_LOG_TEXT_MAX);
        struct oom_kill *kill = NULL;
        struct diag d = {0};
        sigset_t all;
        int r;

        /* Nobody would tell of the bundle, nor stop us. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != a->parent)
                _exit(1);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        r = at_kill_make(a->target, a->budget_ns, &c.kill, &d);
        if (r == 0)
                r = attend_new(&calls, 1, MAX_THREADS, &c.attend) < 0
                            ? diag_set(&d, -ENOMEM, "%s", strerror(ENOMEM))
                            : 0;
        /* The log names PIDs of the initial namespace: in another one they mean other processes. */
        c.has_kmsg = pid_namespace_is_initial() && kmsg_open(&c.kmsg, KMSG_FROM_NOW, NULL) == 0;
        survive_lock_memory(NULL);
        priority_raise();
        if (r == 0)
                r = attend_add(c.attend, a->target->pid, &d);
        if (r < 0) {
                armed_child_say(a, ARMED_REFUSED, d.text, 0, false);
                _exit(1);
        }
        armed_child_say(a, ARMED_READY, "", (uint32_t)r, false);
        attend_to_the_end(&c);
        if (at_kill_taken(c.kill))
                kill = c.has_kmsg ? kill_log_find(&c.kmsg, a->target->pid, 0, KILL_LOG_WAIT_NS, &text) : NULL;
        if (at_kill_taken(c.kill) && (kill || !c.has_kmsg))
                write_bundle(&c, kill, c.has_kmsg ? &text : NULL);
        else
                armed_child_say(a, ARMED_OTHER_END, "", 0, false);
        _exit(0);
}
