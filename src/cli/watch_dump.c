/* SPDX-License-Identifier: MIT */
#include "cli/watch_dump.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "capture/capture.h"
#include "cli/dump_once.h"
#include "cli/hook.h"
#include "cli/keep.h"
#include "cli/watch_signals.h"

/* Less free space than this is no use: a bundle of a process with few threads takes 1 to 4 MB. */
#define FREE_MIN (UINT64_C(8) << 20)

/* For the whole of the program's life, so that nothing has to be allocated when memory is out. */
static char history_memory[HISTORY_TEXT_MAX];

void watch_say(struct live_line *live, const char *format, ...)
{
        struct diag d;
        va_list args;
        char text[sizeof(d.text)];

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        diag_set(&d, 0, "%s", text);
        live_line_erase(live);
        fprintf(stderr, "swansong watch: %s\n", d.text);
}

void watch_dump_prepare(void)
{
        memset(history_memory, '\n', sizeof(history_memory));
}

static int check_space(const struct watch_dumps *w)
{
        struct statvfs fs;
        uint64_t free_bytes;
        char text[SIZE_TEXT];

        /* A file system that counts no blocks says nothing. */
        if (fstatvfs(w->dir, &fs) < 0 || fs.f_blocks == 0)
                return 0;
        free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
        if (free_bytes >= FREE_MIN)
                return 0;
        watch_say(w->live, "%s: only %s free, no dump is taken below 8 MiB", w->dir_name,
                  size_format(free_bytes, text));
        return -ENOSPC;
}

/* The bundle is complete, with or without a report. */
static void announce(struct watch_dumps *w, const char *path)
{
        const char *slash = strrchr(path, '/');
        struct diag d;

        live_line_erase(w->live);
        if (printf("bundle: %s\n", path) < 0 || fflush(stdout) != 0)
                watch_say(w->live, "cannot write to stdout (%s); the bundle is %s", strerror(errno), path);
        if (w->options->exec && hook_start(w->options->exec, path, &d) < 0)
                watch_say(w->live, "%s", d.text);
        if (w->options->keep > 0 &&
            keep_newest(w->dir, slash ? slash + 1 : path, watch_targets_are_looked_for(&w->options->targets) ? w->options->targets.exe : NULL,
                        w->options->keep, &d) < 0)
                watch_say(w->live, "%s", d.text);
}

static void job_done(struct watch_dumps *w, struct dump_job *job, int status)
{
        _cleanup_free_ char *path = take_ptr(job->path);

        job->child = 0;
        if (WIFSIGNALED(status))
                watch_say(w->live,
                          "no report: swansong-report was killed by signal %d; `swansong report` can "
                          "try again",
                          WTERMSIG(status));
        else if (WEXITSTATUS(status) != 0)
                watch_say(w->live, "no report: swansong-report ended with status %d", WEXITSTATUS(status));
        if (status != 0)
                w->incomplete = true;
        announce(w, path);
}

/* A free place for a job; when there is none, wait for the first. */
static struct dump_job *job_place(struct watch_dumps *w)
{
        int status;

        for (size_t i = 0; i < DUMP_JOBS; i++)
                if (w->jobs[i].child == 0)
                        return &w->jobs[i];
        while (waitpid(w->jobs[0].child, &status, 0) < 0 && errno == EINTR)
                ;
        job_done(w, &w->jobs[0], status);
        return &w->jobs[0];
}

static void start_report(struct watch_dumps *w, struct capture_outcome *outcome)
{
        const struct dump_options options = {.report = true, .save = true, .lines = true};
        struct dump_job *job = job_place(w);
        struct diag d;
        pid_t child = dump_report_start(outcome->path, outcome->binaries_fd, &options, &d);

        if (child < 0) {
                watch_say(w->live, "no report: %s", d.text);
                w->incomplete = true;
                announce(w, outcome->path);
                return;
        }
        *job = (struct dump_job){.child = child, .path = take_ptr(outcome->path)};
}

int watch_dump_take(struct watch_dumps *w, const struct target *t, const struct history *history,
                    const struct dump_reason *why)
{
        struct buf text = BUF_FIXED(history_memory, sizeof(history_memory));
        struct capture_request request = {.target = t,
                                          .out_dirfd = w->dir,
                                          .out_dir = w->dir_name,
                                          .trigger_kind = why->kind,
                                          .trigger_sentence = why->sentence,
                                          .guarantee = "early",
                                          .untraced = why->untraced,
                                          .untraced_data = why->untraced_data,
                                          .history = &text};
        struct capture_outcome outcome;
        struct diag d = {0};
        int r = check_space(w);

        if (r < 0) {
                w->incomplete = true;
                return r;
        }
        history_write(history, &text);
        watch_signals_dump_begin();
        r = capture_run(&request, &outcome, &d);
        watch_signals_dump_end();
        if (r < 0) {
                watch_say(w->live, "no dump: %s", d.text);
                w->incomplete = true;
                return r;
        }
        w->taken++;
        w->incomplete = w->incomplete || outcome.incomplete;
        watch_say(w->live, "%s (%d): %s", t->comm, t->pid, why->sentence);
        if (w->options->report)
                start_report(w, &outcome);
        else
                announce(w, outcome.path);
        capture_outcome_done(&outcome);
        return 0;
}

void watch_dump_publish(struct watch_dumps *w, char *path, int binaries_fd, bool incomplete)
{
        struct capture_outcome outcome = {.path = path, .binaries_fd = binaries_fd};

        w->taken++;
        w->incomplete = w->incomplete || incomplete;
        if (w->options->report)
                start_report(w, &outcome);
        else
                announce(w, outcome.path);
        free(outcome.path);
}

void watch_dump_reap(struct watch_dumps *w)
{
        int status;
        pid_t child;

        /* Hooks, and collectors that capture_run() had given up, are ours to reap, too. */
        while ((child = waitpid(-1, &status, WNOHANG)) > 0)
                for (size_t i = 0; i < DUMP_JOBS; i++)
                        if (w->jobs[i].child == child)
                                job_done(w, &w->jobs[i], status);
}

bool watch_dump_busy(const struct watch_dumps *w)
{
        for (size_t i = 0; i < DUMP_JOBS; i++)
                if (w->jobs[i].child != 0)
                        return true;
        return false;
}

void watch_dump_abort(struct watch_dumps *w)
{
        for (size_t i = 0; i < DUMP_JOBS; i++)
                if (w->jobs[i].child != 0)
                        kill(w->jobs[i].child, SIGKILL);
}
