/* SPDX-License-Identifier: MIT */
/* watch_dump - take the dumps of a watcher: capture now, have the report made beside, then name the bundle,
 * run the hook and remove older ones.
 *
 * While a report is being made the watcher goes on watching.  A dump that fails is said in one line and does
 * not end anything.
 */
#ifndef SWANSONG_CLI_WATCH_DUMP_H
#define SWANSONG_CLI_WATCH_DUMP_H

#include "base/target.h"
#include "cli/live_line.h"
#include "cli/watch_options.h"
#include "trigger/history.h"

/* Reports that are being made at the same time; one more waits for the oldest. */
#define DUMP_JOBS 4

struct dump_job {
        pid_t child; /* 0: free */
        char *path;  /* the bundle */
};

struct watch_dumps {
        const struct watch_options *options;
        int dir;
        char *dir_name;
        struct live_line *live;
        struct dump_job jobs[DUMP_JOBS];
        uint64_t taken;
        bool incomplete; /* some dump failed or lacks something */
};

/* Touch the memory that a dump needs. */
void watch_dump_prepare(void);

/* Why a dump is taken. */
struct dump_reason {
        const char *kind, *sentence;
        void (*untraced)(void *data); /* as in struct capture_request */
        void *untraced_data;
};

/* Capture the target.  0, or -errno (already said on stderr). */
int watch_dump_take(struct watch_dumps *w, const struct target *t, const struct history *history,
                    const struct dump_reason *why);

/* A bundle that the attending process has written: have its report made and name it.  `path` is taken over;
 * binaries_fd stays the caller's and must live until the next call to watch_dump_reap(). */
void watch_dump_publish(struct watch_dumps *w, char *path, int binaries_fd, bool incomplete);

/* Look after the children that have ended (SIGCHLD). */
void watch_dump_reap(struct watch_dumps *w);

/* Are reports being made? */
bool watch_dump_busy(const struct watch_dumps *w);

/* Give up the reports that are being made; their bundles are complete without. */
void watch_dump_abort(struct watch_dumps *w);

/* One line on stderr, with the live line out of its way. */
void watch_say(struct live_line *live, const char *format, ...) _printf_(2, 3);

#endif
