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
#include "cli/earlier.h"
#include "cli/watch/live_line.h"
#include "cli/stock.h"
#include "cli/watch/options.h"
#include "trigger/history.h"

/* Reports that are being made at the same time; one more waits for the oldest. */
#define DUMP_JOBS 4

struct dump_job {
        pid_t child; /* 0: free */
        char *path;  /* the bundle */
        char *ramp;  /* the name of the first bundle of its ramp, or NULL */
};

/* Commands (--exec) whose end is heard of; more may run. */
#define DUMP_HOOKS 16

struct dump_hook {
        pid_t child; /* 0: free */
        char *name;  /* of the bundle */
};

struct watch_dumps {
        const struct watch_options *options;
        int dir;
        char *dir_name;
        struct live_line *live;
        struct dump_job jobs[DUMP_JOBS];
        struct dump_hook hooks[DUMP_HOOKS];
        struct stock stock;  /* with --max-disk */
        uint64_t last_bytes; /* of the disk, the last bundle */
        uint64_t taken;
        bool incomplete; /* some dump failed or lacks something */
};

/* Touch the memory that a dump needs. */
void watch_dump_prepare(void);

/* Why a dump is taken. */
struct dump_reason {
        const char *kind, *sentence;
        char **ramp; /* NULL: it belongs to no ramp; else its first bundle's name, which this one gives if there is none */
        void (*untraced)(void *data); /* as in struct capture_request */
        void *untraced_data;
        struct earlier *earlier; /* the dump is noted here */
};

/* Begin to watch it: its older bundles count for --max-disk. */
void watch_dump_adopt(struct watch_dumps *w, const struct target *t);

/* Capture the target.  0, or -errno (already said on stderr). */
int watch_dump_take(struct watch_dumps *w, const struct target *t, const struct history *history,
                    const struct dump_reason *why);

/* A bundle that the attending process has written: have its report made and name it.  `path` is taken over;
 * binaries_fd stays the caller's and must live until the next call to watch_dump_reap().
 * `ramp`: the first bundle of the ramp that ended so, or NULL. */
void watch_dump_publish(struct watch_dumps *w, char *path, int binaries_fd, bool incomplete,
                        const char *ramp);

/* Look after the children that have ended (SIGCHLD). */
void watch_dump_reap(struct watch_dumps *w);

/* Are reports being made? */
bool watch_dump_busy(const struct watch_dumps *w);

/* Do commands of --exec still run? */
bool watch_dump_hooks_run(const struct watch_dumps *w);

/* Free what it holds. */
void watch_dump_done(struct watch_dumps *w);

/* Give up the reports that are being made; their bundles are complete without. */
void watch_dump_abort(struct watch_dumps *w);

/* One line on stderr, with the live line out of its way. */
void watch_say(struct live_line *live, const char *format, ...) _printf_(2, 3);

#endif
