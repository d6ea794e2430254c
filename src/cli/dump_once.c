/* SPDX-License-Identifier: MIT */
#include "cli/dump_once.h"

#include <errno.h>
#include <stdio.h>

#include "cli/report_child.h"

pid_t dump_report_start(const char *path, int binaries_fd, const struct dump_options *options, struct diag *d)
{
        char fd_text[16];
        const char *argv[8];
        int n = 0;

        argv[n++] = "swansong-report";
        argv[n++] = "--save";
        if (!options->lines)
                argv[n++] = "--no-lines";
        if (binaries_fd >= 0) {
                snprintf(fd_text, sizeof(fd_text), "%d", binaries_fd);
                argv[n++] = "--binaries";
                argv[n++] = fd_text;
        }
        argv[n++] = "--";
        argv[n++] = path;
        argv[n] = NULL;

        fflush(stdout);
        return report_child_start(argv, !options->print, d);
}

static int make_report(const char *path, int binaries_fd, const struct dump_options *options, struct diag *d)
{
        pid_t child = dump_report_start(path, binaries_fd, options, d);
        int status;

        if (child < 0)
                return (int)child;
        status = report_child_wait(child, d);
        if (status > 0)
                return diag_set(d, -EIO, "swansong-report ended with status %d; the bundle is complete: %s",
                                status, path);
        return status;
}

int dump_once(const struct capture_request *request, const struct dump_options *options,
              struct dump_result *ret, struct diag *d)
{
        struct capture_outcome outcome;
        struct dump_result result = {0};
        int r = capture_run(request, &outcome, d);

        if (r < 0)
                return r;
        if (options->report)
                result.report_failed = make_report(outcome.path, outcome.binaries_fd, options, d) < 0;
        result.incomplete = outcome.incomplete || result.report_failed;
        result.path = take_ptr(outcome.path);
        capture_outcome_done(&outcome);
        *ret = result;
        return 0;
}
