/* SPDX-License-Identifier: MIT */
#include "cli/watch/arm_words.h"

#include <string.h>

#include "base/file.h"
#include "capture/collectors/binaries.h"
#include "cli/watch/arm.h"
#include "cli/watch/brake.h"
#include "cli/watch/dump.h"

/* The files of so many processes are held open for the report. */
#define BINARIES_PROCESSES 32

static void keep_binaries(struct watcher *w, struct watched *p)
{
        _cleanup_buf_ struct buf maps = BUF_GROWING((size_t)64 << 20);
        unsigned n = 0;

        for (unsigned i = 0; i < w->set.n; i++)
                n += w->set.items[i]->binaries_fd >= 0;
        if (p->binaries_fd < 0 && n < BINARIES_PROCESSES &&
            file_read_at(p->target.proc_fd, "maps", &maps) == 0)
                p->binaries_fd = binaries_open(&p->target, &maps, BINARIES_MAX);
}

void watch_arm_told(struct watched *p)
{
        p->arm = ARM_NONE;
        if (p->gone)
                p->ended = true;
        p->arms_refused = true; /* until its pidfd says so, too */
}

static void ready(struct watcher *w, struct watched *p, unsigned n_threads)
{
        bool held = p->holder.child > 0;

        if (p->arm != ARM_ASKED && !held)
                return;
        if (!held)
                p->arm = ARM_ATTENDED;
        watch_witness_dismiss(p);
        if (!p->arm_said)
                watch_say(&w->live,
                          held ? "%s (%d): armed, %u thread%s: will be held at its limit"
                               : "%s (%d): armed, %u thread%s: present if the kernel kills it",
                          p->target.comm, p->target.pid, n_threads, n_threads == 1 ? "" : "s");
        p->arm_said = true;
        keep_binaries(w, p);
}

/* One that somebody else traces may be had when he has gone. */
static void refused(struct watcher *w, struct watched *p, const struct armed_message *m)
{
        pid_t before = p->tracer;

        p->arm = ARM_NONE;
        p->ended |= p->gone;
        p->tracer = (pid_t)m->n;
        p->arms_refused = p->tracer == 0;
        buf_reset(&p->maps);
        file_read_at(p->target.proc_fd, "maps", &p->maps);
        if (p->gone)
                return; /* its end has been told, or will be */
        keep_binaries(w, p);
        if (p->tracer != 0 && p->tracer == before)
                return; /* said once */
        watch_say(&w->live, "not armed%s, dumps only at conditions: %s; %s",
                  p->tracer ? " until it is let go" : "", m->text, watch_witness_call(w, p));
}

/* p is NULL when it is watched no more, but was still attended. */
static void publish(struct watcher *w, struct watched *p, const struct armed_message *m)
{
        char *path = strdup(m->text);

        if (p)
                p->captured = true;
        if (path)
                watch_dump_publish(&w->dumps, path, p ? p->binaries_fd : -1, m->incomplete,
                                   p ? p->ramp : NULL);
        if (w->options->max_dumps && w->dumps.taken >= w->options->max_dumps)
                w->ending = true;
}

static void say_end(struct watcher *w, const struct watched *p, const struct armed_message *m)
{
        watch_say(&w->live, "%s (%d): %s", p ? p->target.comm : "a process", m->pid, m->text);
        if (p)
                armed_give_history(&w->arms.armed, m->n, &p->observer.history, &p->earlier);
}

static void hear(struct watcher *w, struct watched *p, const struct armed_message *m)
{
        switch (m->word) {
        case ARMED_READY:
                if (p)
                        ready(w, p, m->n);
                break;
        case ARMED_REFUSED:
                if (p && watch_is_armed(p))
                        refused(w, p, m);
                break;
        case ARMED_DYING:
                if (p)
                        p->arm = m->n ? ARM_WRITTEN : ARM_DYING;
                break;
        case ARMED_HELD:
                if (p)
                        watch_brake_off(w, p, true);
                say_end(w, p, m);
                break;
        case ARMED_KILLED:
                say_end(w, p, m);
                break;
        case ARMED_BUNDLE:
                publish(w, p, m);
                break;
        case ARMED_FAILED:
                w->dumps.incomplete = true;
                watch_say(&w->live, "no bundle of the end of PID %d: %s", m->pid, m->text);
                break;
        case ARMED_ENDED:
                if (!p && w->arms.left > 0)
                        w->arms.left--;
                break;
        }
        /* Of a holder the end counts: there may be a kill to come. */
        if (p && p->holder.child == 0 &&
            (m->word == ARMED_BUNDLE || m->word == ARMED_FAILED || m->word == ARMED_ENDED))
                watch_arm_told(p);
}

static struct watched *find(struct watcher *w, const struct armed_message *m)
{
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (p->target.pid == m->pid && p->target.start_ticks == m->start_ticks && !p->ended)
                        return p;
        }
        return NULL;
}

void watch_arm_words(struct watcher *w)
{
        static struct armed_message m;

        while (armed_read(&w->arms.armed, &m) > 0)
                hear(w, find(w, &m), &m);
}
