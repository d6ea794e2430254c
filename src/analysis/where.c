/* SPDX-License-Identifier: MIT */
#include "analysis/where.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "base/cleanup.h"

/* HEAP_MAX_SIZE of glibc's malloc/arena.c on 64-bit machines. */
#define ARENA_BYTES (UINT64_C(64) << 20)

/* Memory named by prctl(PR_SET_VMA_ANON_NAME) has a row per name, up to so many. */
#define NAMES_MAX 32

static const char *const where_names[N_WHERE] = {
        [WHERE_HEAP] = "heap (brk)",
        [WHERE_ARENAS] = "malloc arenas of other threads",
        [WHERE_ANONYMOUS] = "anonymous mappings",
        [WHERE_GO_HEAP] = "Go heap",
        [WHERE_GENERATED_CODE] = "generated code (executable anonymous memory)",
        [WHERE_STACKS] = "thread stacks",
        [WHERE_CODE] = "executables and libraries",
        [WHERE_COPIES] = "private copies of file pages",
        [WHERE_FILES] = "mapped data files",
        [WHERE_SHARED] = "shared memory",
        [WHERE_SPECIAL] = "special mappings",
};

struct account {
        const struct report *r;
        uint64_t *sps; /* sorted */
        size_t n_sps;
        uint64_t go_base; /* where Go asks for its heap on this machine, if something begins there; else 0 */
        uint64_t sums[N_WHERE];
        struct report_where named[NAMES_MAX];
        size_t n_named;
        size_t next_region; /* of r->heap_regions, the first that may reach into the mapping */
};

static bool starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int compare_addresses(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static bool has_sp(const struct account *a, const struct report_map *m)
{
        size_t low = 0, high = a->n_sps;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (a->sps[middle] < m->start)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < a->n_sps && a->sps[low] < m->end;
}

static bool is_plain(const struct report_map *m, const char *perms)
{
        return !m->path && strcmp(m->perms, perms) == 0;
}

/* The rest of an arena, reserved but not yet used, ends on the arena's boundary. */
static bool is_arena_tail(const struct report_map *m)
{
        return is_plain(m, "---p") && m->end % ARENA_BYTES == 0;
}

/* The mapping at `i` is the used part of an arena, or of several that have merged; *inout_arenas tells whether the
 * mapping before belongs to one, which is how those are recognised that are used up and have no rest. */
static bool is_arena(const struct report *r, size_t i, bool *inout_arenas)
{
        const struct report_map *m = &r->maps[i], *next = i + 1 < r->n_maps ? m + 1 : NULL;
        bool begins = is_plain(m, "rw-p") && m->start % ARENA_BYTES == 0;
        bool has_tail = next && next->start == m->end && is_arena_tail(next);
        bool follows = *inout_arenas && i > 0 && r->maps[i - 1].end == m->start;

        if (begins && (has_tail || (follows && m->end % ARENA_BYTES == 0))) {
                *inout_arenas = true;
                return true;
        }
        if (!(follows && is_arena_tail(m)))
                *inout_arenas = false;
        return false;
}

/* runtime/malloc.go (mallocinit): 0x00c0<<32, on arm64 0x0040<<32, and up. */
static uint64_t go_heap_base(const struct report *r)
{
        uint64_t base = r->machine && strcmp(r->machine, "aarch64") == 0 ? UINT64_C(0x4000000000)
                                                                         : UINT64_C(0xc000000000);

        for (size_t i = 0; i < r->n_maps; i++)
                if (r->maps[i].start == base && is_plain(&r->maps[i], "rw-p"))
                        return base;
        return 0;
}

static bool is_go_heap(const struct account *a, const struct report_map *m)
{
        return a->go_base && m->start >= a->go_base && m->start - a->go_base < UINT64_C(1) << 40;
}

static bool is_stack(const struct account *a, size_t i)
{
        const struct report_map *m = &a->r->maps[i];

        return i > 0 && strcmp(m->perms, "rw-p") == 0 && m[-1].end == m->start && is_plain(&m[-1], "---p") &&
               has_sp(a, m);
}

static enum where class_of_plain(const struct account *a, size_t i, bool arena)
{
        const struct report_map *m = &a->r->maps[i];

        if (is_go_heap(a, m))
                return WHERE_GO_HEAP;
        if (arena)
                return WHERE_ARENAS;
        if (is_stack(a, i))
                return WHERE_STACKS;
        return m->perms[2] == 'x' ? WHERE_GENERATED_CODE : WHERE_ANONYMOUS;
}

/* Does the file's run of neighbouring mappings hold code?  *ret_end is where the run ends. */
static bool is_code(const struct report *r, size_t i, size_t *ret_end)
{
        const char *path = r->maps[i].path;
        bool code = false;

        for (; i < r->n_maps && r->maps[i].path && strcmp(r->maps[i].path, path) == 0; i++)
                code = code || r->maps[i].perms[2] == 'x';
        *ret_end = i;
        return code;
}

static bool is_shared_memory(const char *path)
{
        /* memfd_create(), shmget(), MAP_SHARED|MAP_ANONYMOUS, shm_open() */
        return starts(path, "/memfd:") || starts(path, "/SYSV") || strcmp(path, "/dev/zero (deleted)") == 0 ||
               starts(path, "/dev/shm/") || starts(path, "[anon_shmem:");
}

static void add_named(struct account *a, const char *name, uint64_t rss)
{
        size_t i = 0;

        while (i < a->n_named && strcmp(a->named[i].what, name) != 0)
                i++;
        if (i == NAMES_MAX) {
                amount_add(&a->sums[WHERE_ANONYMOUS], rss);
                return;
        }
        if (i == a->n_named)
                a->named[a->n_named++] = (struct report_where){name, 0};
        amount_add(&a->named[i].bytes, rss);
}

static void add_with_path(struct account *a, const struct report_map *m, bool code)
{
        uint64_t copies = amount_or(m->anonymous, 0);

        if (copies > m->rss)
                copies = m->rss;
        if (strcmp(m->path, "[heap]") == 0) {
                amount_add(&a->sums[WHERE_HEAP], m->rss);
        } else if (starts(m->path, "[stack") || starts(m->path, "[anon: glibc: pthread") ||
                   starts(m->path, "[anon:stack_and_tls:")) {
                amount_add(&a->sums[WHERE_STACKS], m->rss);
        } else if (starts(m->path, "[anon: Go: heap")) { /* since Go 1.25 */
                amount_add(&a->sums[WHERE_GO_HEAP], m->rss);
        } else if (starts(m->path, "[anon:")) {
                add_named(a, m->path, m->rss);
        } else if (is_shared_memory(m->path)) {
                amount_add(&a->sums[WHERE_SHARED], m->rss - copies);
                amount_add(&a->sums[WHERE_COPIES], copies);
        } else if (*m->path == '/' && !starts(m->path, "/[")) {
                amount_add(&a->sums[code ? WHERE_CODE : WHERE_FILES], m->rss - copies);
                amount_add(&a->sums[WHERE_COPIES], copies);
        } else { /* [vdso], /[aio], anon_inode:[perf_event], socket:[1234] */
                amount_add(&a->sums[WHERE_SPECIAL], m->rss);
        }
}

/* What of the mapping belongs to a heap that capture found has a row of that heap's, and is taken out of the rest. */
static uint64_t take_heaps(struct account *a, const struct report_map *m)
{
        uint64_t left = m->rss;

        while (a->next_region < a->r->n_heap_regions && a->r->heap_regions[a->next_region].end <= m->start)
                a->next_region++;
        for (size_t i = a->next_region; i < a->r->n_heap_regions && a->r->heap_regions[i].start < m->end; i++) {
                const struct report_heap_region *g = &a->r->heap_regions[i];
                uint64_t start = g->start > m->start ? g->start : m->start, end = g->end < m->end ? g->end : m->end;
                uint64_t bytes = amount_or(g->resident, 0);

                /* One that spans mappings: the part in this one is not known, unless it is the whole mapping. */
                if (start == m->start && end == m->end)
                        bytes = left;
                else if (start != g->start || end != g->end)
                        continue;
                bytes = bytes < left ? bytes : left;
                add_named(a, g->row, bytes);
                left -= bytes;
        }
        return left;
}

/* True if any mapping's resident size is known. */
static bool account_maps(struct account *a)
{
        bool known = false, code = false, arenas = false;
        size_t run_end = 0;

        for (size_t i = 0; i < a->r->n_maps; i++) {
                const struct report_map *m = &a->r->maps[i];
                bool arena = is_arena(a->r, i, &arenas);

                if (m->path && i >= run_end)
                        code = is_code(a->r, i, &run_end);
                if (!amount_known(m->rss))
                        continue;
                known = true;
                if (m->path)
                        add_with_path(a, m, code);
                else
                        amount_add(&a->sums[class_of_plain(a, i, arena)], take_heaps(a, m));
        }
        return known;
}

static int compare_rows(const void *a, const void *b)
{
        const struct report_where *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->what, y->what);
}

static void add_row(struct report_where *rows, size_t *n, const char *what, uint64_t bytes)
{
        if (amount_known(bytes) && bytes > 0)
                rows[(*n)++] = (struct report_where){what, bytes};
}

static int put_rows(struct report *r, const struct account *a, bool by_maps)
{
        struct report_where *rows = pool_alloc(&r->pool, (N_WHERE + NAMES_MAX + 1) * sizeof(*rows));
        uint64_t sum = 0;
        size_t n = 0;

        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; by_maps && i < N_WHERE; i++)
                add_row(rows, &n, where_names[i], a->sums[i]);
        for (size_t i = 0; by_maps && i < a->n_named; i++)
                add_row(rows, &n, a->named[i].what, a->named[i].bytes);
        if (!by_maps) {
                add_row(rows, &n, "anonymous memory", r->memory.anon);
                add_row(rows, &n, "files", r->memory.file);
                add_row(rows, &n, where_names[WHERE_SHARED], r->memory.shmem);
        }
        if (n > 0)
                qsort(rows, n, sizeof(*rows), compare_rows);
        for (size_t i = 0; i < n; i++)
                sum = amount_sum(sum, rows[i].bytes);
        if (by_maps && sum > amount_or(r->memory.rss, 0)) {
                r->memory.rss = sum;
                r->memory.source = "smaps";
        }
        if (!amount_known(r->memory.rss) || sum > r->memory.rss)
                n = sum = 0; /* rows that fit no total explain nothing */
        if (amount_known(r->memory.rss))
                rows[n++] = (struct report_where){"unexplained", r->memory.rss - sum};
        r->memory.where = rows;
        r->memory.n_where = n;
        return 0;
}

int where_account(struct report *r, const struct thread_row *threads, size_t n_threads)
{
        struct account a = {.r = r, .go_base = go_heap_base(r)};
        _cleanup_free_ uint64_t *sps = n_threads ? calloc(n_threads, sizeof(*sps)) : NULL;

        if (n_threads && !sps)
                return -ENOMEM;
        for (size_t i = 0; i < n_threads; i++)
                if (amount_known(threads[i].sp))
                        sps[a.n_sps++] = threads[i].sp;
        if (a.n_sps > 0)
                qsort(sps, a.n_sps, sizeof(*sps), compare_addresses);
        a.sps = sps;
        return put_rows(r, &a, account_maps(&a));
}

uint64_t where_bytes(const struct report *r, enum where what)
{
        for (size_t i = 0; i < r->memory.n_where; i++)
                if (r->memory.where[i].what == where_names[what])
                        return r->memory.where[i].bytes;
        return 0;
}
