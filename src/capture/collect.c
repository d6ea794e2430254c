/* SPDX-License-Identifier: MIT */
#include "capture/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "capture/collect_child.h"
#include "capture/collectors.h"

#define OPTIONAL true
#define ALWAYS   false
#define KIB      1024u

const struct collector collectors[] = {
#define COLLECT(group_, scope_, name_, cap_kib, deadline_ms, optional_, applies_)                            \
        {.group = #group_,                                                                                   \
         .scope = SCOPE_##scope_,                                                                            \
         .name = name_,                                                                                      \
         .cap = (cap_kib)*KIB,                                                                               \
         .deadline_ns = (deadline_ms)*NS_PER_MS,                                                             \
         .optional = optional_,                                                                              \
         .applies = applies_},
#define SPECIAL(group_, name_, cap_kib, deadline_ms, optional_, make_)                                       \
        {.group = #group_,                                                                                   \
         .scope = SCOPE_SPECIAL,                                                                             \
         .name = name_,                                                                                      \
         .cap = (cap_kib)*KIB,                                                                               \
         .deadline_ns = (deadline_ms)*NS_PER_MS,                                                             \
         .optional = optional_,                                                                              \
         .make = make_},
#define TABLE(group_, name_, cap_kib, deadline_ms, optional_, make_, applies_)                               \
        {.group = #group_,                                                                                   \
         .scope = SCOPE_TABLE,                                                                               \
         .name = name_,                                                                                      \
         .cap = (cap_kib)*KIB,                                                                               \
         .deadline_ns = (deadline_ms)*NS_PER_MS,                                                             \
         .optional = optional_,                                                                              \
         .make = make_,                                                                                      \
         .applies = applies_},
#include "capture/collectors.def"
#undef COLLECT
#undef SPECIAL
#undef TABLE
};
const size_t n_collectors = ARRAY_SIZE(collectors);
_Static_assert(ARRAY_SIZE(collectors) <= COLLECT_ROWS_MAX, "COLLECT_ROWS_MAX");

static void process_collect(struct collect *c, const struct collector *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char path[128];

                snprintf(path, sizeof(path), "proc/%d/%s", c->target->pid, rows[i].name);
                copy_file(c, c->target->proc_fd, rows[i].name, path, &rows[i], NULL);
        }
}

static void machine_collect(struct collect *c, const struct collector *rows, size_t n)
{
        _cleanup_fd_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 0; i < n; i++)
                copy_file(c, root, rows[i].name, rows[i].name, &rows[i], NULL);
}

static void special_collect(struct collect *c, const struct collector *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                rows[i].make(c, &rows[i]);
}

static void matching_collect(struct collect *c, const struct collector *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct section_family family = {.path = rows[i].name, .optional = rows[i].optional};
                char pattern[128];
                glob_t found;

                snprintf(pattern, sizeof(pattern), "/%s", rows[i].name);
                if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
                        for (size_t k = 0; k < found.gl_pathc; k++)
                                copy_file(c, AT_FDCWD, found.gl_pathv[k], found.gl_pathv[k] + 1, &rows[i],
                                          &family);
                        family_end(c->writer, &family, SECTION_OK, 0, NULL);
                        globfree(&found);
                }
        }
}

bool nobody_waits(const struct collect *c)
{
        return c->end_ns == 0 && !c->without_tables;
}

bool not_in_exit(const struct collect *c)
{
        return !c->later;
}

bool environ_applies(const struct collect *c)
{
        return c->with_environ;
}

/* "0" on a machine with one node, "0-1" or "0,2" with more. */
bool numa_applies(const struct collect *c)
{
        char text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));

        (void)c;
        return file_read_at(AT_FDCWD, "/sys/devices/system/node/online", &b) == 0 && strpbrk(text, "-,");
}

static const struct {
        void (*collect)(struct collect *c, const struct collector *rows, size_t n);
        bool together; /* neighbouring rows are one pass over threads, processes or directories */
        bool stays;    /* the target's end does not take it along */
} scopes[] = {
        [SCOPE_PROCESS] = {process_collect, false, false},  [SCOPE_THREAD] = {threads_collect, true, false},
        [SCOPE_RELATIVE] = {relatives_collect, true, true}, [SCOPE_GROUP] = {groups_collect, true, false},
        [SCOPE_MACHINE] = {machine_collect, false, true},   [SCOPE_LASTING] = {machine_collect, false, true},
        [SCOPE_MATCHING] = {matching_collect, false, true}, [SCOPE_SPECIAL] = {special_collect, false, false},
        [SCOPE_TABLE] = {special_collect, false, false},
};

static size_t neighbourhood_end(size_t row)
{
        size_t end = row + 1;

        if (scopes[collectors[row].scope].together)
                while (end < n_collectors && collectors[end].scope == collectors[row].scope)
                        end++;
        return end;
}

void collector_path(const struct collect *c, const struct collector *row, char *out, size_t size)
{
        if (row->scope == SCOPE_MACHINE || row->scope == SCOPE_LASTING || row->scope == SCOPE_MATCHING ||
            row->scope == SCOPE_TABLE)
                snprintf(out, size, "%s", row->name);
        else if (row->name[0] == '/')
                snprintf(out, size, "%s", row->name + 1);
        else
                snprintf(out, size, "proc/%d/%s", c->target->pid, row->name);
}

/* There is no time left for this row. */
static void leave_out(struct collect *c, const struct collector *row)
{
        char path[128];

        collector_path(c, row, path, sizeof(path));
        section_missing(c->writer, path, row->optional, ETIME, "the time for it was used up");
}

static bool is_wanted(const struct collect *c, size_t row)
{
        const struct collector *r = &collectors[row];

        return collect_wants(c->only, r->group) && (!c->chosen || c->chosen[row]) &&
               (!r->applies || r->applies(c));
}

size_t collect_row(struct collect *c, size_t row)
{
        const struct collector *rows = &collectors[row];
        uint64_t now = clock_monotonic_ns();
        bool stays = scopes[rows->scope].stays, late = c->end_ns && now >= c->end_ns;
        size_t end = neighbourhood_end(row), last;

        if (!is_wanted(c, row))
                return end;
        if (c->later && stays && (late || rows->scope == SCOPE_LASTING)) {
                c->later[row] = true;
                return end;
        }
        if (late) {
                for (size_t i = row; i < end; i++)
                        leave_out(c, &collectors[i]);
                return end;
        }
        c->progress->row = row;
        c->progress->next = end;
        if (c->own_process)
                c->progress->cpu = cpu_time_read(c->cpu_fd);
        c->progress->deadline_ns = now + rows->deadline_ns;
        if (c->end_ns && !stays && c->progress->deadline_ns > c->end_ns)
                c->progress->deadline_ns = c->end_ns;
        last = end - 1;
        if (collectors[last].applies && !collectors[last].applies(c))
                last--;
        scopes[rows->scope].collect(c, rows, last + 1 - row);
        return end;
}

bool collect_late(const struct collect *c)
{
        struct collect_progress *p = c->progress;
        struct cpu_time cpu;

        if (clock_monotonic_ns() <= p->deadline_ns || c->end_ns || !c->own_process)
                return clock_monotonic_ns() > p->deadline_ns;
        cpu = cpu_time_read(c->cpu_fd);
        if (cpu.waited_ns > p->cpu.waited_ns) {
                p->deadline_ns += cpu.waited_ns - p->cpu.waited_ns;
                p->cpu.waited_ns = cpu.waited_ns;
        }
        return clock_monotonic_ns() > p->deadline_ns;
}

void collect_rows(struct collect *c, size_t first)
{
        for (size_t row = first; row < n_collectors;)
                row = collect_row(c, row);
        c->progress->next = n_collectors;
        c->progress->deadline_ns = UINT64_MAX;
}
