/* SPDX-License-Identifier: MIT */
#include "cli/watch/witness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks/threads.h"
#include "cli/watch/loop.h"

static bool have_witness(struct watch_witness *w)
{
        if (!w->tried) {
                w->witness = WITNESS_NONE;
                w->tried = true;
                witness_open(&w->witness, &w->why_not);
        }
        return w->witness.ring.fd >= 0;
}

const char *watch_witness_call(struct watcher *w, struct watched *p)
{
        static char words[sizeof(w->witness.why_not.text) + 64];
        struct diag d;

        if (w->kernel.kmsg.fd < 0)
                return "a kill will leave no bundle: the kernel's log, which would tell of it, is not "
                       "followed";
        if (!have_witness(&w->witness))
                snprintf(words, sizeof(words), "of a kill there will be the kernel's word only: %s",
                         w->witness.why_not.text);
        else if (!p->threads && threads_prepare_told(&p->target, &p->threads, &d) < 0)
                snprintf(words, sizeof(words), "of a kill there will be the kernel's word only: %s", d.text);
        else
                snprintf(words, sizeof(words),
                         "of a kill there will be the kernel's word, and one thread's stack (BPF)");
        return words;
}

void watch_witness_dismiss(struct watched *p)
{
        threads_free(p->threads);
        p->threads = NULL;
        free(p->seen);
        p->seen = NULL;
}

void watch_witness_hear(struct watcher *w)
{
        static struct witness_record record;

        while (w->witness.tried && witness_read(&w->witness.witness, &record)) {
                struct watched *p = watch_kernel_find(w, (pid_t)record.victim_pid);

                if (!p || !p->threads)
                        continue;
                if (!p->seen)
                        p->seen = malloc(sizeof(*p->seen));
                if (p->seen)
                        *p->seen = record;
        }
}

const struct thread_capture *watch_witness_thread(const struct watched *p)
{
        const struct witness_record *r = p->seen;
        struct told_thread told;

        if (!r)
                return NULL;
        told = (struct told_thread){
                .tid = (pid_t)(r->pid == r->victim_pid ? r->tid : r->victim_tid),
                .registers = r->registers,
                .registers_size = sizeof(r->registers),
                .stack = {r->stack_address, r->stack_bytes, (const char *)r->stack},
        };
        threads_take_told(p->threads, &told);
        return p->threads;
}

void watch_witness_close(struct watcher *w)
{
        if (w->witness.tried)
                witness_close(&w->witness.witness);
}
