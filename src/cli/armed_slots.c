/* SPDX-License-Identifier: MIT */
#include "cli/armed_slots.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

/* Freed when the kill comes, so that there is memory to work with: in a machine-wide OOM the first allocation would otherwise
 * wait 2 s for the oom_reaper, and by then the victim's memory is gone (16 MiB were enough for everything). */
#define BALLAST_BYTES ((size_t)16 << 20)

/* A ballast is not taken on while others are dying. */
#define FILL_WAIT_US 1000000

#define RETRY_US 1000000

#define STACK_BYTES ((size_t)512 << 10)

static void ballast_fill(struct slots *s)
{
        void *memory, *none = NULL;

        if (atomic_load(&s->ballast))
                return;
        memory = mmap(NULL, BALLAST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                      -1, 0);
        if (memory != MAP_FAILED && !atomic_compare_exchange_strong(&s->ballast, &none, memory))
                munmap(memory, BALLAST_BYTES);
}

static void ballast_drop(struct slots *s)
{
        void *memory = atomic_exchange(&s->ballast, NULL);

        if (memory)
                munmap(memory, BALLAST_BYTES);
}

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
                ballast_fill(s);
        }
        return NULL;
}

/* One of the collectors looks at sockets from inside the target's network namespace, which ends with the target. */
static void take(struct slot *slot, int home_netns)
{
        at_kill_take(slot->kill);
        if (home_netns >= 0)
                setns(home_netns, CLONE_NEWNET);
}

static void renew(struct slot *slot)
{
        at_kill_free(slot->kill);
        slot->kill = NULL;
        while (at_kill_make(slot->all->max_threads, &slot->kill) < 0)
                usleep(RETRY_US);
        sem_post(&slot->all->fill);
}

static void *work(void *data)
{
        struct slot *slot = data;
        int home_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        const uint64_t one = 1;

        for (;;) {
                while (sem_wait(&slot->go) < 0)
                        ;
                if (slot_state(slot) == SLOT_TAKING) {
                        take(slot, home_netns);
                        atomic_store(&slot->state, SLOT_TAKEN);
                } else {
                        renew(slot);
                        atomic_store(&slot->state, SLOT_FREE);
                }
                (void)!write(slot->all->done_fd, &one, sizeof(one));
        }
        return NULL;
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
        unsigned n = cpus < 2 ? 2 : cpus > SLOTS_MAX ? SLOTS_MAX : (unsigned)cpus;
        int r = 0;

        *s = (struct slots){.max_threads = max_threads, .done_fd = done_fd};
        ballast_fill(s);
        if (!s->ballast)
                return -ENOMEM;
        sem_init(&s->fill, 0, 0);
        for (; r == 0 && s->n < n; s->n++) {
                struct slot *slot = &s->items[s->n];

                slot->all = s;
                sem_init(&slot->go, 0, 0);
                r = at_kill_make(max_threads, &slot->kill);
                if (r == 0)
                        r = start_thread(work, slot);
        }
        return r == 0 ? start_thread(keep_ballast, s) : r;
}

struct slot *slots_free(struct slots *s)
{
        for (unsigned i = 0; i < s->n; i++)
                if (slot_state(&s->items[i]) == SLOT_FREE)
                        return &s->items[i];
        return NULL;
}

bool slots_busy(const struct slots *s)
{
        for (unsigned i = 0; i < s->n; i++) {
                enum slot_state state = slot_state(&s->items[i]);

                if (state == SLOT_TAKING || state == SLOT_TAKEN)
                        return true;
        }
        return false;
}

void slot_begin(struct slot *slot, struct attended *target, const struct attend_dying *dying,
                uint64_t budget_ns)
{
        ballast_drop(slot->all);
        slot->target = target;
        slot->signal = dying->signal;
        slot->dying_ns = dying->first_stop_ns;
        slot->end_ns = dying->first_stop_ns + budget_ns;
        slot->let_go_ns = 0;
        slot->gone = false;
        at_kill_begin(slot->kill, &target->target, &target->id, dying, budget_ns);
        atomic_store(&slot->state, SLOT_TAKING);
        sem_post(&slot->go);
}

void slot_renew(struct slot *slot)
{
        slot->target = NULL;
        atomic_store(&slot->state, SLOT_RENEWING);
        sem_post(&slot->go);
}
