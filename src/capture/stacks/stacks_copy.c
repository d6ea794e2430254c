/* SPDX-License-Identifier: MIT */
/* stacks_copy - read the stacks that have been queued; by the tracer, and by a helper beside it.
 *
 * Copying is a quarter of a pause.  The tracer must do everything else (ptrace knows one thread only), so
 * where there are many threads another one copies: 1,024 threads pause 12.4 ms instead of 14.9 (bare: 9.4).
 *  Neither waits for the other but for a batch that is being copied; a helper that gets no CPU changes
 * nothing. */
#include "capture/stacks/stacks.h"

/* Read in one call; more saves little. */
#define BATCH 32

/* Made known to a helper together: fewer threads are copied before it has woken up. */
#define PUBLISH 16

static void batch_read(struct stacks *s, struct remote_piece *pieces, struct thread_copy **threads,
                       unsigned *bits_at, size_t n)
{
        remote_read_many(s->memory, pieces, n);
        for (size_t i = 0; i < n; i++)
                for (size_t page = 0; page < pieces[i].done / s->page_size; page++)
                        threads[i]->had |= UINT64_C(1) << (bits_at[i] + page);
}

/* Copy the stacks of queue[first .. first + n). */
static void copy(struct stacks *s, size_t first, size_t n)
{
        struct remote_piece pieces[REMOTE_BATCH];
        struct thread_copy *threads[REMOTE_BATCH];
        unsigned bits_at[REMOTE_BATCH], length;
        size_t count = 0;

        for (size_t q = first; q < first + n; q++) {
                struct thread_copy *t = &s->threads[s->queue[q]];

                for (unsigned bit = 0; (length = stacks_run_length(t->wanted, &bit)) > 0; bit += length) {
                        if (count == REMOTE_BATCH) {
                                batch_read(s, pieces, threads, bits_at, count);
                                count = 0;
                        }
                        pieces[count] = (struct remote_piece){
                                .address = t->start + bit * s->page_size,
                                .to = stacks_page(s, t, bit),
                                .bytes = length * s->page_size,
                        };
                        threads[count] = t;
                        bits_at[count++] = bit;
                }
        }
        batch_read(s, pieces, threads, bits_at, count);
}

/* Claim some of what is published, and copy it.  false: there was nothing left to claim. */
static bool copy_some(struct stacks *s)
{
        size_t first = atomic_load(&s->claimed), n;

        do {
                n = atomic_load(&s->published) - first;
                if (n == 0)
                        return false;
                if (n > BATCH)
                        n = BATCH;
        } while (!atomic_compare_exchange_weak(&s->claimed, &first, first + n));
        copy(s, first, n);
        atomic_fetch_add(&s->copied, n);
        return true;
}

void stacks_queue(struct stacks *s, size_t i)
{
        s->queue[s->queued++] = (uint32_t)i;
        if (s->expected > 64 && s->queued % PUBLISH == 0) {
                atomic_store(&s->published, s->queued);
                sem_post(&s->work);
        }
}

void stacks_finish(struct stacks *s)
{
        atomic_store(&s->published, s->queued);
        while (copy_some(s))
                ;
        while (atomic_load(&s->copied) < s->queued)
                sem_wait(&s->progress);
}

void stacks_help(struct stacks *s)
{
        while (!atomic_load(&s->closed)) {
                sem_wait(&s->work);
                while (copy_some(s))
                        sem_post(&s->progress);
        }
}

void stacks_close(struct stacks *s)
{
        atomic_store(&s->closed, true);
        sem_post(&s->work);
}
