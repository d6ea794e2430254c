/* SPDX-License-Identifier: MIT */
/* What a capture would take, and which guarantee it would have. */
#include <string.h>

#include "base/duration.h"
#include "base/size.h"
#include "cli/doctor/doctor.h"
#include "witness/witness.h"

void doctor_cost(struct doctor *d)
{
        char pause[DURATION_TEXT], reading[DURATION_TEXT], bytes[SIZE_TEXT], rss[SIZE_TEXT];
        struct diag why;

        if (!d->may_attach)
                return;
        if (capture_cost_measure(d->target, &d->cost, &why) < 0) {
                doctor_say(d, FINDING_NOTE, "what a capture takes could not be measured: %s", why.text);
                return;
        }
        d->has_cost = true;
        doctor_say(d, FINDING_OK,
                   "a capture (dry run): %u thread%s, RSS %s; they would stand still for some %s, reading "
                   "takes %s, "
                   "the bundle %s and the stacks",
                   d->cost.n_threads, d->cost.n_threads == 1 ? "" : "s",
                   d->rss == UINT64_MAX ? "?" : size_format(d->rss, rss),
                   duration_format(d->cost.pause_ns, pause), duration_format(d->cost.reading_ns, reading),
                   size_format(d->cost.bytes, bytes));
}

/* The best that can be had, first. */
void doctor_guarantee(struct doctor *d)
{
        _cleanup_(witness_close) struct witness witness = WITNESS_NONE;
        struct doctor_finding *f;
        struct diag why;

        if (d->may_attach) {
                d->guarantee = "at-kill";
                f = doctor_say(d, FINDING_OK,
                               "guarantee: at the kill; armed, the kernel itself holds every thread in its "
                               "exit for us");
                doctor_advise(f, "swansong watch -p %d", d->target->pid);
        } else if (d->has_agent) {
                d->guarantee = "recorder";
                f = doctor_say(d, FINDING_NOTE,
                               "guarantee: recorder; the heap by site, no stacks of all threads");
                doctor_advise(f, "as root: swansong watch -p %d", d->target->pid);
        } else if (d->reads_log) {
                d->guarantee = "kernel";
                f = doctor_say(d, FINDING_PROBLEM,
                               "guarantee: the kernel's word only, and the last samples%s",
                               witness_open(&witness, &why) == 0
                                       ? ", and the stack of the thread that the kernel kills in (BPF)"
                                       : "");
                doctor_advise(f, "do what is said at ptrace, then: swansong watch -p %d", d->target->pid);
        } else {
                f = doctor_say(d, FINDING_PROBLEM,
                               "guarantee: none; nothing of its end could be seen from here");
                doctor_advise(f, "as root: swansong watch -p %d", d->target->pid);
        }
}
