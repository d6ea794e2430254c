/* SPDX-License-Identifier: MIT */
/* The rules.  Shares: half of the memory in one place makes a cause likely, three quarters, directly counted, make it
 * certain that the memory is there.  Groups are judged before the process: when the limit is the group's, the
 * process that is looked at need not be the one that holds it. */
#include <math.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/verdict/verdict.h"
#include "analysis/where.h"
#include "base/cleanup.h"
#include "base/size.h"

#define SHARE_MANY 0.5
#define SHARE_MOST 0.75

static enum certainty counted(double share)
{
        return share >= SHARE_MOST   ? CERTAINTY_CERTAIN
               : share >= SHARE_MANY ? CERTAINTY_LIKELY
                                     : CERTAINTY_NONE;
}

/* A figure of memory.stat.  v1's plain keys count the group without its children; "total_" is all of it. */
static uint64_t group_stat(const struct report *r, const char *v1, const char *v2)
{
        return key_value_get(r->cgroup.stat, r->cgroup.n_stat, r->cgroup.version == 1 ? v1 : v2);
}

static uint64_t group_shmem(const struct report *r)
{
        return group_stat(r, "total_shmem", "shmem");
}

/* Used so far that somebody must care. */
static bool group_pressed(const struct verdict_facts *f)
{
        return f->group_bound && f->limit_share >= SHARE_MANY && amount_or(f->r->cgroup.usage, 0) >= f->floor;
}

static void judge_many_processes(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        uint64_t anon = group_stat(r, "total_rss", "anon"), own = r->memory.anon, n = r->cgroup.n_processes;
        double own_share = amount_share(own, anon);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (!group_pressed(f) || !amount_known(n) || n < 2 || !amount_known(own) ||
            amount_share(anon, r->cgroup.usage) < SHARE_MANY || own_share >= SHARE_MANY)
                return;
        ret->certainty = own_share < 1 - SHARE_MOST ? CERTAINTY_LIKELY : CERTAINTY_POSSIBLE;
        buf_printf(&ret->sentence,
                   "the group's %" PRIu64 " processes hold the memory together: %s has only %.0f %% of it", n,
                   f->comm, 100 * own_share);
        buf_printf(&ret->evidence[0], "anonymous memory: %s in the group, %s of it in this process",
                   size_format(anon, a), size_format(own, b));
}

static void judge_tmpfs(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        uint64_t shmem = group_shmem(r);
        double share = amount_share(shmem, r->cgroup.usage), own = amount_share(r->memory.shmem, f->rss);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (group_pressed(f) && share >= SHARE_MANY) {
                ret->certainty = counted(share);
                buf_printf(&ret->sentence,
                           "files on tmpfs and shared memory hold %.0f %% of the group's memory",
                           100 * share);
                buf_printf(&ret->evidence[0],
                           "shared memory and tmpfs: %s of the group's %s; the kernel can only swap it, "
                           "never drop it",
                           size_format(shmem, a), size_format(r->cgroup.usage, b));
        } else if (f->rss >= f->floor && own >= SHARE_MANY) {
                ret->certainty = counted(own);
                buf_printf(&ret->sentence, "shared memory (tmpfs, memfd, SysV) is %.0f %% of what %s holds",
                           100 * own, f->comm);
                buf_printf(&ret->evidence[0], "shared memory: %s of RSS %s", size_format(r->memory.shmem, a),
                           size_format(f->rss, b));
        }
}

static void judge_page_cache(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        uint64_t cache = amount_less(group_stat(r, "total_cache", "file"), amount_or(group_shmem(r), 0));
        uint64_t dirty = group_stat(r, "total_dirty", "file_dirty");
        double share = amount_share(cache, r->cgroup.usage);
        char a[SIZE_TEXT], b[SIZE_TEXT], d[SIZE_TEXT];

        if (!group_pressed(f) || share < SHARE_MANY)
                return;
        /* Never certain: clean cache is given back when it is needed, so it need not be the trouble. */
        ret->certainty = share >= SHARE_MOST ? CERTAINTY_LIKELY : CERTAINTY_POSSIBLE;
        buf_printf(&ret->sentence,
                   "the group's memory is %.0f %% page cache of files, which the kernel can drop",
                   100 * share);
        buf_printf(&ret->evidence[0], "page cache: %s of the group's %s", size_format(cache, a),
                   size_format(r->cgroup.usage, b));
        if (amount_known(dirty))
                buf_printf(&ret->evidence[1], "dirty, to be written before it can be dropped: %s",
                           size_format(dirty, d));
}

static void judge_socket_buffers(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        uint64_t of_group = group_stat(r, "", "sock"), own = r->memory.socket_memory,
                 whole = amount_sum(f->rss, amount_or(own, 0));
        double share = amount_share(of_group, r->cgroup.usage);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (group_pressed(f) && share >= SHARE_MANY) {
                ret->certainty = counted(share);
                buf_printf(&ret->sentence, "socket buffers hold %.0f %% of the group's memory", 100 * share);
                buf_printf(&ret->evidence[0], "socket buffers: %s of the group's %s",
                           size_format(of_group, a), size_format(r->cgroup.usage, b));
        } else if (amount_known(own) && own >= f->floor && amount_share(own, whole) >= SHARE_MANY) {
                ret->certainty = counted(amount_share(own, whole));
                buf_printf(&ret->sentence,
                           "the kernel holds more memory for the sockets of %s than it has itself", f->comm);
        }
        if (ret->certainty != CERTAINTY_NONE && amount_known(own))
                buf_printf(&ret->evidence[1], "its %zu sockets: %s of buffers, beside RSS %s", r->n_sockets,
                           size_format(own, a), size_format(f->rss, b));
}

static void judge_huge_pages(const struct verdict_facts *f, struct finding *ret)
{
        uint64_t huge = f->r->memory.hugetlb, whole = amount_sum(f->rss, amount_or(huge, 0));
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (!amount_known(huge) || huge < f->floor || amount_share(huge, whole) < SHARE_MANY)
                return;
        ret->certainty = counted(amount_share(huge, whole));
        buf_printf(&ret->sentence, "%s holds %s in reserved huge pages (hugetlbfs), which RSS does not show",
                   f->comm, size_format(huge, a));
        buf_printf(&ret->evidence[0], "hugetlbfs: %s beside RSS %s", size_format(huge, a),
                   size_format(f->rss, b));
}

/* One row of `where` that holds most of RSS. */
static bool held_by(const struct verdict_facts *f, enum where what, struct finding *ret,
                    char bytes[SIZE_TEXT])
{
        uint64_t held = where_bytes(f->r, what);

        if (f->rss < f->floor || amount_share(held, f->rss) < SHARE_MANY)
                return false;
        ret->certainty = counted(amount_share(held, f->rss));
        size_format(held, bytes);
        return true;
}

static void judge_thread_stacks(const struct verdict_facts *f, struct finding *ret)
{
        char bytes[SIZE_TEXT], rss[SIZE_TEXT];

        if (!held_by(f, WHERE_STACKS, ret, bytes))
                return;
        buf_printf(&ret->sentence, "the stacks of %s's threads hold most of its memory", f->comm);
        buf_printf(&ret->evidence[0], "thread stacks: %s of RSS %s", bytes, size_format(f->rss, rss));
        if (amount_known(f->r->process.n_threads))
                buf_printf(&ret->evidence[1], "%" PRIu64 " threads", f->r->process.n_threads);
}

static void judge_mapping(const struct verdict_facts *f, struct finding *ret)
{
        const struct report_map *largest = NULL;
        char bytes[SIZE_TEXT], rss[SIZE_TEXT];

        if (!held_by(f, WHERE_FILES, ret, bytes))
                return;
        for (size_t i = 0; i < f->r->n_maps; i++) {
                const struct report_map *m = &f->r->maps[i];

                if (m->path && *m->path == '/' && amount_known(m->rss) && (!largest || m->rss > largest->rss))
                        largest = m;
        }
        buf_printf(&ret->sentence,
                   "files that %s has mapped hold most of its memory; the kernel can drop their clean pages",
                   f->comm);
        buf_printf(&ret->evidence[0], "mapped data files: %s of RSS %s", bytes, size_format(f->rss, rss));
        if (largest)
                buf_printf(&ret->evidence[1], "the largest mapping: %s of %s",
                           size_format(largest->rss, bytes), largest->path);
}

/* Runtimes with a heap of their own, known by the program or library that is mapped. */
static const struct runtime {
        const char *file; /* pattern of the mapped file's name, as fnmatch(3) */
        const char *name;
} runtimes[] = {
        {"node", "Node.js"},
        {"libnode.so*", "Node.js"},
        {"libjvm.so", "the JVM"},
        {"libcoreclr.so", ".NET"},
        {"libmonosgen-*.so*", "Mono"},
        {"python[23]", "Python"},
        {"python[23].[0-9]*", "Python"},
        {"libpython[23].*", "Python"},
        {"ruby", "Ruby"},
        {"libruby*.so*", "Ruby"},
        {"libperl.so*", "Perl"},
        {"beam.smp", "Erlang"},
        {"libmozjs-*.so*", "SpiderMonkey"},
};

static const char *runtime_of(const struct report *r)
{
        if (where_bytes(r, WHERE_GO_HEAP) > 0)
                return "Go";
        for (size_t i = 0; i < r->n_maps; i++) {
                const char *slash = r->maps[i].path ? strrchr(r->maps[i].path, '/') : NULL;

                if (!slash || r->maps[i].perms[2] != 'x')
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(runtimes); k++)
                        if (fnmatch(runtimes[k].file, slash + 1, 0) == 0)
                                return runtimes[k].name;
        }
        return NULL;
}

static void say_growth(const struct verdict_facts *f, struct buf *b)
{
        char speed[SIZE_TEXT];

        if (f->growing)
                buf_printf(b, " and grows by %s/s", size_format(amount_of(f->rss_growth.bytes_per_s), speed));
}

static void say_largest(const struct verdict_facts *f, struct buf *b)
{
        char bytes[SIZE_TEXT];

        if (f->r->memory.n_where > 1)
                buf_printf(b, "the largest part, %s, is %s", size_format(f->r->memory.where[0].bytes, bytes),
                           f->r->memory.where[0].what);
}

/* The runtime's heap, by its own figures; NULL where they could not be had. */
static const struct report_other_heap *runtime_heap_of(const struct report *r)
{
        for (size_t i = 0; i < r->n_heaps; i++) {
                const struct report_other_heap *h = &r->heaps[i];

                if (strcmp(h->kind, "runtime") == 0 && !h->refused && amount_known(h->system))
                        return h;
        }
        return NULL;
}

/* What of it is in memory: its row of `where`.  0 where it is not known where it lies. */
static uint64_t resident_bytes(const struct report *r, const struct report_other_heap *h)
{
        size_t n = strlen(h->name);

        for (size_t i = 0; i < r->memory.n_where; i++) {
                const char *what = r->memory.where[i].what;

                if (strncmp(what, h->name, n) == 0 && strcmp(what + n, " heap") == 0)
                        return r->memory.where[i].bytes;
        }
        return 0;
}

static void judge_runtime_heap(const struct verdict_facts *f, struct finding *ret)
{
        const char *runtime = f->rss >= f->floor ? runtime_of(f->r) : NULL;
        const struct report_other_heap *heap = runtime_heap_of(f->r);
        /* Not all that it holds need be resident: where its place is known, what is. */
        uint64_t resident = heap ? resident_bytes(f->r, heap) : 0;
        uint64_t held = resident                                   ? resident
                        : heap && heap->system < f->r->memory.anon ? heap->system
                                                                   : f->r->memory.anon;
        double share = amount_share(held, f->rss);
        char a[SIZE_TEXT], b[SIZE_TEXT];

        if (!runtime || share < SHARE_MANY)
                return;
        ret->certainty = f->growing ? CERTAINTY_LIKELY : CERTAINTY_POSSIBLE;
        buf_printf(&ret->sentence, "%s runs %s, whose heap%s %.0f %% of RSS", f->comm, runtime,
                   heap ? " holds" : " and native memory hold", 100 * share);
        say_growth(f, &ret->sentence);
        if (heap && amount_known(heap->in_use))
                buf_printf(&ret->evidence[0], "by its own figures %s of %s are in use",
                           size_format(heap->in_use, a), size_format(heap->system, b));
        else
                buf_printf(&ret->evidence[0],
                           "anonymous memory: %s of RSS %s; how much of it %s has in use only its own tools "
                           "can tell",
                           size_format(f->r->memory.anon, a), size_format(f->rss, b), runtime);
        say_largest(f, &ret->evidence[1]);
}

/* The type that most of the heap's bytes are of, if it has a name. */
static void say_type(const struct verdict_facts *f, struct buf *b)
{
        const struct report *r = f->r;
        char bytes[SIZE_TEXT];

        for (size_t i = 0; i < r->heap.n_types; i++) {
                const struct report_type *t = &r->heap.types[i];

                if (!t->name)
                        continue;
                if (amount_share(t->live_bytes, f->rss) >= 0.1) {
                        buf_printf(b, "%" PRIu64 " blocks of type ", t->live_objects);
                        buf_escaped(b, t->name, strnlen(t->name, 120));
                        buf_printf(b, " hold %s", size_format(t->live_bytes, bytes));
                }
                return;
        }
}

/* "grows" needs samples; without them only the size and the limit can be seen. */
static void judge_leak(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        double share = amount_share(r->memory.anon, f->rss);
        char a[SIZE_TEXT], b[SIZE_TEXT], speed[SIZE_TEXT];
        bool anon_grows =
                f->anon_growth.n < 2 || f->anon_growth.bytes_per_s >= SHARE_MANY * f->rss_growth.bytes_per_s;

        if (f->rss < f->floor || share < SHARE_MANY)
                return;
        if (f->growing && anon_grows) {
                ret->certainty = CERTAINTY_LIKELY;
                buf_printf(&ret->sentence,
                           "%s grows steadily by %s/s, and what grows is anonymous memory (%.0f %% of RSS): "
                           "a leak, or a working set without a bound",
                           f->comm, size_format(amount_of(f->rss_growth.bytes_per_s), speed), 100 * share);
        } else if (f->limit_share >= SHARE_MOST && amount_share(f->rss, r->memory.limit) >= SHARE_MANY) {
                ret->certainty = CERTAINTY_POSSIBLE;
                /* More than the limit are pages that others are charged for: those of libraries. */
                buf_printf(&ret->sentence,
                           "%s holds %.0f %% of the limit itself, mostly anonymous memory: a leak, or a "
                           "limit that is too low",
                           f->comm, fmin(100, 100 * amount_share(f->rss, r->memory.limit)));
        } else {
                return;
        }
        buf_printf(&ret->evidence[0], "anonymous memory: %s of RSS %s", size_format(r->memory.anon, a),
                   size_format(f->rss, b));
        say_largest(f, &ret->evidence[1]);
        say_type(f, &ret->evidence[2]);
        say_growing_place(f, &ret->evidence[3]);
}

const struct verdict_rule verdict_rules[] = {
        {"socket-buffers", judge_socket_buffers},
        {"tmpfs", judge_tmpfs},
        {"page-cache", judge_page_cache},
        {"many-processes", judge_many_processes},
        {"huge-pages", judge_huge_pages},
        {"thread-stacks", judge_thread_stacks},
        {"mapping", judge_mapping},
        {"leak", judge_heap_leak},
        {"fragmentation", judge_pinned},
        {"fragmentation", judge_free_held},
        {"runtime-heap", judge_runtime_heap},
        {"leak", judge_leak},
};
const size_t n_verdict_rules = ARRAY_SIZE(verdict_rules);
