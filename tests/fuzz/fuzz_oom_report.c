/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel log: one record per line. */
#include <stdlib.h>
#include <string.h>

#include "base/oom/oom_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct oom_log *log)
{
        struct oom_log_event e;

        while (oom_log_next(log, &e)) {
                if (e.kind != OOM_EVENT_KILL)
                        continue;
                if (e.kill->info_start + e.kill->info_len > e.kill->text.len ||
                    e.kill->n_tasks > OOM_TASKS_MAX)
                        abort();
                oom_kill_rss(e.kill);
                oom_kill_free(e.kill);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        _cleanup_free_ char *raw = malloc(size ? size : 1); /* exact size: a read past it is seen */

        if (!raw)
                return 0;
        if (size > 0)
                memcpy(raw, data, size);
        for (char *line = raw, *end = raw + size; line < end;) {
                char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t n = newline ? (size_t)(newline - line) : (size_t)(end - line);
                struct kmsg_record record;

                if (kmsg_record_parse(line, n, &record) == 0) {
                        record.facility = KMSG_FACILITY_KERNEL;
                        oom_log_feed(&log, &record);
                        drain(&log);
                }
                line += n + 1;
        }
        oom_log_flush(&log);
        drain(&log);
        return 0;
}
