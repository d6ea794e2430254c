/* SPDX-License-Identifier: MIT */
#include "cli/run/left.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/json_out.h"
#include "base/recorder/recorder_dir.h"
#include "base/recorder/recorder_head.h"
#include "capture/remains.h"
#include "cli/dump_once.h"
#include "cli/keep.h"
#include "cli/kill_log.h"
#include "cli/oom_words.h"
#include "cli/options.h"
#include "cli/report_child.h"

/* Does the bundle's manifest say that it was taken at the kill?  In our own writer's spelling. */
static bool is_at_kill(const char *bundle)
{
        _cleanup_fd_ int dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_buf_ struct buf text = BUF_GROWING(1 << 20), wanted = BUF_GROWING(4096);
        struct json_out j = {.buf = &wanted};

        json_put_string(&j, "guarantee", "at-kill");
        return dir >= 0 && !wanted.cut && file_read_at(dir, "manifest.json", &text) == 0 &&
               memmem(text.data, text.len, wanted.data, wanted.len);
}

/* The watcher's bundle of this process's end, or NULL. */
static const char *watchers_bundle(const struct run_left *l, pid_t pid)
{
        for (unsigned i = 0; i < l->n_bundles; i++) {
                const char *slash = strrchr(l->bundles[i], '/');
                struct bundle_label label;

                if (bundle_label_parse(slash ? slash + 1 : l->bundles[i], &label) == 0 &&
                    atoi(strrchr(label.target, '.') + 1) == pid && is_at_kill(l->bundles[i]))
                        return l->bundles[i];
        }
        return NULL;
}

/* The kernel's word about the end of `pid`, or NULL. */
static struct oom_kill *find_kill(struct run_left *l, pid_t pid, struct buf *text)
{
        _cleanup_kmsg_ struct kmsg k = {.fd = -1};
        uint64_t wait_ns = l->waited ? 0 : KILL_LOG_WAIT_NS;

        if (!pid_namespace_is_initial() || kmsg_open(&k, KMSG_FROM_OLDEST, NULL) < 0)
                return NULL;
        l->waited = true;
        return kill_log_find(&k, pid, l->since_ns, wait_ns, text);
}

/* The bundle's report, and its name on stdout. */
static int publish(struct run_left *l, const char *path, struct diag *d)
{
        const struct dump_options options = {.report = true, .save = true, .lines = true};
        pid_t child = l->options->report ? dump_report_start(path, -1, &options, d) : 0;
        int r = child < 0 ? child : 0;

        if (child > 0) {
                r = report_child_wait(child, d);
                if (r > 0)
                        r = diag_set(d, -EIO, "no report: swansong-report ended with status %d", r);
        }
        printf("bundle: %s\n", path);
        fflush(stdout);
        l->made++;
        return r;
}

static int make_bundle(struct run_left *l, const struct remains *remains, const struct target *t,
                       const char *sentence, char **ret_path, struct diag *d)
{
        const struct capture_request request = {.target = t,
                                                .out_dirfd = l->out_dir,
                                                .out_dir = l->out_name,
                                                .trigger_kind = "kill",
                                                .trigger_sentence = sentence,
                                                .guarantee =
                                                        remains->recorder_fd >= 0 ? "recorder" : "kernel"};
        struct capture_outcome outcome;
        int r = remains_write(remains, &request, &outcome, d);

        if (r < 0)
                return r;
        fprintf(stderr, "swansong run: %s (%d): %s\n", t->comm, t->pid, sentence);
        r = publish(l, outcome.path, d);
        *ret_path = take_ptr(outcome.path);
        capture_outcome_done(&outcome);
        return r;
}

/* SIGINT, SIGTERM and SIGHUP are how users end things. */
static bool was_killed(int status)
{
        int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

        return signo != 0 && signo != SIGINT && signo != SIGTERM && signo != SIGHUP && signo != SIGPIPE;
}

static void say_signal(int status, struct buf *out)
{
        const char *name = sigabbrev_np(WTERMSIG(status));

        buf_printf(out, "killed by signal %d", WTERMSIG(status));
        if (name)
                buf_printf(out, " (SIG%s)", name);
}

/* The process of this recorder, or the command without one (head: NULL), is gone. */
static int bury(struct run_left *l, const struct target *t, int recorder_fd,
                const struct recorder_header *head, char **ret_path, struct diag *d)
{
        bool is_command = t->pid == l->command->pid;
        _cleanup_buf_ struct buf kmsg = BUF_GROWING(KILL_LOG_TEXT_MAX);
        _cleanup_oom_kill_ struct oom_kill *kill = find_kill(l, t->pid, &kmsg);
        const struct remains remains = {
                .recorder_fd = recorder_fd, .head = head, .kmsg = kill ? &kmsg : NULL};
        char text[1024] = "";
        struct buf sentence = BUF_FIXED(text, sizeof(text));

        if (!kill && (!is_command || recorder_fd < 0))
                return 0;
        if (kill)
                oom_words(kill, &sentence);
        else
                say_signal(l->status, &sentence);
        return make_bundle(l, &remains, t, text, ret_path, d);
}

/* Who it was, as far as its recorder knows. */
static struct target target_of(const struct run_left *l, const struct recorder_header *h)
{
        const char *slash = strrchr(h->exe, '/');
        struct target t = TARGET_NONE;

        if (h->pid == (uint32_t)l->command->pid)
                return *l->command;
        t.pid = h->pid <= INT32_MAX ? (pid_t)h->pid : 0;
        t.start_ticks = h->start_ticks;
        t.uid = h->uid;
        t.state = 'X';
        snprintf(t.comm, sizeof(t.comm), "%.63s", slash ? slash + 1 : h->exe);
        return t;
}

static char *in_dir(const struct run_left *l, const char *name)
{
        char *path;

        return asprintf(&path, "%s/%s", l->recorders_name, name) < 0 ? NULL : path;
}

static int take_recorder(struct run_left *l, const char *name, bool *ret_command, struct diag *d)
{
        _cleanup_fd_ int fd = openat(l->recorders, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_free_ char *path = NULL;
        char first[sizeof(struct recorder_header)];
        ssize_t n = fd < 0 ? -1 : pread(fd, first, sizeof(first), 0);
        struct recorder_header h;
        const char *bundle;
        struct target t;
        bool is_command;
        int r = 0;

        if (n < 0 || recorder_head_parse(first, (size_t)n, &h) < 0)
                return 0;
        t = target_of(l, &h);
        is_command = t.pid == l->command->pid;
        *ret_command |= is_command;
        if (!is_command && recorder_fate(&h) == RECORDER_FATE_ALIVE) {
                l->alive++;
                return 0;
        }
        bundle = watchers_bundle(l, t.pid);
        if (bundle)
                path = strdup(bundle);
        else if (h.state == RECORDER_REPLACED)
                r = bury(l, &t, -1, NULL, &path, d); /* of the program before: it says nothing of this end */
        else if (h.state != RECORDER_FINISHED && (!is_command || was_killed(l->status)))
                r = bury(l, &t, fd, &h, &path, d);
        if (is_command)
                l->source = path ? take_ptr(path) : in_dir(l, name);
        return r;
}

int run_left_report(struct run_left *l, struct diag *d)
{
        _cleanup_dir_ DIR *dir = NULL;
        _cleanup_free_ char *path = NULL;
        bool has_command = false;
        struct dirent *e;
        int first = dir_open_at(l->recorders, ".", &dir), r;
        uint64_t ticks;
        pid_t pid;

        if (first < 0)
                return diag_set(d, first, "%s: %s", l->recorders_name, strerror(-first));
        while ((e = readdir(dir))) {
                struct diag why;

                if (recorder_name_parse(e->d_name, &pid, &ticks) < 0)
                        continue;
                r = take_recorder(l, e->d_name, &has_command, &why);
                if (r < 0 && first == 0) {
                        first = r;
                        *d = why;
                }
        }
        if (!has_command && was_killed(l->status) && !watchers_bundle(l, l->command->pid)) {
                r = bury(l, l->command, -1, NULL, &path, first < 0 ? NULL : d);
                first = first < 0 ? first : r;
                l->source = take_ptr(path);
        }
        return first;
}

void run_left_done(struct run_left *l)
{
        free(l->source);
        l->source = NULL;
}
