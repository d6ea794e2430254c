/* SPDX-License-Identifier: MIT */
/* Any bytes as the bundle's own tables: fd.txt, threads.tsv, history.tsv. */
#include <math.h>
#include <stdlib.h>
#include "analysis/fds.h"
#include "analysis/history.h"
#include "analysis/thread_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        const struct report_sample *samples;
        const struct thread_row *threads;
        struct pool pool = {0};
        struct growth growth;
        struct fds fds;
        size_t n;

        (void)fds_parse(text, size, &pool, &fds);
        (void)thread_rows_parse(text, size, &pool, &threads, &n);
        if (samples_parse(text, size, &pool, &samples, &n) == 0) {
                growth = samples_growth(samples, n, offsetof(struct report_sample, rss));
                if (growth.n > n || isinf(growth.bytes_per_s))
                        abort();
        }
        pool_free(&pool);
        return 0;
}
