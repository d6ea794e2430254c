/* SPDX-License-Identifier: MIT */
/* threads_write - the sections "core" and "threads.tsv" (docs/bundle.md). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "capture/stacks/core.h"
#include "capture/stacks/threads_internal.h"

static void put_section(void *arg, const void *data, size_t n)
{
        section_write(arg, data, n);
}

/* How much of what should be there is. */
struct judgement {
        enum section_status status;
        int err; /* positive errno, or 0 */
        char reason[256];
};

static size_t stack_bytes(const struct stacks *s, size_t i)
{
        return (size_t)__builtin_popcountll(s->threads[i].had) * s->page_size;
}

static void judge_incomplete(const struct thread_capture *c, unsigned refused, unsigned late,
                             unsigned without, struct judgement *j)
{
        const struct stacks *s = &c->stacks;

        j->status = SECTION_CUT;
        if (refused > 0) {
                j->err = EPERM;
                snprintf(j->reason, sizeof(j->reason), "%s: %u of %zu threads could not be stopped",
                         c->condition.name ? c->condition.sentence : "not permitted to trace it", refused,
                         c->tracees.n);
        } else if (late > 0)
                snprintf(j->reason, sizeof(j->reason), "%u of %zu threads did not stop in time", late,
                         c->tracees.n);
        else if (c->tracees.too_many)
                snprintf(j->reason, sizeof(j->reason), "threads began faster than they could be listed");
        else if (without > 0)
                snprintf(j->reason, sizeof(j->reason), "the stacks of %u of %zu threads could not be read",
                         without, c->tracees.n);
        else if (s->swapped_pages > 0)
                snprintf(j->reason, sizeof(j->reason),
                         "%zu pages of the stacks are in swap, and were left there", s->swapped_pages);
        else if (s->shortened)
                snprintf(j->reason, sizeof(j->reason), "memory is tight: some stacks lack their outer ends");
        else
                *j = (struct judgement){.status = SECTION_OK};
}

static const char *first_reason(const struct thread_capture *c)
{
        for (size_t i = 0; i < c->tracees.n; i++)
                if (c->stacks.threads[i].reason)
                        return c->stacks.threads[i].reason;
        return NULL;
}

static struct judgement judge(const struct thread_capture *c)
{
        unsigned refused = 0, late = 0, behind = 0, without = 0, known = 0, gone = 0;
        struct judgement j = {.status = SECTION_OK};

        if (c->tracees.n > 0 && c->stacks.threads[0].how == HOW_WITNESS) {
                j.status = SECTION_CUT;
                snprintf(j.reason, sizeof(j.reason),
                         "nobody was permitted to attend it: this is the one thread that the kernel saw");
                return j;
        }
        for (size_t i = 0; i < c->tracees.n; i++) {
                const struct thread_copy *t = &c->stacks.threads[i];

                known += t->how != HOW_NONE;
                gone += t->how == HOW_NONE && c->tracees.list[i].state == TRACEE_GONE;
                without += t->how != HOW_NONE && t->had == 0;
                refused += c->tracees.list[i].state == TRACEE_REFUSED;
                late += c->tracees.list[i].state == TRACEE_LATE ||
                        (c->tracees.list[i].late && t->how == HOW_SYSCALL);
                behind += c->tracees.list[i].late && t->how == HOW_STOPPED;
        }
        if ((gone == c->tracees.n && !c->condition.name) || (c->died && (known == 0 || without > 0))) {
                j = (struct judgement){.status = SECTION_TARGET_DIED, .err = ESRCH};
                snprintf(j.reason, sizeof(j.reason), "the process ended meanwhile");
                return j;
        }
        judge_incomplete(c, refused, late, without, &j);
        if (j.status == SECTION_OK && behind > 0)
                snprintf(j.reason, sizeof(j.reason),
                         "%u of %zu threads stopped only when the others had gone on", behind, c->tracees.n);
        if (known == 0) {
                j.status = SECTION_MISSING;
                if (c->condition.name)
                        snprintf(j.reason, sizeof(j.reason), "%s", c->condition.sentence);
                else if (!j.reason[0])
                        snprintf(j.reason, sizeof(j.reason), "%s",
                                 first_reason(c) ?: "no thread could be stopped");
        }
        return j;
}

static void core_section_write(const struct thread_capture *c, struct bundle_writer *w)
{
        struct judgement j = judge(c);
        struct core core = {
                .target = c->target,
                .maps = &c->maps,
                .auxv = &c->auxv,
                .cmdline = &c->cmdline,
                .map_index = &c->map_index,
                .pages = &c->pages,
                .stacks = &c->stacks,
                .n_threads = c->tracees.n,
                .more = c->told,
        };

        section_begin(w, "core", false);
        if (j.status != SECTION_MISSING && core_write(&core, put_section, w) < 0)
                j = (struct judgement){.status = SECTION_MISSING, .err = ENOMEM};
        section_end(w, j.status, j.err, j.reason[0] ? j.reason : NULL);
}

static const char *const how_names[] = {
        [HOW_NONE] = "none", [HOW_STOPPED] = "stopped", [HOW_SYSCALL] = "syscall", [HOW_WITNESS] = "witness"};

/* Where a thread's stack begins, and how much there is of it. */
static struct memory_run stack_of(const struct thread_capture *c, size_t i)
{
        struct memory_run run = {0};
        unsigned bit = 0;

        if (c->stacks.threads[i].how == HOW_WITNESS)
                return c->told;
        if (stacks_run_next(&c->stacks, i, &bit, &run))
                run.bytes = stack_bytes(&c->stacks, i);
        return run;
}

static void table_write(const struct thread_capture *c, struct bundle_writer *w)
{
        static const char header[] = "tid\thow\tpc\tsp\tstack_start\tstack_bytes\treason\n";

        section_begin(w, "threads.tsv", false);
        section_write(w, header, sizeof(header) - 1);
        for (size_t i = 0; i < c->tracees.n; i++) {
                const struct thread_copy *t = &c->stacks.threads[i];
                bool gone = c->tracees.list[i].state == TRACEE_GONE && t->how == HOW_NONE;
                const char *reason = gone ? "it ended meanwhile" : t->reason ? t->reason : "";
                struct memory_run stack = stack_of(c, i);
                char line[256];
                int n;

                if (t->how == HOW_NONE)
                        n = snprintf(line, sizeof(line), "%d\tnone\t-\t-\t-\t-\t%s\n", c->tracees.list[i].tid,
                                     reason);
                else if (stack.bytes > 0)
                        n = snprintf(line, sizeof(line),
                                     "%d\t%s\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%" PRIx64 "\t%zu\t%s\n", t->tid,
                                     how_names[t->how], t->pc, t->sp, stack.address, stack.bytes, reason);
                else
                        n = snprintf(line, sizeof(line), "%d\t%s\t0x%" PRIx64 "\t0x%" PRIx64 "\t-\t0\t%s\n",
                                     t->tid, how_names[t->how], t->pc, t->sp, reason);
                section_write(w, line, (size_t)n);
        }
        section_end(w, SECTION_OK, 0, NULL);
}

void threads_write(const struct thread_capture *c, struct bundle_writer *w)
{
        core_section_write(c, w);
        table_write(c, w);
}
