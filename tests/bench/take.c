/* SPDX-License-Identifier: MIT */
/* take - stop and copy the threads of a process and write core and threads.tsv, nothing else of a dump.
 *
 *   take PID [TIMES=1 [DIR]]      without DIR nothing is written
 *
 * Prints one line per time: "THREADS STOPPED SYSCALL LOST PAUSE_NS PREPARE_NS TAKE_NS WRITE_NS CONDITION". */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/threads.h"

static int take_once(const struct target *t, int dirfd, const char *dir, struct diag *d)
{
        _cleanup_threads_ struct thread_capture *c = NULL;
        struct bundle_writer *w = NULL;
        uint64_t begin = clock_monotonic_ns(), prepared, taken;
        struct thread_totals totals;
        int r = threads_prepare(t, 0, &c, d);

        if (r < 0)
                return r;
        prepared = clock_monotonic_ns();
        r = threads_take(c);
        taken = clock_monotonic_ns();
        if (dirfd >= 0) {
                int written = bundle_create(dirfd, dir, t->comm, t->pid, clock_realtime_ns(), &w, d);

                if (written < 0)
                        return written;
                threads_write(c, w);
                written = bundle_finish(w, d);
                bundle_writer_free(w);
                if (written < 0)
                        return written;
        }
        totals = threads_totals(c);
        printf("%u %u %u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", totals.listed,
               totals.stopped, totals.syscall, totals.lost, totals.pause_ns, prepared - begin,
               taken - prepared, clock_monotonic_ns() - taken, totals.condition ? totals.sentence : "-");
        fflush(stdout);
        if (r < 0)
                return diag_set(d, r, "take: %s", strerror(-r));
        return 0;
}

int main(int argc, char **argv)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        int times = argc > 2 ? atoi(argv[2]) : 1, dirfd = -1, r;
        struct diag d = {""};

        if (argc < 2)
                return 2;
        if (argc > 3)
                dirfd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = target_open(atoi(argv[1]), &t, &d);
        while (r == 0 && times-- > 0)
                r = take_once(&t, dirfd, argc > 3 ? argv[3] : NULL, &d);
        if (r < 0)
                fprintf(stderr, "%s\n", d.text);
        return r < 0 ? 3 : 0;
}
