/* SPDX-License-Identifier: MIT */
#include "cli/armed/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* A ballast is not taken on while others are dying. */
#define FILL_WAIT_US 1000000

#define RETRY_US 1000000

#define STACK_BYTES ((size_t)512 << 10)

#define WORKERS_MIN 2
#define WORKERS_MAX 4

/* A thread of its own: filling may block for as long as memory is out. */
static void *keep_ballast(void *data)
{
        struct slots *s = data;

        for (;;) {
                while (sem_wait(&s->fill) < 0)
                        ;
                do
                        usleep(FILL_WAIT_US);
                while (slots_busy(s));
                ballast_fill(&s->ballast);
        }
        return NULL;
}

/* --- the steps */

/* Take on the one of those WAITING whose next step is the most perishable; of equals, the one with the least time left.  Who
 * calls this has put one there, or a token of s->steps: there is one for him, and if another was quicker with it, another one. */
static struct slot *claim(struct slots *s)
{
        for (;;) {
                struct slot *best = NULL;
                int waiting = SLOT_WAITING;

                for (unsigned i = 0; i < s->n; i++) {
                        struct slot *slot = &s->items[i];

                        if (slot_state(slot) != SLOT_WAITING)
                                continue;
                        if (!best || slot->steps < best->steps ||
                            (slot->steps == best->steps && slot->end_ns < best->end_ns))
                                best = slot;
                }
                if (best && atomic_compare_exchange_strong(&best->state, &waiting, SLOT_TAKING))
                        return best;
        }
}

/* Is there a slot that comes before this one? */
static bool is_other_first(const struct slots *s, const struct slot *mine)
{
        for (unsigned i = 0; i < s->n; i++)
                if (slot_state(&s->items[i]) == SLOT_WAITING && s->items[i].steps < mine->steps)
                        return true;
        return false;
}

static void *take_steps(void *data)
{
        struct slots *s = data;
        int home_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        const uint64_t one = 1;

        for (;;) {
                struct slot *slot;

                while (sem_wait(&s->steps) < 0)
                        ;
                slot = claim(s);
                for (;;) {
                        size_t steps = at_kill_step(slot->kill);

                        slot->steps = steps;
                        if (steps == AT_KILL_DONE)
                                break;
                        /* The target's network namespace ends with the target, if we do not hold it. */
                        if (at_kill_moved(slot->kill) && home_netns >= 0)
                                setns(home_netns, CLONE_NEWNET);
                        if (is_other_first(s, slot)) {
                                atomic_store(&slot->state, SLOT_WAITING);
                                slot = claim(s);
                        }
                }
                atomic_store(&slot->state, SLOT_TAKEN);
                (void)!write(s->done_fd, &one, sizeof(one));
        }
        return NULL;
}

/* --- new slots, and used ones */

static void *renew(void *data)
{
        struct slots *s = data;

        for (;;) {
                while (sem_wait(&s->renew) < 0)
                        ;
                for (unsigned i = 0; i < s->n; i++) {
                        struct slot *slot = &s->items[i];

                        if (slot_state(slot) != SLOT_RENEWING)
                                continue;
                        at_kill_free(slot->kill);
                        slot->kill = NULL;
                        while (at_kill_make(s->max_threads, &slot->kill) < 0)
                                usleep(RETRY_US);
                        atomic_store(&slot->state, SLOT_FREE);
                }
        }
        return NULL;
}

void slots_want(struct slots *s, unsigned n)
{
        while (s->n < n && s->n < SLOTS_MAX) {
                atomic_store(&s->items[s->n].state, SLOT_RENEWING);
                s->n++;
                sem_post(&s->renew);
        }
}

static int start_thread(void *(*run)(void *), void *data)
{
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_BYTES);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        r = -pthread_create(&thread, &attr, run, data);
        pthread_attr_destroy(&attr);
        return r;
}

int slots_make(struct slots *s, size_t max_threads, int done_fd)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned n = cpus < WORKERS_MIN ? WORKERS_MIN : cpus > WORKERS_MAX ? WORKERS_MAX : (unsigned)cpus;
        int r;

        *s = (struct slots){.n = n, .max_threads = max_threads, .done_fd = done_fd};
        r = ballast_fill(&s->ballast);
        if (r < 0)
                return r;
        sem_init(&s->steps, 0, 0);
        sem_init(&s->renew, 0, 0);
        sem_init(&s->fill, 0, 0);
        for (unsigned i = 0; r == 0 && i < n; i++)
                r = at_kill_make(max_threads, &s->items[i].kill);
        for (unsigned i = 0; r == 0 && i < n; i++)
                r = start_thread(take_steps, s);
        if (r == 0)
                r = start_thread(renew, s);
        return r == 0 ? start_thread(keep_ballast, s) : r;
}

struct slot *slots_free(struct slots *s)
{
        for (unsigned i = 0; i < s->n; i++)
                if (slot_state(&s->items[i]) == SLOT_FREE)
                        return &s->items[i];
        return NULL;
}

bool slots_capture(const struct slots *s)
{
        for (unsigned i = 0; i < s->n; i++)
                if (slot_captures(&s->items[i]))
                        return true;
        return false;
}

bool slots_busy(const struct slots *s)
{
        for (unsigned i = 0; i < s->n; i++)
                if (slot_captures(&s->items[i]) || slot_state(&s->items[i]) == SLOT_TAKEN)
                        return true;
        return false;
}

void slots_make_room(struct slots *s)
{
        ballast_drop(&s->ballast);
}

void slot_begin(struct slots *s, struct slot *slot, struct attended *target, const struct attend_dying *dying,
                uint64_t budget_ns, enum census_how census)
{
        slot->target = target;
        slot->signal = dying->signal;
        slot->dying_ns = dying->first_stop_ns;
        slot->end_ns = dying->first_stop_ns + budget_ns;
        slot->let_go_ns = 0;
        slot->gone = false;
        slot->steps = 0;
        at_kill_begin(slot->kill, &target->target, &target->id, dying, budget_ns, census);
        atomic_store(&slot->state, SLOT_WAITING);
        sem_post(&s->steps);
}

void slot_renew(struct slots *s, struct slot *slot)
{
        slot->target = NULL;
        atomic_store(&slot->state, SLOT_RENEWING);
        sem_post(&s->renew);
        sem_post(&s->fill);
}
