/* SPDX-License-Identifier: MIT */
#include "cli/watch/dump.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "capture/capture.h"
#include "cli/dump_once.h"
#include "cli/watch/hook.h"
#include "cli/keep.h"
#include "cli/watch/signals.h"

/* What is left free, for others and for the bundle of a kill, which is written in any case: a twentieth of the file
 * system, but not more than 256 MiB, and not less than what a bundle of a process with few threads takes (1 to 4 MB)
 * twice over. */
#define RESERVE_PART 20
#define RESERVE_MAX  (UINT64_C(256) << 20)
#define RESERVE_MIN  (UINT64_C(8) << 20)

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

/* UINT64_MAX: a file system that counts no blocks says nothing. */
static uint64_t free_space(const struct watch_dumps *w, uint64_t *ret_reserve)
{
        struct statvfs fs;
        uint64_t reserve;

        if (fstatvfs(w->dir, &fs) < 0 || fs.f_blocks == 0)
                return UINT64_MAX;
        reserve = (uint64_t)fs.f_blocks * fs.f_frsize / RESERVE_PART;
        reserve = reserve > RESERVE_MAX ? RESERVE_MAX : reserve;
        *ret_reserve = (reserve < RESERVE_MIN ? RESERVE_MIN : reserve) + w->last_bytes;
        return (uint64_t)fs.f_bavail * fs.f_frsize;
}

/* Is there room for one more bundle?  With --max-disk older ones give way. */
static int check_space(struct watch_dumps *w)
{
        uint64_t reserve = 0, free_bytes = free_space(w, &reserve);
        char free_text[SIZE_TEXT], reserve_text[SIZE_TEXT];

        if (free_bytes < reserve && w->options->max_disk) {
                uint64_t missing = reserve - free_bytes;
                struct diag d;

                if (stock_trim(&w->stock, w->dir, w->stock.bytes > missing ? w->stock.bytes - missing : 0,
                               &d) < 0)
                        watch_say(w->live, "%s", d.text);
                free_bytes = free_space(w, &reserve);
        }
        if (free_bytes >= reserve)
                return 0;
        watch_say(w->live, "%s: only %s free, no dump is taken below %s; it is tried again", w->dir_name,
                  size_format(free_bytes, free_text), size_format(reserve, reserve_text));
        return -ENOSPC;
}

static const char *last_part(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Older bundles give way to this one; those whose report is being made give way to the last of them. */
static void make_room(struct watch_dumps *w, const char *name, const char *ramp)
{
        const char *busy[DUMP_JOBS + 1] = {0}, **next = busy;
        const struct keep keep = {
                .busy = busy,
                .most = w->options->keep,
                .exe = watch_targets_are_looked_for(&w->options->targets) ? w->options->targets.exe : NULL,
                .spare = ramp};
        struct diag d = {0};
        int r = 0;

        if (dir_tree_bytes(w->dir, name, &w->last_bytes) < 0)
                w->last_bytes = 0;
        for (size_t i = 0; i < DUMP_JOBS; i++)
                if (w->jobs[i].child != 0)
                        *next++ = last_part(w->jobs[i].path);
        if (keep.most > 0)
                r = keep_newest(w->dir, name, &keep, &d);
        if (r >= 0 && w->options->max_disk) {
                r = stock_add(&w->stock, w->dir, name, ramp && strcmp(ramp, name) == 0);
                if (r == -ENOENT) /* a newer one was faster, and --keep has removed it */
                        r = 0;
                else if (r < 0)
                        diag_set(&d, r, "%s: does not count for --max-disk: %s", name, strerror(-r));
                else
                        r = stock_trim(&w->stock, w->dir, w->options->max_disk, &d);
        }
        if (r < 0)
                watch_say(w->live, "%s", d.text);
}

static void hook_done(struct watch_dumps *w, struct dump_hook *hook, int status)
{
        if (WIFSIGNALED(status))
                watch_say(w->live, "--exec: killed by signal %d, for %s", WTERMSIG(status), hook->name);
        else if (WEXITSTATUS(status) != 0)
                watch_say(w->live, "--exec: ended with status %d, for %s", WEXITSTATUS(status), hook->name);
        freep(&hook->name);
        hook->child = 0;
}

static void run_hook(struct watch_dumps *w, const char *path)
{
        struct diag d;
        pid_t child = hook_start(w->options->exec, path, &d);

        if (child < 0)
                watch_say(w->live, "%s", d.text);
        for (size_t i = 0; child > 0 && i < DUMP_HOOKS; i++)
                if (w->hooks[i].child == 0) {
                        w->hooks[i] = (struct dump_hook){child, strdup(last_part(path))};
                        return;
                }
}

/* The bundle is complete, with or without a report. */
static void announce(struct watch_dumps *w, const char *path, const char *ramp)
{
        live_line_erase(w->live);
        if (printf("bundle: %s\n", path) < 0 || fflush(stdout) != 0)
                watch_say(w->live, "cannot write to stdout (%s); the bundle is %s", strerror(errno), path);
        if (w->options->exec)
                run_hook(w, path);
        make_room(w, last_part(path), ramp);
}

void watch_dump_adopt(struct watch_dumps *w, const struct target *t)
{
        char exe[PATH_MAX];
        ssize_t n = w->options->max_disk ? readlinkat(t->proc_fd, "exe", exe, sizeof(exe) - 1) : 0;
        int r;

        if (n <= 0)
                return;
        exe[n] = '\0';
        r = stock_adopt(&w->stock, w->dir, exe);
        if (r < 0)
                watch_say(w->live, "%s: older bundles do not count for --max-disk: %s", w->dir_name,
                          strerror(-r));
}

static void job_done(struct watch_dumps *w, struct dump_job *job, int status)
{
        _cleanup_free_ char *path = take_ptr(job->path), *ramp = take_ptr(job->ramp);

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
        announce(w, path, ramp);
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

static void start_report(struct watch_dumps *w, struct capture_outcome *outcome, const char *ramp)
{
        const struct dump_options options = {.report = true, .save = true, .lines = true};
        struct dump_job *job = job_place(w);
        struct diag d;
        pid_t child = dump_report_start(outcome->path, outcome->binaries_fd, &options, &d);

        if (child < 0) {
                watch_say(w->live, "no report: %s", d.text);
                w->incomplete = true;
                announce(w, outcome->path, ramp);
                return;
        }
        *job = (struct dump_job){
                .child = child, .path = take_ptr(outcome->path), .ramp = ramp ? strdup(ramp) : NULL};
}

static void publish(struct watch_dumps *w, struct capture_outcome *outcome, const char *ramp)
{
        if (w->options->report)
                start_report(w, outcome, ramp);
        else
                announce(w, outcome->path, ramp);
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
                                          .history = &text,
                                          .census = w->options->census,
                                          .storm = storm_shared()};
        struct capture_outcome outcome;
        struct diag d = {0};
        uint64_t begin_ns;
        int r = check_space(w);

        if (r < 0) {
                w->incomplete = true;
                return r;
        }
        history_write(history, &text);
        begin_ns = clock_monotonic_ns();
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
        earlier_note(why->earlier, begin_ns, last_part(outcome.path));
        if (why->ramp && !*why->ramp)
                *why->ramp = strdup(last_part(outcome.path));
        publish(w, &outcome, why->ramp ? *why->ramp : NULL);
        capture_outcome_done(&outcome);
        return 0;
}

void watch_dump_publish(struct watch_dumps *w, char *path, int binaries_fd, bool incomplete, const char *ramp)
{
        struct capture_outcome outcome = {.path = path, .binaries_fd = binaries_fd};

        w->taken++;
        w->incomplete = w->incomplete || incomplete;
        publish(w, &outcome, ramp);
        free(outcome.path);
}

void watch_dump_reap(struct watch_dumps *w)
{
        int status;
        pid_t child;

        /* Collectors that capture_run() had given up are ours to reap, too. */
        while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
                for (size_t i = 0; i < DUMP_HOOKS; i++)
                        if (w->hooks[i].child == child)
                                hook_done(w, &w->hooks[i], status);
                for (size_t i = 0; i < DUMP_JOBS; i++)
                        if (w->jobs[i].child == child)
                                job_done(w, &w->jobs[i], status);
        }
}

bool watch_dump_hooks_run(const struct watch_dumps *w)
{
        for (size_t i = 0; i < DUMP_HOOKS; i++)
                if (w->hooks[i].child != 0)
                        return true;
        return false;
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

void watch_dump_done(struct watch_dumps *w)
{
        for (size_t i = 0; i < DUMP_HOOKS; i++)
                freep(&w->hooks[i].name);
        stock_free(&w->stock);
        fd_closep(&w->dir);
        freep(&w->dir_name);
}
