/* SPDX-License-Identifier: MIT */
#include "analysis/process.h"

#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/clock.h"
#include "base/target.h"
#include "bundle/reader.h"

/* Clock ticks per second in /proc: USER_HZ, 100 in the kernel's ABI on x86_64 and aarch64. */
#define USER_HZ 100

static const char *copy_text(struct source *s, const struct buf *b)
{
        return b->len ? pool_strndup(s->pool, b->data, b->len - (b->data[b->len - 1] == '\n')) : NULL;
}

/* "arg0\0arg1\0": the arguments joined by blanks. */
static const char *cmdline_text(struct source *s, struct buf *b)
{
        while (b->len > 0 && b->data[b->len - 1] == '\0')
                b->len--;
        for (size_t i = 0; i < b->len; i++)
                if (b->data[i] == '\0')
                        b->data[i] = ' ';
        return b->len ? pool_strndup(s->pool, b->data, b->len) : NULL;
}

static uint64_t boot_time_ns(struct source *s)
{
        struct {
                uint64_t btime_s;
        } stat = {REPORT_UNKNOWN};
        static const struct key_field fields[] = {{"btime", 0}};
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);

        if (amount_known(s->manifest.boot_time_ns))
                return s->manifest.boot_time_ns;
        if (source_read(s, &b, true, "proc/stat") == 0)
                key_value_fill(b.data, b.len, fields, ARRAY_SIZE(fields), &stat);
        return amount_times(stat.btime_s, NS_PER_S);
}

/* What the /proc files say comes first, the manifest is asked where they are lost. */
int process_fill(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        const struct manifest *m = &s->manifest;
        uint64_t ticks = m->start_ticks, hz = amount_or(m->clock_ticks, USER_HZ);
        const struct status *status = &s->status;
        struct stat_brief brief;

        r->process.pid = s->pid;
        if (source_read(s, &b, false, "proc/%d/status", s->pid) == 0 &&
            status_parse(b.data, b.len, s->pool, &s->status) < 0)
                return -ENOMEM;
        r->process.ppid = REPORT_UNKNOWN_INT;
        if (amount_or(status->ppid, m->ppid) <= INT32_MAX)
                r->process.ppid = (int32_t)amount_or(status->ppid, m->ppid);
        r->process.uid = (uint32_t)amount_or(status->uid, m->uid);
        r->process.n_threads = amount_or(status->threads, m->threads_listed);
        r->process.state = status->state ? status->state : m->state;
        r->process.condition = m->condition;
        if (source_read(s, &b, true, "proc/%d/comm", s->pid) == 0)
                r->process.comm = copy_text(s, &b);
        if (source_read(s, &b, true, "proc/%d/stat", s->pid) == 0 &&
            stat_brief_parse(b.data, b.len, &brief) == 0) {
                ticks = brief.start_ticks;
                if (!r->process.comm)
                        r->process.comm = pool_strdup(s->pool, brief.comm);
        }
        if (!r->process.comm)
                r->process.comm = m->comm;
        if (source_read(s, &b, false, "proc/%d/cmdline", s->pid) == 0)
                r->process.cmdline = cmdline_text(s, &b);
        r->process.exe = m->exe;
        if (m->exe && m->exe_deleted) {
                buf_reset(&b);
                buf_printf(&b, "%s (deleted)", m->exe);
                r->process.exe = copy_text(s, &b);
        }
        r->process.build_id = m->build_id;
        r->process.group = r->cgroup.path;
        r->process.namespaces = m->namespaces;
        r->process.n_namespaces = m->n_namespaces;
        r->process.start_time_ns = REPORT_UNKNOWN;
        if (hz > 0)
                r->process.start_time_ns = amount_sum(boot_time_ns(s), amount_times(ticks, NS_PER_S / hz));
        return 0;
}
