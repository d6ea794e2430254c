/* SPDX-License-Identifier: MIT */
#include "cli/watch/kernel.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "capture/remains.h"
#include "cli/kill_log.h"
#include "cli/oom_words.h"
#include "cli/options.h"
#include "cli/watch/arm.h"
#include "cli/watch/loop.h"

/* What else the kernel logs is not kept for longer: no report takes that long. */
#define FORGET_NS (60 * NS_PER_S)

int watch_kernel_open(struct watcher *w, void *token, struct diag *d)
{
        struct watch_kernel *k = &w->kernel;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = token};
        int r;

        k->text = BUF_GROWING(KILL_LOG_TEXT_MAX);
        if (!pid_namespace_is_initial())
                return diag_set(d, -ESRCH, "the kernel's log names other PIDs than this PID namespace has");
        r = kmsg_open(&k->kmsg, KMSG_FROM_NOW, d);
        if (r == 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, k->kmsg.fd, &event) < 0)
                r = diag_set(d, -errno, "/dev/kmsg: %s", strerror(errno));
        if (r < 0)
                watch_kernel_close(w);
        return r;
}

void watch_kernel_close(struct watcher *w)
{
        struct watch_kernel *k = &w->kernel;

        kmsg_close(&k->kmsg);
        oom_log_done(&k->log);
        buf_done(&k->text);
}

void kernel_word_free(struct kernel_word *k)
{
        if (!k)
                return;
        oom_kill_free(k->kill);
        free(k->text);
        free(k);
}

struct watched *watch_kernel_find(struct watcher *w, pid_t pid)
{
        for (unsigned i = 0; i < w->set.n; i++)
                if (w->set.items[i]->target.pid == pid && !w->set.items[i]->ended && !w->set.items[i]->word)
                        return w->set.items[i];
        return NULL;
}

/* Its group, as found when the watch began: of a process that has ended v1's /proc/PID/cgroup says "/". */
static bool find_group(const struct watched *p, struct memory_group *ret)
{
        const struct limit_reader *l = &p->observer.limits;

        if (!l->dir || strlen(l->dir) >= PATH_MAX)
                return memory_group_find(p->target.proc_fd, ret) == 0;
        ret->version = l->version;
        snprintf(ret->mount, sizeof(ret->mount), "%.*s", (int)l->mount_len, l->dir);
        snprintf(ret->path, sizeof(ret->path), "%s", l->dir[l->mount_len] ? l->dir + l->mount_len : "/");
        strcpy(ret->kernel, ret->path);
        return true;
}

static void write_bundle(struct watcher *w, struct watched *p, const struct kernel_word *word)
{
        static char history_memory[HISTORY_TEXT_MAX];
        static struct memory_group group;
        char words[1024];
        struct buf sentence = BUF_FIXED(words, sizeof(words)),
                   history = BUF_FIXED(history_memory, sizeof(history_memory)),
                   kmsg = BUF_FIXED(word->text, word->len + 1);
        const struct remains remains = {.recorder_fd = -1,
                                        .kmsg = &kmsg,
                                        .maps = &p->maps,
                                        .threads = watch_witness_thread(p),
                                        .just_now = true,
                                        .group = find_group(p, &group) ? &group : NULL};
        const struct capture_request request = {.target = &p->target,
                                                .out_dirfd = w->dumps.dir,
                                                .out_dir = w->dumps.dir_name,
                                                .trigger_kind = "kill",
                                                .trigger_sentence = words,
                                                .guarantee = "kernel",
                                                .history = &history};
        struct capture_outcome outcome;
        struct diag d;

        kmsg.len = word->len;
        history_write(&p->observer.history, &history);
        oom_words(word->kill, &sentence);
        if (p->tracer)
                buf_printf(&sentence, "; swansong was not there because PID %d traced it", p->tracer);
        watch_say(&w->live, "%s (%d), not armed: %s", p->target.comm, p->target.pid, words);
        earlier_words(&p->earlier, word->kill->time_ns, &sentence);
        p->captured = true;
        if (remains_write(&remains, &request, &outcome, &d) < 0) {
                w->dumps.incomplete = true;
                watch_say(&w->live, "no bundle of its end: %s", d.text);
                return;
        }
        watch_dump_publish(&w->dumps, take_ptr(outcome.path), p->binaries_fd, outcome.incomplete, p->ramp);
        capture_outcome_done(&outcome);
}

void watch_kernel_last_call(struct watcher *w, struct watched *p)
{
        if (p->word && !p->captured)
                write_bundle(w, p, p->word);
}

bool watch_kernel_may_come(const struct watcher *w, const struct watched *p)
{
        return w->kernel.kmsg.fd >= 0 && !p->word && !p->captured;
}

/* Does the watch mean this process, which it does not know? */
static bool is_meant(const struct watcher *w, const struct oom_kill *kill)
{
        const struct watch_targets *t = &w->options->targets;
        size_t n = strcmp(w->group.kernel, "/") == 0 ? 0 : strlen(w->group.kernel);

        if (t->comm && fnmatch(t->comm, kill->comm, 0) != 0)
                return false;
        if (t->group)
                return strncmp(kill->task_memcg, w->group.kernel, n) == 0 &&
                       (kill->task_memcg[n] == '/' || kill->task_memcg[n] == '\0') && kill->task_memcg[0];
        return t->victim || (t->comm && !t->exe);
}

/* Takes the kill over. */
static void killed(struct watcher *w, struct oom_kill *kill)
{
        struct watched *p = watch_kernel_find(w, kill->pid);
        char words[1024];
        struct buf sentence = BUF_FIXED(words, sizeof(words));
        struct kernel_word *word;

        /* The kernel saw it before it told. */
        watch_witness_hear(w);
        if (!p) {
                if (kill->pid > 0 && is_meant(w, kill)) {
                        oom_words(kill, &sentence);
                        watch_say(&w->live, "%s (%d), not watched: %s", kill->comm, kill->pid, words);
                }
                oom_kill_free(kill);
                return;
        }
        word = calloc(1, sizeof(*word));
        if (word)
                word->text = malloc(w->kernel.text.len + 1);
        if (!word || !word->text) {
                free(word);
                oom_kill_free(kill);
                return;
        }
        word->kill = kill;
        word->len = w->kernel.text.len;
        memcpy(word->text, w->kernel.text.data, word->len);
        p->word = word;
        /* At once: every moment more of it is gone. */
        if (!watch_is_armed(p))
                watch_kernel_last_call(w, p);
        if (p->gone && !watch_is_armed(p))
                p->ended = true;
}

void watch_kernel_hear(struct watcher *w)
{
        struct watch_kernel *k = &w->kernel;
        struct kmsg_record record;
        struct oom_log_event event;

        while (k->kmsg.fd >= 0 && kmsg_read(&k->kmsg, &record) > 0) {
                if (k->text.len == 0 || record.time_ns - k->text_ns > FORGET_NS) {
                        buf_reset(&k->text);
                        k->text_ns = record.time_ns;
                }
                kill_log_keep(&k->text, &record);
                if (oom_log_feed(&k->log, &record) < 0)
                        continue;
                while (oom_log_next(&k->log, &event)) {
                        if (event.kind == OOM_EVENT_KILL)
                                killed(w, event.kill);
                        else
                                oom_kill_free(event.kill);
                }
        }
}
