/* SPDX-License-Identifier: MIT */
/* The writer: a process forked from the attendant when a capture has been taken and the victim let go.  It finds out from the
 * kernel's log whose kill that was, asks the watcher for the samples before it, and writes the bundle; the attendant goes on. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/oom/storm.h"
#include "cli/armed/internal.h"
#include "cli/armed/crash_words.h"
#include "cli/kill_log.h"
#include "cli/oom_words.h"
#include "cli/options.h"

#define HISTORY_WAIT_NS NS_PER_S
#define HISTORY_LOOK_US 2000

/* The kernel writes its report before it kills. */
#define REPORT_BEFORE_NS (10 * NS_PER_S)

unsigned armed_history_place(const struct armed_side *s)
{
        unsigned place = atomic_fetch_add(&s->shared->histories_used, 1) % ARMED_HISTORIES;

        atomic_store(&s->shared->histories[place].there, false);
        return place;
}

void armed_history_take(const struct armed_side *s, unsigned place, uint64_t end_ns, struct buf *sentence,
                        struct buf *ret)
{
        struct armed_history *h = &s->shared->histories[place];
        uint64_t until = clock_monotonic_ns() + HISTORY_WAIT_NS;

        while (!atomic_load(&h->there) && clock_monotonic_ns() < until)
                usleep(HISTORY_LOOK_US);
        if (!atomic_load(&h->there) || h->len > sizeof(h->text))
                return;
        *ret = BUF_FIXED(h->text, sizeof(h->text));
        ret->len = h->len;
        earlier_words(&h->earlier, end_ns, sentence);
}

static void write_bundle(const struct armed_side *s, struct at_kill *k, const struct target *t,
                         uint64_t dying_ns, const char *kind, struct buf *sentence, const struct buf *kmsg)
{
        char empty[1] = "";
        struct buf history = BUF_FIXED(empty, sizeof(empty));
        unsigned place = armed_history_place(s);
        struct capture_outcome outcome;
        struct diag d = {0};
        int r;

        armed_tell(s, t, ARMED_KILLED, place, false, sentence->data, 0);
        armed_history_take(s, place, dying_ns, sentence, &history);
        r = at_kill_write(k,
                          &(struct capture_request){.target = t,
                                                    .out_dirfd = s->options->dirfd,
                                                    .out_dir = s->options->dir_name,
                                                    .trigger_kind = kind,
                                                    .trigger_sentence = sentence->data,
                                                    .guarantee = "at-kill",
                                                    .history = &history,
                                                    .storm = storm_shared()},
                          kmsg, &outcome, &d);
        if (r < 0)
                armed_tell(s, t, ARMED_FAILED, 0, false, d.text, 0);
        else
                armed_tell(s, t, ARMED_BUNDLE, 0, outcome.incomplete, outcome.path, 0);
}

int armed_log_open(enum kmsg_start start, struct kmsg *ret)
{
        return pid_namespace_is_initial() ? kmsg_open(ret, start, NULL) : -EXDEV;
}

/* Without the log: what the memory group's count tells. */
static void unlogged_words(const struct attended *a, struct buf *out)
{
        uint64_t n;

        if (kill_count_since(&a->kills, &n) < 0)
                buf_str(out, "killed by SIGKILL; whether the kernel did it for memory could not be seen");
        else if (n > 0)
                buf_str(out,
                        "killed by SIGKILL as the kernel killed for memory: its memory group counts a kill "
                        "of this moment");
        else
                buf_str(out, "killed by SIGKILL, it seems not for memory: its memory group counts no kill of "
                             "this moment");
        buf_str(out, " (no access to the kernel's log, or a PID namespace of our own)");
}

/* By SIGKILL: the kernel's, or somebody's. */
static void write_kill(const struct armed_side *s, struct at_kill *k, const struct attended *a,
                       uint64_t dying_ns)
{
        const struct target *t = &a->target;
        _cleanup_buf_ struct buf text = BUF_GROWING(KILL_LOG_TEXT_MAX);
        struct kmsg kmsg;
        struct oom_kill *kill;
        char words[1024];
        struct buf sentence = BUF_FIXED(words, sizeof(words));

        if (armed_log_open(KMSG_FROM_OLDEST, &kmsg) < 0) {
                unlogged_words(a, &sentence);
                write_bundle(s, k, t, dying_ns, "kill", &sentence, NULL);
                return;
        }
        kill = kill_log_find(&kmsg, t->pid, dying_ns > REPORT_BEFORE_NS ? dying_ns - REPORT_BEFORE_NS : 0,
                             KILL_LOG_WAIT_NS, &text);
        if (!kill) {
                armed_tell(s, t, ARMED_ENDED, 0, false, "", 0);
                return;
        }
        oom_words(kill, &sentence);
        write_bundle(s, k, t, dying_ns, "kill", &sentence, &text);
}

void armed_write(const struct armed_side *s, struct at_kill *k, const struct attended *a, int signal,
                 uint64_t dying_ns)
{
        char words[512], empty[1] = "";
        struct buf sentence = BUF_FIXED(words, sizeof(words)), kmsg = BUF_FIXED(empty, sizeof(empty));

        armed_tell(s, &a->target, ARMED_DYING, 1, false, "", 0);
        if (signal == SIGKILL) {
                write_kill(s, k, a, dying_ns);
                return;
        }
        crash_words(signal, &sentence);
        write_bundle(s, k, &a->target, dying_ns, "crash", &sentence, &kmsg);
}
