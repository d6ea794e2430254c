/* SPDX-License-Identifier: MIT */
/* attended - the roll of the processes that are attended.
 *
 * Whoever is put on it is seized before anything else is learnt of it: 40 us, instead of 160.  Sixteen processes of a group that
 * fills up are all attended before the first one's executable has been looked at; that comes later, one process at a time.
 * All calls come from the attendant. */
#ifndef SWANSONG_CLI_ARMED_ATTENDED_H
#define SWANSONG_CLI_ARMED_ATTENDED_H

#include "base/target.h"
#include "capture/manifest.h"
#include "cli/armed/kill_count.h"
#include "injector/attend.h"

/* Room for the threads of all together: a table of 1 MiB. */
#define ATTENDED_MAX         1024
#define ATTENDED_MAX_THREADS 32768

struct attended {
        struct target target;
        struct identity id;
        bool identified;         /* `id` has been read */
        bool captured;           /* its end has been told, or a writer will */
        struct kill_count kills; /* of its group, where the kernel's log is of no use; else none */
};

struct attended_roll {
        struct attended *items[ATTENDED_MAX];
        unsigned n;
};

/* The one with that PID, or NULL. */
struct attended *attended_find(const struct attended_roll *roll, pid_t pid);

/* Seize it and put it on the roll.  Returns its number of threads, or -errno with d filled; *ret_tracer is then who traces it, 0
 * if that is not the reason. */
int attended_add(struct attended_roll *roll, struct attend *attend, pid_t pid, uint64_t start_ticks,
                 pid_t *ret_tracer, struct diag *d);

/* Take it off; the caller frees it.  NULL: it is not there. */
struct attended *attended_remove(struct attended_roll *roll, pid_t pid);
void attended_free(struct attended *t);

/* Learn what can be learnt of it only while it is there. */
void attended_identify(struct attended *t);

/* Look at the kill counts, of those that have one. */
void attended_look(const struct attended_roll *roll);

/* One of those of whom that is not known yet; NULL: there is none. */
struct attended *attended_unidentified(const struct attended_roll *roll);

#endif
