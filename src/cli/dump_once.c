/* SPDX-License-Identifier: MIT */
#include "cli/dump_once.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "capture/collectors/binaries.h"
#include "cli/report_child.h"

/* Room for the text of 500,000 mappings. */
#define MAPS_MAX ((size_t)64 << 20)

/* Start swansong-report for the bundle at `path`, or with path NULL for one whose path comes through path_fd. */
static pid_t start(const char *path, int path_fd, int binaries_fd, const struct dump_options *options,
                   struct diag *d)
{
        char binaries_text[16], path_text[16];
        const char *argv[10];
        int n = 0;

        argv[n++] = "swansong-report";
        if (options->save)
                argv[n++] = "--save";
        if (!options->lines)
                argv[n++] = "--no-lines";
        if (binaries_fd >= 0) {
                snprintf(binaries_text, sizeof(binaries_text), "%d", binaries_fd);
                argv[n++] = "--binaries";
                argv[n++] = binaries_text;
        }
        if (path) {
                argv[n++] = "--";
                argv[n++] = path;
        } else {
                snprintf(path_text, sizeof(path_text), "%d", path_fd);
                argv[n++] = "--bundle-from";
                argv[n++] = path_text;
        }
        argv[n] = NULL;

        fflush(stdout);
        return report_child_start(argv, !options->print, d);
}

pid_t dump_report_start(const char *path, int binaries_fd, const struct dump_options *options, struct diag *d)
{
        return start(path, -1, binaries_fd, options, d);
}

/* swansong-report, started before the capture: it loads its libraries meanwhile, and waits to be told the bundle's path. */
struct report_ahead {
        pid_t child; /* negative: could not be started, the diag says why */
        int path_fd;
        int binaries_fd;
        struct diag why;
};

static void report_begin(struct report_ahead *a, const struct target *t, const struct dump_options *options)
{
        _cleanup_buf_ struct buf maps = BUF_GROWING(MAPS_MAX);
        _cleanup_fd_ int from = -1, inherited = -1;
        int ends[2];

        *a = (struct report_ahead){.child = -1, .path_fd = -1, .binaries_fd = -1};
        if (pipe2(ends, O_CLOEXEC) < 0) {
                diag_set(&a->why, -errno, "no report: pipe: %s", strerror(errno));
                return;
        }
        from = ends[0];
        a->path_fd = ends[1];
        inherited = dup(from);
        if (file_read_at(t->proc_fd, "maps", &maps) == 0)
                a->binaries_fd = binaries_open(t, &maps, BINARIES_MAX);
        a->child = start(NULL, inherited, a->binaries_fd, options, &a->why);
}

/* With the path it makes the report, with NULL it ends at once.  0, or -errno with d filled. */
static int report_end(struct report_ahead *a, const char *path, struct diag *d)
{
        int status;

        if (path && a->child > 0)
                file_write_all(a->path_fd, path,
                               strlen(path) + 1); /* EPIPE: it has died, its status says how */
        fd_closep(&a->path_fd);
        status = a->child > 0 ? report_child_wait(a->child, d) : diag_set(d, a->child, "%s", a->why.text);
        binaries_close(a->binaries_fd);
        if (status > 0 && path)
                return diag_set(d, -EIO, "swansong-report ended with status %d; the bundle is complete: %s",
                                status, path);
        return status;
}

int dump_once(const struct capture_request *request, const struct dump_options *options,
              struct dump_result *ret, struct diag *d)
{
        struct capture_request ahead = *request;
        struct capture_outcome outcome;
        struct dump_result result = {0};
        struct report_ahead report;
        int r;

        if (options->report) {
                report_begin(&report, request->target, options);
                ahead.has_binaries = true;
        }
        r = capture_run(&ahead, &outcome, d);
        if (options->report) {
                struct diag why = {0};

                result.report_failed = report_end(&report, r < 0 ? NULL : outcome.path, &why) < 0;
                if (r == 0 && result.report_failed)
                        *d = why;
        }
        if (r < 0)
                return r;
        result.incomplete = outcome.incomplete || result.report_failed;
        result.path = take_ptr(outcome.path);
        capture_outcome_done(&outcome);
        *ret = result;
        return 0;
}
