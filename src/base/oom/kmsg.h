/* SPDX-License-Identifier: MIT */
/* kmsg - the kernel's log, record by record, from /dev/kmsg or from a saved copy of it.
 *
 * Only reads.  One record (Documentation/ABI/testing/dev-kmsg),
 * PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT and then perhaps properties, each on a line that begins
 * with a blank: 3,36598,3525542288,-;Memory cgroup out of memory: Killed process 31548 (hog)
 * total-vm:313180kB, ... 6,345,2352006657,-,caller=T4711;clock probe\x0asecond line of the same record
 *    SUBSYSTEM=memory
 * Traps: PRIORITY is facility * 8 + level, and whoever may write /dev/kmsg can put any text there, but never
 * with facility 0, the kernel's own. Bytes outside printable ASCII, and the backslash, come as \xNN. "caller"
 * is there with CONFIG_PRINTK_CALLER only. Time is the scheduler's clock: CLOCK_MONOTONIC to a few ms.
 * Records that were overwritten before we came to read them show as a jump in the sequence.
 */
#ifndef SWANSONG_BASE_OOM_KMSG_H
#define SWANSONG_BASE_OOM_KMSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

/* The longest record that any kernel hands out: CONSOLE_EXT_LOG_MAX, since Linux 3.5. */
#define KMSG_RECORD_MAX 8192

#define KMSG_FACILITY_KERNEL 0

struct kmsg_record {
        unsigned facility, level;
        uint64_t seq;
        uint64_t time_ns;   /* since boot, comparable with CLOCK_MONOTONIC to a few ms */
        uint64_t lost;      /* records overwritten unread just before this one (kmsg_read only) */
        const char *caller; /* "T4711" (a thread) or "C0" (a CPU's interrupt), not NUL-terminated */
        size_t caller_len;  /* 0: the kernel does not say */
        const char *text;   /* unescaped: any bytes, newlines too; not NUL-terminated */
        size_t text_len;
};

/* Read one record.  `raw` is changed: the text is unescaped in place, and *ret points into it.  The
 * properties behind the text are left out. 0 or -EINVAL (not a record). */
int kmsg_record_parse(char *raw, size_t len, struct kmsg_record *ret);

struct kmsg {
        int fd;
        uint64_t next_seq; /* what the next record should have; UINT64_MAX before the first */
        char raw[KMSG_RECORD_MAX + 1];
};

enum kmsg_start {
        KMSG_FROM_OLDEST, /* everything that the ring buffer still holds, then what comes */
        KMSG_FROM_NOW,
};

/* Open /dev/kmsg.  0, or -errno with d filled: -EPERM and -EACCES (kernel.dmesg_restrict without CAP_SYSLOG,
 * or the file's mode), -ENOENT (a container without it). */
int kmsg_open(struct kmsg *k, enum kmsg_start start, struct diag *d);
void kmsg_close(struct kmsg *k);

/* The next record: 1 with *ret (valid until the next call), 0 when there is none now (poll k->fd for POLLIN),
 * or -errno.  A record that is not understood is skipped. */
int kmsg_read(struct kmsg *k, struct kmsg_record *ret);

/* Append everything that the ring buffer holds, one record per line as /dev/kmsg hands it out, without the properties
 * behind the text.  0 or -errno. */
int kmsg_copy(struct buf *out);

#define _cleanup_kmsg_ _cleanup_(kmsg_close)

#endif
