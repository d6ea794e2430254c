/* SPDX-License-Identifier: MIT */
/* collect - run the table of collectors.def: copy what /proc, /sys and the kernel say into the bundle.
 *
 * Internal to src/capture. The collectors run in a child process (collect_run()): a read of /proc may hang
 * for as long as somebody holds the target's mmap_lock, and a statx of a file on a dead file server for ever.
 * Such a child is killed and the next one goes on behind the section that hung.
 */
#ifndef SWANSONG_CAPTURE_COLLECT_H
#define SWANSONG_CAPTURE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory_group.h"
#include "base/target.h"
#include "bundle/writer.h"
#include "capture/cpu_time.h"
#include "capture/collectors/inode_set.h"
#include "census/how.h"

enum scope {
        SCOPE_PROCESS,
        SCOPE_THREAD,
        SCOPE_RELATIVE,
        SCOPE_GROUP,
        SCOPE_MACHINE,
        SCOPE_LASTING,
        SCOPE_MATCHING,
        SCOPE_SPECIAL,
        SCOPE_TABLE
};

/* At least as many as collectors.def has rows. */
#define COLLECT_ROWS_MAX 128

struct collect;

/* One row of collectors.def. */
struct collector {
        const char *group;
        enum scope scope;
        const char *name;
        uint64_t cap;         /* bytes of one file */
        uint64_t deadline_ns; /* duration */
        bool optional;
        void (*make)(struct collect *c, const struct collector *row); /* SPECIAL, TABLE: writes the section */
        bool (*applies)(const struct collect *c);                     /* NULL, or is it wanted here? */
};

/* In memory that is shared with the collecting process. */
struct collect_progress {
        size_t row;           /* the first row of the neighbourhood that is being taken */
        size_t next;          /* the row behind it */
        uint64_t deadline_ns; /* CLOCK_MONOTONIC: when it should be done */
        struct cpu_time cpu;  /* of the collecting process, when the row began, or was given more time */
        bool target_died;
};

struct collect {
        const struct target *target;
        const struct target *
                process; /* NULL: target; else its first thread has ended, and target is as another one shows it */
        struct bundle_writer *writer;
        const char *only; /* NULL: all groups */
        bool with_environ;
        const struct memory_group *group; /* where the target is or was, instead of asking /proc; or NULL */
        enum census_how census;
        bool with_contents; /* of some blocks of the heap: they may hold secrets */
        bool with_malloc_info;
        bool without_tables; /* the machine's processes and groups were copied a moment ago */
        pid_t ns_pid;        /* the target's PID in its own PID namespace */
        bool own_process;    /* we are the child: namespaces may be changed, we end soon */
        bool moved;          /* they were: this thread is in the target's network namespace */
        uint64_t
                end_ns; /* CLOCK_MONOTONIC: no row begins or goes on after it; 0: each has its own deadline only */
        bool *later; /* by row: there was no time for it, and it can be had afterwards; NULL: there is no afterwards */
        const bool *chosen; /* by row: only these; NULL: all */
        int cpu_fd;         /* in the collecting process: cpu_time.h of it */
        struct collect_progress *progress;
        struct inode_set sockets; /* the inodes of the target's sockets, once its descriptors were read */
        bool sockets_known;
        bool target_died; /* set by collect_run() */
        int *recorder_fd; /* where the target's memory is waited for: only open its recorder, for remains.h; or NULL */
        char *buffer; /* COLLECT_BUFFER bytes, for whoever is at it */
};

/* The kernel's seq_files give at most a few pages per read(), and smaps of 60,000 mappings has 60 MB: nothing
 * is ever held as a whole. */
#define COLLECT_BUFFER 65536

/* Take all rows.  0, or -errno when not even the collecting process could be set up. */
int collect_run(struct collect *c);

/* Does --only ask for the group? */
bool collect_wants(const char *only, const char *group);

/* The table, and the group `stacks`, for messages. */
extern const struct collector collectors[];
extern const size_t n_collectors;

/* Has the target ended meanwhile?  Remembered once seen. */
bool collect_target_died(struct collect *c);

/* Is the time of the rows that are being taken over?  What a busy machine gave the collecting process no CPU for does not
 * count, unless all has to end (c->end_ns). */
bool collect_late(const struct collect *c);

/* Copy dirfd/name into the section `path`, at most row->cap bytes, no read after the deadline.  With a
 * family, the file counts for it, and one whose owner has ended (ESRCH, ENOENT) is passed over.  0, or -errno
 * when nothing could be read: then that has been noted. */
int copy_file(struct collect *c, int dirfd, const char *name, const char *path, const struct collector *row,
              struct section_family *family);

/* The same from an open file. */
int copy_fd(struct collect *c, int fd, const char *path, const struct collector *row,
            struct section_family *family);

#endif
