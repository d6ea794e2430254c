/* SPDX-License-Identifier: MIT */
#include "agent_so/service.h"

#include <dlfcn.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/state.h"
#include "agent_so/dump/dump.h"
#include "agent_so/recorder/history.h"
#include "agent_so/malloc_stats/malloc_stats.h"
#include "agent_so/modules/module_find.h"
#include "agent_so/modules/modules.h"
#include "agent_so/seccomp.h"
#include "agent_so/stacks/stack_memory.h"
#include "agent_so/uncancelled.h"
#include "base/clock.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define SAMPLES_BEFORE    8
#define STACK_BYTES       (256 << 10)     /* malloc_info() and the allocators' statistics run on it */
#define MODULES_PERIOD_NS (10 * NS_PER_S) /* between two looks for modules that are gone */
#define MALLOC_PERIOD_NS  (60 * NS_PER_S)
#define MALLOC_SHARE      1000 /* of the time, at most one part goes into malloc's statistics */

static const struct service_guest *guest;

void service_receive(const struct service_guest *g)
{
        __atomic_store_n(&guest, g, __ATOMIC_RELEASE);
}

static bool guest_waits(void)
{
        const struct service_guest *g = __atomic_load_n(&guest, __ATOMIC_ACQUIRE);

        return g && g->waits();
}

static void guest_serve(uint64_t now)
{
        const struct service_guest *g = __atomic_load_n(&guest, __ATOMIC_ACQUIRE);

        if (g)
                g->serve(now);
}

void service_wake(void)
{
        __atomic_fetch_add(&agent.service_calls, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &agent.service_calls, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static bool recording(void)
{
        return __atomic_load_n(&agent.state, __ATOMIC_ACQUIRE) == AGENT_ON;
}

/* Often at the beginning, when the heap grows; later now and then.  What takes long is done rarely: mallinfo2() walks the
 * free lists under each arena's lock, some 100 ns for each free block. */
static void take_malloc_stats(uint64_t now)
{
        uint64_t age = now - agent.header->began_monotonic_ns, begin = clock_monotonic_ns(), took;

        malloc_stats_take(__atomic_exchange_n(&agent.malloc_asked, 0, __ATOMIC_ACQUIRE));
        took = clock_monotonic_ns() - begin;
        if (age > MALLOC_PERIOD_NS)
                age = MALLOC_PERIOD_NS;
        if (age < NS_PER_S)
                age = NS_PER_S;
        agent.malloc_ns = now + (age > took * MALLOC_SHARE ? age : took * MALLOC_SHARE);
}

static void take_modules(uint64_t now)
{
        module_find_refresh();
        modules_check_unloaded();
        agent.modules_ns = now + MODULES_PERIOD_NS;
}

/* Of several who would start it, one. */
static bool service_claim(void)
{
        uint32_t expected = SERVICE_NONE;

        return __atomic_compare_exchange_n(&agent.service, &expected, SERVICE_STARTING, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* A table of descriptors of the thread's own, an empty one.  In the program's, what the thread opens for an instant could take the
 * number that the program expects next, or be closed by it and then, by us, once more.  (Under a filter of a container's the
 * thread stays in the program's: not every filter knows the call, and some kill for it.) */
static void leave_descriptors(void)
{
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
                syscall(SYS_close_range, 0, UINT_MAX, CLOSE_RANGE_UNSHARE); /* Linux 5.9 */
}

static void *serve(void *arg)
{
        static const struct timespec tick = {.tv_sec = 1};
        uint64_t last = 0;
        uint32_t calls;

        (void)arg;
        agent_enter(); /* what this thread allocates is not the program's */
        pthread_setname_np(pthread_self(), "swansong");
        leave_descriptors();
again:
        while (calls = __atomic_load_n(&agent.service_calls, __ATOMIC_SEQ_CST),
               recording() || guest_waits()) {
                uint64_t now = clock_monotonic_ns();

                if (agent_sealed) {
                        seccomp_park();
                        continue;
                }
                guest_serve(now);
                if (!recording())
                        continue;
                if (__atomic_load_n(&agent.dump_pending, __ATOMIC_ACQUIRE) > 0) {
                        dump_take(true);
                        continue;
                }
                if (now - last >= NS_PER_S / 10 * 9) {
                        last = now;
                        history_take(now);
                        if (now >= agent.modules_ns)
                                take_modules(now);
                        if (now >= agent.malloc_ns)
                                take_malloc_stats(now);
                }
                syscall(SYS_futex, &agent.service_calls, FUTEX_WAIT_PRIVATE, calls, &tick, NULL, 0);
        }
        /* Detached.  Who injects again sees that nobody runs, or we see that he did. */
        __atomic_store_n(&agent.service, SERVICE_NONE, __ATOMIC_SEQ_CST);
        if (guest_waits() && service_claim()) {
                __atomic_store_n(&agent.service, SERVICE_RUNNING, __ATOMIC_SEQ_CST);
                goto again;
        }
        return NULL;
}

static void start(void)
{
        pthread_attr_t attr;
        sigset_t all, before;
        pthread_t thread;
        int err;

        if (pthread_attr_init(&attr) != 0)
                return;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, STACK_BYTES);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        __atomic_store_n(&agent.service, SERVICE_RUNNING, __ATOMIC_RELEASE);
        err = pthread_create(&thread, &attr, serve, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        if (err) {
                __atomic_store_n(&agent.service, SERVICE_REFUSED, __ATOMIC_RELEASE);
                header_flag(RECORDER_NO_THREAD);
        }
}

/* Is any frame but the outermost ones (__libc_start_main, start_thread) in the C library or the loader? */
static bool passes_library(const uint64_t *frames, unsigned n)
{
        static struct module_range libc, loader;

        if (libc.end == 0) {
                if (!module_find((uintptr_t)getpid, &libc) || !module_find(getauxval(AT_BASE), &loader)) {
                        libc.end = 0;
                        return true;
                }
        }
        while (n > 0 && frames[n - 1] - libc.start < libc.end - libc.start)
                n--;
        for (unsigned i = 0; i < n; i++)
                if (frames[i] - libc.start < libc.end - libc.start ||
                    frames[i] - loader.start < loader.end - loader.start)
                        return true;
        return false;
}

/* glibc's word for "there is a single thread so far".  NULL: an older one, which does not tell. */
static const char *single_threaded;

void service_init(void)
{
        single_threaded = dlsym(RTLD_DEFAULT, "__libc_single_threaded");
}

static bool is_alone(void)
{
        return single_threaded && *single_threaded;
}

bool service_start(void)
{
        if (!is_alone() && agent_options.thread && !agent_sealed && service_claim())
                start();
        return service_runs();
}

/* No lock of the C library or the loader is held, no signal handler runs, and the stack is not a coroutine's small one. */
static bool good_place(const uint64_t *frames, unsigned n)
{
        /* The outermost frame is _start, in the program: not counted as a way through the library. */
        return n > 0 && !passes_library(frames, n - (n > 1 && frames[n - 1] != 0)) && getpid() == agent.pid &&
               stack_own_end((uintptr_t)__builtin_frame_address(0)) != 0;
}

/* The work of the thread that is not there. */
static void serve_here(uint64_t now)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();

        guest_serve(now);
        if (__atomic_load_n(&agent.dump_pending, __ATOMIC_ACQUIRE) > 0)
                dump_take(true);
        if (now >= agent.modules_ns)
                take_modules(now);
        take_malloc_stats(now);
}

static __attribute__((noinline)) void begin(const uint64_t *frames, unsigned n, bool cut, uint64_t now_ns)
{
        if (cut || agent.header->counters.samples < SAMPLES_BEFORE || !good_place(frames, n))
                return;
        if (is_alone())
                serve_here(now_ns);
        else if (service_claim())
                start();
}

void service_consider(const uint64_t *frames, unsigned n, bool cut, uint64_t now_ns)
{
        if (likely(agent.service != SERVICE_NONE) || agent_sealed)
                return;
        if (is_alone() ? now_ns >= agent.malloc_ns || (agent.dump_pending | agent.malloc_asked)
                       : agent_options.thread)
                begin(frames, n, cut, now_ns);
}
