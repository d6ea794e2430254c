/* SPDX-License-Identifier: MIT */
#include "analysis/report_build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/amount.h"
#include "analysis/heap/census.h"
#include "analysis/cgroup.h"
#include "analysis/fds.h"
#include "analysis/heap/heaps.h"
#include "analysis/history.h"
#include "analysis/kill.h"
#include "analysis/kill_frame.h"
#include "analysis/machine/machine.h"
#include "analysis/maps.h"
#include "analysis/heap/malloc_info.h"
#include "analysis/memory.h"
#include "analysis/process.h"
#include "analysis/heap/recorder_read.h"
#include "analysis/heap/recorder_report.h"
#include "analysis/sockets.h"
#include "analysis/source.h"
#include "analysis/stacks/stacks.h"
#include "analysis/thread_rows.h"
#include "analysis/tree.h"
#include "analysis/verdict/verdict.h"
#include "analysis/where.h"
#include "base/target.h"
#include "bundle/reader.h"

/* Far more than a kernel keeps (CONFIG_LOG_BUF_SHIFT, log_buf_len=). */
#define KERNEL_LOG_MAX ((size_t)64 << 20)

/* What would have made the guarantee better. */
static const char *better_of(const char *guarantee)
{
        static const char *const words[][2] = {
                {"early", "what came after is not in it; armed (swansong watch) it would be captured at the "
                          "kill, too"},
                {"recorder", "attended by swansong watch it would have stacks and mappings, too"},
                {"kernel", "armed before the kill (swansong watch, from the start with --arm always) it "
                           "would have every stack"},
        };

        for (size_t i = 0; guarantee && i < ARRAY_SIZE(words); i++)
                if (strcmp(guarantee, words[i][0]) == 0)
                        return words[i][1];
        return NULL;
}

static int fill_manifest(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(MANIFEST_MAX);
        const struct manifest *m = &s->manifest;
        struct diag d;
        int ret;

        s->manifest = manifest_unknown;
        if (source_read(s, &b, false, "manifest.json") == 0) {
                ret = manifest_parse(b.data, b.len, s->pool, &s->manifest, &d);
                if (ret == -ENOMEM)
                        return ret;
                if (ret < 0)
                        missing_add(&s->missing, "manifest.json", false, "%s", d.text);
                else if (!m->complete)
                        missing_add(
                                &s->missing, "manifest.json", false,
                                "the capture was interrupted: what it had not written by then is not here");
        }
        s->remains = m->trigger_guarantee && (strcmp(m->trigger_guarantee, "recorder") == 0 ||
                                              strcmp(m->trigger_guarantee, "kernel") == 0);
        missing_of_manifest(&s->missing, m, s->bundle);
        if (!s->remains && !m->no_target && manifest_left_out(m, "core"))
                missing_add(&s->missing, "core", true, MANIFEST_LEFT_OUT);
        s->page_size = m->page_size;
        r->machine_only = m->no_target;
        if (m->pid > 0 && m->pid <= INT32_MAX)
                s->pid = (int32_t)m->pid;
        else if (!m->no_target && s->bundle >= 0 && bundle_find_pid(s->bundle, &s->pid) < 0)
                missing_add(&s->missing, "proc", false, "the bundle does not tell which process it is about");

        r->swansong_version = m->version;
        r->complete = m->complete;
        r->host = m->hostname;
        r->kernel = m->kernel;
        r->machine = m->machine;
        r->time_ns = m->time_ns;
        r->pause_ns = m->pause_ns;
        r->trigger.kind = m->trigger_kind;
        r->trigger.sentence = m->trigger_sentence;
        r->trigger.guarantee = m->trigger_guarantee;
        r->trigger.better = better_of(m->trigger_guarantee);
        r->trigger.ms_before_kill = m->ms_before_kill;
        return 0;
}

/* Before it is looked at, and for good in a bundle about the machine alone. */
static void target_unknown(struct report *r)
{
        uint64_t *const amounts[] = {
                &r->memory.rss,        &r->memory.pss,           &r->memory.uss,
                &r->memory.swap,       &r->memory.page_tables,   &r->memory.anon,
                &r->memory.file,       &r->memory.shmem,         &r->memory.limit,
                &r->memory.limit_used, &r->memory.virtual_size,  &r->memory.address_space_limit,
                &r->memory.huge_pages, &r->memory.hugetlb,       &r->memory.socket_memory,
                &r->process.n_threads, &r->process.start_time_ns};

        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
                *amounts[i] = REPORT_UNKNOWN;
        r->memory.growth_bytes_per_s = NAN;
        r->memory.oom_score = r->memory.oom_score_adj = REPORT_UNKNOWN_INT;
        r->process.ppid = REPORT_UNKNOWN_INT;
        r->process.uid = UINT32_MAX;
        r->cgroup = cgroup_unknown();
}

static int fill_maps(struct source *s, struct report *r, struct memory_witnesses *w)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct maps maps = {0}, smaps = {0}, merged;
        char path[64];

        if (source_read(s, &b, false, "proc/%d/maps", s->pid) == 0 &&
            maps_parse(b.data, b.len, s->pool, &maps) < 0)
                return -ENOMEM;
        if (source_read(s, &b, false, "proc/%d/smaps", s->pid) == 0 &&
            smaps_parse(b.data, b.len, s->pool, &smaps, &w->smaps) < 0)
                return -ENOMEM;
        if (maps_merge(&maps, &smaps, s->pool, &merged, &w->smaps_complete) < 0)
                return -ENOMEM;
        snprintf(path, sizeof(path), "proc/%d/smaps", s->pid);
        if (smaps.n > 0 && !w->smaps_complete)
                missing_add(&s->missing, path, false, "ends early: %zu of %zu mappings are there", smaps.n,
                            merged.n);
        r->maps = merged.list;
        r->n_maps = merged.n;
        if (!amount_known(s->page_size))
                s->page_size = w->smaps.page_size;
        return 0;
}

static int fill_memory(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct memory_witnesses w = {
                .smaps = smaps_total_unknown,
                .rollup = smaps_total_unknown,
                .status = s->status,
                .statm = {REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN},
        };
        const struct thread_row *threads = NULL;
        size_t n_threads = 0;
        struct limits limits = {REPORT_UNKNOWN, REPORT_UNKNOWN};
        int ret = fill_maps(s, r, &w);

        if (ret < 0)
                return ret;
        if (source_read(s, &b, true, "proc/%d/smaps_rollup", s->pid) == 0)
                smaps_rollup_parse(b.data, b.len, &w.rollup);
        if (source_read(s, &b, true, "proc/%d/statm", s->pid) == 0)
                statm_bytes_parse(b.data, b.len, s->page_size, &w.statm);
        if (source_read(s, &b, true, "proc/%d/limits", s->pid) == 0)
                limits_parse(b.data, b.len, &limits);
        if (source_read(s, &b, true, "threads.tsv") == 0 &&
            thread_rows_parse(b.data, b.len, s->pool, &threads, &n_threads) < 0)
                return -ENOMEM;
        memory_account(r, &w);
        r->memory.address_space_limit = limits.address_space;
        ret = where_account(r, threads, n_threads);
        return ret < 0 ? ret : memory_limit(r);
}

static int fill_tree(struct source *s, struct report *r)
{
        struct report_process_row *rows;
        size_t n;
        int ret = tree_read(s, &rows, &n);

        r->memory.oom_score = r->memory.oom_score_adj = REPORT_UNKNOWN_INT;
        if (ret < 0)
                return ret == -ENOMEM ? ret : 0;
        if (n > 0 && rows[0].relation == TREE_SELF) {
                r->memory.oom_score = rows[0].oom_score;
                r->memory.oom_score_adj = rows[0].oom_score_adj;
                rows[0].rss = r->memory.rss;
                rows[0].pss = r->memory.pss;
                rows[0].uss = r->memory.uss;
                rows[0].swap = r->memory.swap;
        }
        r->tree = rows;
        r->n_tree = n;
        return 0;
}

static int fill_descriptors(struct source *s, struct report *r)
{
        /* No IPv6 is nothing missing. */
        static const struct {
                const char *proto;
                bool optional;
        } tables[] = {{"tcp", false}, {"tcp6", true}, {"udp", false}, {"udp6", true}, {"unix", false}};
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        struct socket_list sockets = {0};
        char path[64];
        struct fds fds = {0};

        if (source_read(s, &b, false, "proc/%d/fd.txt", s->pid) == 0 &&
            fds_parse(b.data, b.len, s->pool, &fds) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                if (source_read(s, &b, tables[i].optional, "proc/%d/net/%s", s->pid, tables[i].proto) == 0 &&
                    sockets_parse(tables[i].proto, b.data, b.len, s->pool, &sockets) < 0)
                        return -ENOMEM;
        snprintf(path, sizeof(path), "proc/%d/net/skmem.tsv", s->pid);
        if (source_read(s, &b, true, "%s", path) == 0 &&
            sockets_join_memory(&sockets, b.data, b.len, manifest_section_ok(&s->manifest, path)) < 0)
                return -ENOMEM;
        sockets_join_fds(&sockets, &fds);
        r->fds = fds.list;
        r->n_fds = fds.n;
        r->sockets = sockets.list;
        r->n_sockets = sockets.n;
        r->memory.socket_memory = REPORT_UNKNOWN;
        for (size_t i = 0; i < sockets.n; i++)
                amount_add(&r->memory.socket_memory, sockets.list[i].memory);
        return 0;
}

static int fill_history(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);

        if (source_read(s, &b, true, "history.tsv") < 0)
                return 0;
        return samples_parse(b.data, b.len, s->pool, &r->history, &r->n_history);
}

static int fill_kill(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        const struct kill_context context = {s->pid, s->page_size, kill_log_start(&s->manifest)};
        int ret;

        if (source_read(s, &b, true, "kmsg") < 0)
                return 0;
        ret = kill_parse(b.data, b.len, &context, s->pool, &r->kill);
        if (ret == 0 && !r->kill)
                missing_add(&s->missing, "kmsg", true, "holds no kill for memory");
        return ret;
}

static int fill_memory_of_killed(struct source *s, struct report *r)
{
        int ret;

        if (!s->remains)
                return 0;
        ret = memory_of_killed(r) ? where_account(r, NULL, 0) : 0;
        /* Its group may not have been found any more; the kernel named it. */
        return ret < 0 ? ret : memory_limit(r);
}

/* In this order: each step uses what the ones before found. */
static const struct {
        int (*fill)(struct source *s, struct report *r);
        bool of_target;
} steps[] = {
        {fill_manifest, false}, {machine_fill, false},    {cgroup_fill, true},  {process_fill, true},
        {heaps_fill, true},     {fill_memory, true},      {fill_kill, true},    {fill_memory_of_killed, true},
        {fill_tree, true},      {fill_descriptors, true}, {fill_history, true}, {machine_parts_fill, false},
};

/* The kill of a process that nobody watched: the kernel's log may still have it. */
static int find_kill(struct source *s, const struct recorder *rec, int (*kernel_log)(struct buf *ret),
                     struct report *r)
{
        _cleanup_buf_ struct buf log = BUF_GROWING(KERNEL_LOG_MAX);
        const struct recorder_header *h = &rec->head;
        const struct kill_context context = {(int32_t)h->pid, h->page_size,
                                             h->began_realtime_ns - h->began_monotonic_ns};
        int ret;

        if (!kernel_log || h->pid == 0 || h->pid > INT32_MAX || h->pid_namespace != PID_NS_INIT_INO)
                return 0;
        /* Not permitted to everybody: then the report does without. */
        if (kernel_log(&log) < 0 || log.len == 0)
                return 0;
        ret = kill_parse(log.data, log.len, &context, s->pool, &r->kill);
        /* A PID is used again and again. */
        if (ret == 0 && r->kill && (!r->kill->was_target || r->kill->time_ns < h->began_realtime_ns))
                r->kill = NULL;
        return ret;
}

static int add_recorder(struct source *s, const struct report_options *o, const struct recorder *rec,
                        struct report *r)
{
        int ret = 0;

        if (s->bundle < 0) {
                enum recorder_fate fate = recorder_fate(&rec->head);

                if (fate == RECORDER_FATE_KILLED)
                        ret = find_kill(s, rec, o->kernel_log, r);
                if (ret == 0)
                        ret = recorder_identify(rec, fate, r);
        }
        if (ret == 0)
                ret = recorder_report(rec, o->stacks, &s->missing, r);
        if (ret == 0)
                recorder_last_size(r);
        return ret;
}

/* Of a process that was gone there is one if the kernel had a witness. */
static bool has_core(const struct source *s)
{
        _cleanup_fd_ int fd = section_open(s->bundle, "core", NULL);

        return fd >= 0;
}

/* Stacks from the core; of threads that could not be stopped, those that the agent took. */
static int add_stacks(struct source *s, const struct report_options *o, const struct recorder *rec,
                      struct report *r)
{
        int ret = o->stacks && s->bundle >= 0 && (!s->remains || has_core(s))
                          ? stacks_analyse(s->bundle, o->stacks, r)
                          : 0;

        if (ret == 0 && rec)
                ret = recorder_threads(rec, o->stacks, r);
        return ret;
}

/* The bundle's recorder.  0, or -errno: none, or it cannot be read, and then that is in the list. */
static int read_own(struct source *s, struct recorder_bytes *ret)
{
        _cleanup_fd_ int fd = section_open(s->bundle, "recorder", NULL);
        int r = fd < 0 ? fd : recorder_read(fd, ret);

        if (r < 0 && r != -ENOENT)
                missing_add(&s->missing, "recorder", true, "cannot be read: %s", strerror(-r));
        return r;
}

/* With the bundle's own recorder, or that of no bundle, if there is one. */
static int build(struct source *s, const struct report_options *o, const struct recorder *alone,
                 struct report *r)
{
        _cleanup_recorder_bytes_ struct recorder_bytes bytes = {0};
        struct recorder own;
        const struct recorder *rec = alone;
        struct diag d;
        int ret;

        target_unknown(r);
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                if (steps[i].of_target && r->machine_only)
                        continue;
                ret = steps[i].fill(s, r);
                if (ret < 0)
                        return ret;
        }
        if (!alone && read_own(s, &bytes) == 0) {
                if (recorder_open(bytes.data, bytes.len, &own, &d) == 0)
                        rec = &own;
                else
                        missing_add(&s->missing, "recorder", true, "%s", d.text);
        }
        if (!rec && maps_are_static(r->maps, r->n_maps))
                missing_add(&s->missing, "recorder", true,
                            "the heap was not seen: a static program loads no agent");
        if (rec) {
                ret = add_recorder(s, o, rec, r);
                if (ret < 0)
                        return ret;
        }
        ret = census_fill(s, r);
        if (ret < 0)
                return ret;
        malloc_info_fill(s, r);
        r->missing = s->missing.list;
        r->n_missing = s->missing.n;
        if (s->missing.failed)
                return -ENOMEM;
        if (r->machine_only)
                return verdict_of_machine(r);
        ret = add_stacks(s, o, rec, r);
        r->trigger.witness =
                r->n_threads > 0 && r->threads[0].captured && strcmp(r->threads[0].captured, "witness") == 0;
        if (ret == 0 && r->trigger.witness)
                r->trigger.better = "where it may be attended (swansong doctor says what forbids it) it "
                                    "would have every stack";
        if (ret == 0 && o->stacks && s->bundle >= 0)
                ret = kill_frame_fill(s->bundle, o->stacks, r);
        return ret < 0 ? ret : verdict_make(r);
}

static int build_all(int bundle, const char *path, const struct recorder *alone,
                     const struct report_options *o, struct report *ret, struct diag *d)
{
        struct report r = {.time_ns = REPORT_UNKNOWN, .pause_ns = REPORT_UNKNOWN};
        struct source s = {.bundle = bundle, .page_size = REPORT_UNKNOWN, .status = status_unknown};
        int result;

        s.pool = s.missing.pool = &r.pool;
        r.bundle = pool_strdup(&r.pool, path);
        result = r.bundle ? build(&s, o, alone, &r) : -ENOMEM;
        if (result < 0) {
                pool_free(&r.pool);
                return diag_set(d, result, "%s: %s", path, strerror(-result));
        }
        *ret = r;
        return 0;
}

/* The regular file at `path`, opened; -1: it is none (a bundle, or nothing). */
static int open_recorder(const char *path)
{
        _cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
        char self[32];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return -1;
        snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        return open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int build_recorder(int fd, const char *path, const struct report_options *o, struct report *ret,
                          struct diag *d)
{
        _cleanup_recorder_bytes_ struct recorder_bytes b = {0};
        struct diag why;
        struct recorder rec;
        int r = recorder_read(fd, &b);

        if (r < 0)
                return diag_set(d, r, "%s: %s", path, strerror(-r));
        r = recorder_open(b.data, b.len, &rec, &why);
        if (r < 0)
                return diag_set(d, r, "%s: neither a bundle nor a recorder: %s", path, why.text);
        return build_all(-1, path, &rec, o, ret, d);
}

int report_build(const char *path, const struct report_options *o, struct report *ret, struct diag *d)
{
        _cleanup_fd_ int recorder = open_recorder(path), bundle = -1;

        if (recorder >= 0)
                return build_recorder(recorder, path, o, ret, d);
        bundle = bundle_open(path, d);
        return bundle < 0 ? bundle : build_all(bundle, path, NULL, o, ret, d);
}

void report_done(struct report *r)
{
        pool_free(&r->pool);
        *r = (struct report){0};
}
