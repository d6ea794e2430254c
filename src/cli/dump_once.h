/* SPDX-License-Identifier: MIT */
/* dump_once - capture a target into a bundle, then have the report made: what dump and watch share. */
#ifndef SWANSONG_CLI_DUMP_ONCE_H
#define SWANSONG_CLI_DUMP_ONCE_H

#include <stdbool.h>

#include "base/diag.h"
#include "capture/capture.h"

struct dump_options {
        bool report; /* make a report */
        bool print;  /* and show the text on stdout */
        bool save;   /* keep it in the bundle: report.txt and report.json */
        bool lines;  /* file:line and inlined functions too */
};

struct dump_result {
        char *path;         /* the bundle (malloc'ed) */
        bool incomplete;    /* exit status 4 */
        bool report_failed; /* the bundle is there, the report is not; the diag says why */
};

/* 0 with *ret filled (when report_failed, d is filled too), or -errno with d filled and no bundle left
 * behind. */
int dump_once(const struct capture_request *request, const struct dump_options *options,
              struct dump_result *ret, struct diag *d);

/* Only start making the report of a finished bundle: the child's PID, or -errno with d filled. */
pid_t dump_report_start(const char *path, int binaries_fd, const struct dump_options *options,
                        struct diag *d);

#endif
