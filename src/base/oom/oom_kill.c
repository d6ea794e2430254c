/* SPDX-License-Identifier: MIT */
#include "base/oom/oom_kill.h"

#include <stdlib.h>

#define USAGE_UNKNOWN ((struct oom_usage){OOM_UNKNOWN, OOM_UNKNOWN, OOM_UNKNOWN})

#define OOM_CAUSE_UNKNOWN                                                                                    \
        ((struct oom_cause){.invoked_ns = OOM_UNKNOWN,                                                       \
                            .trigger_pid = OOM_UNKNOWN_INT,                                                  \
                            .trigger_oom_score_adj = OOM_UNKNOWN_INT,                                        \
                            .order = OOM_UNKNOWN_INT,                                                        \
                            .memory = USAGE_UNKNOWN,                                                         \
                            .memsw = USAGE_UNKNOWN,                                                          \
                            .kmem = USAGE_UNKNOWN,                                                           \
                            .swap = USAGE_UNKNOWN,                                                           \
                            .ram_pages = OOM_UNKNOWN,                                                        \
                            .total_swap = OOM_UNKNOWN,                                                       \
                            .free_swap = OOM_UNKNOWN})

struct oom_kill *oom_kill_new(void)
{
        struct oom_kill *k = malloc(sizeof(*k));

        if (!k)
                return NULL;
        *k = (struct oom_kill){
                .why = OOM_CAUSE_UNKNOWN,
                .pid = OOM_UNKNOWN_INT,
                .oom_score_adj = OOM_UNKNOWN_INT,
                .uid = OOM_UNKNOWN,
                .total_vm = OOM_UNKNOWN,
                .anon_rss = OOM_UNKNOWN,
                .file_rss = OOM_UNKNOWN,
                .shmem_rss = OOM_UNKNOWN,
                .page_tables = OOM_UNKNOWN,
                .text = BUF_GROWING(OOM_TEXT_MAX),
        };
        return k;
}

void oom_kill_free(struct oom_kill *k)
{
        if (!k)
                return;
        buf_done(&k->text);
        free(k->tasks);
        free(k);
}

const struct oom_task *oom_kill_victim_task(const struct oom_kill *k)
{
        for (size_t i = 0; i < k->n_tasks; i++)
                if (k->tasks[i].pid == k->pid)
                        return &k->tasks[i];
        return NULL;
}

uint64_t oom_kill_rss(const struct oom_kill *k)
{
        uint64_t sum;

        if (k->anon_rss == OOM_UNKNOWN || k->file_rss == OOM_UNKNOWN)
                return OOM_UNKNOWN;
        if (__builtin_add_overflow(k->anon_rss, k->file_rss, &sum))
                return OOM_UNKNOWN;
        /* shmem-rss was split from file-rss in Linux 4.5. */
        if (k->shmem_rss != OOM_UNKNOWN && __builtin_add_overflow(sum, k->shmem_rss, &sum))
                return OOM_UNKNOWN;
        return sum;
}

/* Charges are taken in batches: usage at its limit may be so much below. */
#define BATCH_BYTES (UINT64_C(1) << 20)

static bool is_full(const struct oom_usage *u)
{
        return u->usage != OOM_UNKNOWN && u->limit != OOM_UNKNOWN && u->limit != OOM_UNLIMITED &&
               u->usage + BATCH_BYTES >= u->limit;
}

const struct oom_usage *oom_kill_limit_hit(const struct oom_kill *k)
{
        return is_full(&k->why.memsw) && !is_full(&k->why.memory) ? &k->why.memsw : &k->why.memory;
}
