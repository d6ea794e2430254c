/* SPDX-License-Identifier: MIT */
/* A report of a recorder alone: there is no bundle, and no /proc of the process any more. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/heap/recorder_report.h"
#include "arch/arch.h"
#include "base/buf.h"
#include "base/size.h"

static char *exe_base(const char *exe, struct pool *pool)
{
        const char *slash = strrchr(exe, '/');

        return pool_strdup(pool, slash && slash[1] ? slash + 1 : exe);
}

/* The first thread's name is the process's. */
static char *comm_of(const struct recorder *rec, struct pool *pool)
{
        for (size_t i = 0; i < rec->tables[RECORDER_THREADS].count; i++) {
                struct recorder_thread t;

                if (recorder_get_stable(rec, RECORDER_THREADS, i, &t, sizeof(t)) && t.tid == rec->head.pid &&
                    t.name[0])
                        return pool_strndup(pool, t.name, strnlen(t.name, sizeof(t.name)));
        }
        return rec->head.exe[0] ? exe_base(rec->head.exe, pool) : NULL;
}

static void say_fate(const struct recorder *rec, enum recorder_fate fate, struct buf *out)
{
        switch (fate) {
        case RECORDER_FATE_ALIVE:
                buf_str(out, "the process is alive: this is its recorder as it stands now");
                break;
        case RECORDER_FATE_KILLED:
                buf_str(out,
                        "the process was killed, or ended without coming to its exit; its recorder stayed");
                break;
        case RECORDER_FATE_REBOOTED:
                buf_str(out, "the process did not come to its exit, and the machine has restarted since; its "
                             "recorder stayed");
                break;
        case RECORDER_FATE_REPLACED:
                buf_str(out, "the process went on as another program (exec), without the agent: this is what "
                             "was recorded before");
                break;
        case RECORDER_FATE_FINISHED:
                buf_str(out, "the process has finished");
                if (rec->head.exit_status >= 0)
                        buf_printf(out, " with status %" PRId32, rec->head.exit_status);
                buf_str(out, "; its recorder was kept");
                break;
        case RECORDER_FATE_UNKNOWN:
                buf_str(out,
                        "a recorder from another PID namespace: whether its process lives cannot be seen");
                break;
        }
}

static void say_kill(const struct report_kill *k, struct buf *out)
{
        char size[SIZE_TEXT];

        buf_str(out, "killed by the kernel for memory");
        if (k->scope && strcmp(k->scope, "machine") == 0)
                buf_str(out, ": the machine had no memory left");
        else if (k->group)
                buf_printf(out, ": memory group %.200s had used up its limit", k->group);
        if (k->group && amount_known(k->limit))
                buf_printf(out, " of %s", size_format(k->limit, size));
        buf_str(out, "; nobody watched, its recorder stayed");
}

int recorder_identify(const struct recorder *rec, enum recorder_fate fate, struct report *r)
{
        const struct recorder_header *h = &rec->head;
        const struct arch *arch = arch_by_machine(h->machine);
        char text[512];
        struct buf sentence = BUF_FIXED(text, sizeof(text));

        if (r->kill)
                say_kill(r->kill, &sentence);
        else
                say_fate(rec, fate, &sentence);
        r->complete = true;
        r->machine = arch ? arch->name : NULL;
        r->time_ns = recorder_realtime(h, recorder_last_ns(rec));
        r->trigger.kind = "recorder";
        r->trigger.guarantee = "recorder";
        r->trigger.sentence = pool_strdup(&r->pool, text);
        r->process.pid = h->pid <= INT32_MAX ? (int32_t)h->pid : 0;
        r->process.uid = h->uid;
        r->process.comm = comm_of(rec, &r->pool);
        r->process.exe = h->exe[0] ? pool_strdup(&r->pool, h->exe) : NULL;
        r->process.state = recorder_fate_word(fate);
        r->process.start_time_ns = h->flags & RECORDER_LOADED_LATE ? REPORT_UNKNOWN : h->began_realtime_ns;
        return r->trigger.sentence && (!h->exe[0] || (r->process.comm && r->process.exe)) ? 0 : -ENOMEM;
}

void recorder_last_size(struct report *r)
{
        const struct report_kill *k = r->kill;
        uint64_t least = amount_less(r->heap.live_bytes, r->heap.live_error);

        if (k && k->was_target && k->group && amount_known(k->limit) && !r->cgroup.path) {
                r->memory.limit = k->limit;
                r->memory.limit_used = k->usage;
                r->memory.limit_source = k->group;
        }
        if (amount_known(r->memory.rss))
                return;
        if (k && k->was_target && amount_known(k->anon_rss)) {
                r->memory.anon = k->anon_rss;
                r->memory.file = k->file_rss;
                r->memory.shmem = k->shmem_rss;
                r->memory.rss = REPORT_UNKNOWN;
                amount_add(&r->memory.rss, k->anon_rss);
                amount_add(&r->memory.rss, k->file_rss);
                amount_add(&r->memory.rss, k->shmem_rss);
                r->memory.page_tables = k->page_tables;
                r->memory.source = "kmsg";
        } else if (r->n_history > 0 && r->history[r->n_history - 1].rss >= least) {
                const struct report_sample *s = &r->history[r->n_history - 1];

                r->memory.rss = s->rss;
                r->memory.anon = s->anon;
                r->memory.file = s->file;
                r->memory.shmem = s->shmem;
                r->memory.swap = s->swap;
                r->memory.source = "history";
        }
}
