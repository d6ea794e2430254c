/* SPDX-License-Identifier: MIT */
/* inject - the agent's life in a process that it was loaded into while that ran (base/recorder/agent_entry.h is the way in).
 *
 *     dlopen()                 nothing but the constructor's look at where we are: quiet
 *     swansong_inject(text)    options, recorder, the hooks wanted
 *                              -> service thread (in a program with a single thread, and with thread=off: at once): hooks on
 *     swansong_detach()        the hooks not wanted any more
 *                              -> the same: hooks off, state DETACHED, the service thread ends; the recorder stays as it is
 *     swansong_inject(text)    live blocks are forgotten (who knows which were freed since), then as the first time; the
 *                              recorder goes on: same file, same stacks; dir= and size= stay what they were
 *
 * Our code stays loaded for ever (-z nodelete): threads may be in it, and pointers to it may have been copied.
 */
#include <errno.h>
#include <sys/auxv.h>

#include "agent_so/agent.h"
#include "agent_so/exec.h"
#include "agent_so/inject/hooks.h"
#include "agent_so/recorder/live_table.h"
#include "agent_so/interpose/mapping_index.h"
#include "agent_so/interpose/mmap.h"
#include "agent_so/options.h"
#include "agent_so/interpose/real.h"
#include "agent_so/seccomp.h"
#include "agent_so/service.h"
#include "agent_so/uncancelled.h"
#include "base/clock.h"

EXPORT int swansong_inject(const char *options);
EXPORT int swansong_detach(void);
EXPORT int swansong_continue(void);

/* How long a thread of the program's is kept at a time: the file that it is at by then is finished.  To begin takes 0.7 ms, most of
 * it for the recorder, and the call itself as much again. */
#define TURN_NS (NS_PER_MS / 2)

/* CLOCK_MONOTONIC: when the thread that is here is wanted back. */
static uint64_t turn_end_ns;

static const struct service_guest hooks_guest;

static void refuse(const char *word, size_t length, const char *reason, void *arg)
{
        (void)word, (void)length, (void)reason;
        *(int *)arg = -EINVAL;
}

/* Unlike a preloaded one's, a wrong option is an error: nobody's program fails to start for it. */
static int parse(const char *text)
{
        static struct agent_options parsed; /* too large for a borrowed stack */
        int err = 0;

        options_default(&parsed);
        options_parse(text, &parsed, refuse, &err);
        if (err == 0)
                agent_options = parsed;
        return err;
}

static int first_time(const char *options)
{
        const char *why;
        int err;

        /* As when preloaded: a program with more rights than its caller is left alone. */
        if (getauxval(AT_SECURE))
                return -EPERM;
        err = parse(options);
        if (err)
                return err;
        real_resolve_once();
        mmap_resolve();
        seccomp_resolve();
        exec_resolve();
        service_init();
        service_receive(&hooks_guest);
        err = hooks_init();
        if (err)
                return err;
        err = agent_begin(&why);
        if (err) {
                /* Another directory may do. */
                agent_allow(false);
                __atomic_store_n(&agent.state, AGENT_NONE, __ATOMIC_RELEASE);
        }
        return err;
}

static int once_more(const char *options)
{
        int err = parse(options);

        if (err)
                return err;
        agent.header->mean_asked = agent_options.mean;
        __atomic_store_n(&agent.header->mean, agent_options.mean, __ATOMIC_RELAXED);
        agent_allow(true);
        return 0;
}

static void forget_all(void)
{
        live_table_forget();
        if (mapping_index_lock()) {
                mapping_index_clear();
                mapping_index_unlock();
        }
}

/* Are the hooks not yet as they were wanted? */
static bool inject_pending(void)
{
        return agent_late && !hooks_settled();
}

/* The hooks as they are wanted, as far as that goes until then: as hooks_apply(). */
static int serve(uint64_t until_ns)
{
        struct recorder_header *h = agent.header;
        int r;

        if (agent.state == AGENT_DETACHED && hooks_wanted()) {
                forget_all();
                h->detached_ns = 0;
                __atomic_store_n(&agent.state, AGENT_ON, __ATOMIC_RELEASE);
        }
        r = hooks_apply(until_ns);
        if (r < 0 || !h) /* the child of a fork has no recorder so far */
                return r;
        hooks_report(h);
        if (!hooks_on()) {
                h->detached_ns = clock_monotonic_ns();
                __atomic_store_n(&agent.state, AGENT_DETACHED, __ATOMIC_RELEASE);
        } else if (h->hooked_words == 0) {
                header_flag(RECORDER_HEAP_UNSEEN);
        }
        return 0;
}

/* The service's part. */
static void inject_serve(uint64_t now_ns)
{
        if (agent_late && hooks_due(now_ns))
                serve(UINT64_MAX);
}

static const struct service_guest hooks_guest = {inject_pending, inject_serve};

/* A thread of the program's is here, and has something else to do. */
static int serve_a_while(void)
{
        return clock_monotonic_ns() < turn_end_ns ? serve(turn_end_ns) : -EINPROGRESS;
}

/* By the service thread if there is one, or can be. */
static int settle(bool may_start)
{
        if (!(may_start ? service_start() : service_runs()))
                return serve_a_while();
        service_wake();
        return 0;
}

static int go_on(void)
{
        return inject_pending() && !service_runs() ? serve_a_while() : 0;
}

static int inject(const char *options)
{
        int err;

        if (!agent_late)
                return agent.state == AGENT_ON ? -EALREADY : -ENOTSUP;
        if (hooks_wanted()) /* perhaps not all on yet: whoever asked for it was killed */
                return go_on() ?: -EALREADY;
        if (inject_pending())
                return -EBUSY; /* being detached */
        err = agent.state == AGENT_DETACHED ? once_more(options) : first_time(options);
        if (err)
                return err;
        agent.header->injected_ns = clock_monotonic_ns();
        hooks_want(true);
        return settle(true);
}

static int detach(const char *unused)
{
        (void)unused;
        if (!agent_late)
                return -ENOTSUP;
        if (!hooks_wanted())
                return go_on() ?: -EALREADY;
        agent_allow(false);
        hooks_want(false);
        return settle(false);
}

static int go_on_with(const char *unused)
{
        (void)unused;
        return agent_late ? go_on() : -ENOTSUP;
}

/* One at a time; errno and the state "inside" are the thread's own. */
static int enter(int (*function)(const char *), const char *options)
{
        static uint32_t busy;
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        int saved = errno, result = -EBUSY;
        uint32_t expected = 0;

        if (__atomic_compare_exchange_n(&busy, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                turn_end_ns = clock_monotonic_ns() + TURN_NS;
                if (agent_enter()) {
                        result = function(options);
                        agent_leave();
                }
                __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
        }
        errno = saved;
        return result;
}

int swansong_inject(const char *options)
{
        return enter(inject, options);
}

int swansong_detach(void)
{
        return enter(detach, NULL);
}

int swansong_continue(void)
{
        return enter(go_on_with, NULL);
}
