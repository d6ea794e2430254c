/* SPDX-License-Identifier: MIT */
/* Any bytes as processes.tsv and groups.tsv. */
#include <stdlib.h>

#include "analysis/machine/processes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct process_table table = {0};
        struct report_system s = {0};
        struct pool pool = {0};

        if (process_table_parse(text, size, &pool, &table) == 0 && machine_processes(&table, &pool, &s) == 0)
                for (size_t i = 0; i < s.n_processes; i++)
                        if (s.processes[i].pid <= 0)
                                abort();
        if (machine_groups(text, size, &table, &pool, &s) == 0)
                for (size_t i = 0; i < s.n_groups; i++)
                        if (!s.groups[i].path)
                                abort();
        pool_free(&pool);
        return 0;
}
