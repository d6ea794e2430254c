/* SPDX-License-Identifier: MIT */
/* stack_memory - words of a stack, read only where the memory is there.
 *
 * A page is tested by handing its address to rt_sigprocmask() with an impossible `how`: the kernel copies the mask in
 * first (EFAULT: not readable) and then refuses (EINVAL).  Nothing changes; about 70 ns.  Pages of a thread's own stack
 * between the frame and the thread's descriptor stay as long as the thread: they are tested once.
 */
#ifndef SWANSONG_AGENT_SO_STACKS_STACK_MEMORY_H
#define SWANSONG_AGENT_SO_STACKS_STACK_MEMORY_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/state.h"

#define STACK_PAGE UINT64_C(4096) /* the smallest there is: finer than needed where pages are larger */

struct stack_memory {
        uintptr_t from, to; /* known to be readable */
};

extern void *__libc_stack_end; /* ld.so: where the main thread's stack began */

static inline bool stack_page_readable(uintptr_t address)
{
        int saved = errno;
        bool readable;

        /* The first page's address is NULL, for the kernel no mask at all.  Sealed, a page is perhaps readable, but nobody may ask. */
        if (unlikely(address < STACK_PAGE || agent_sealed))
                return false;
        readable =
                syscall(SYS_rt_sigprocmask, ~0, address & ~(STACK_PAGE - 1), NULL, 8) == 0 || errno != EFAULT;

        errno = saved;
        return readable;
}

/* Where the stack that holds sp ends, if it is this thread's own; else 0.  glibc puts a thread's descriptor at the top
 * of its stack. */
static inline uintptr_t stack_own_end(uintptr_t sp)
{
        uintptr_t main_end = (uintptr_t)__libc_stack_end, descriptor = (uintptr_t)__builtin_thread_pointer();
        uintptr_t most = 64 << 20;

        if (sp < descriptor && descriptor - sp < most)
                return (descriptor | (STACK_PAGE - 1)) + 1;
        if (sp < main_end && main_end - sp < most)
                return (main_end | (STACK_PAGE - 1)) + 1;
        return 0;
}

/* Begin with what this thread knows of its own stack. */
static inline struct stack_memory stack_memory_begin(uintptr_t sp)
{
        struct agent_thread *t = &agent_thread;
        uintptr_t page = sp & ~(STACK_PAGE - 1), end;

        if (page >= t->stack_from && page < t->stack_to)
                return (struct stack_memory){page, t->stack_to};
        end = stack_own_end(sp);
        if (end <= page)
                return (struct stack_memory){page, page};
        /* Deeper than ever on the same stack, or the first time. */
        uintptr_t tested_to = end == t->stack_to && page < t->stack_from ? t->stack_from : end;

        /* A thread's own stack is in one piece; the test is for the stack of a coroutine that lies below it. */
        for (uintptr_t p = page; p < tested_to && !agent_sealed; p += STACK_PAGE)
                if (!stack_page_readable(p))
                        return (struct stack_memory){page, p};
        t->stack_from = page;
        t->stack_to = end;
        return (struct stack_memory){page, end};
}

static inline bool stack_word(struct stack_memory *m, uintptr_t address, uintptr_t *ret)
{
        if (unlikely(address & 7))
                return false;
        if (unlikely(address < m->from || address >= m->to)) {
                uintptr_t page = address & ~(STACK_PAGE - 1);

                if (!stack_page_readable(page))
                        return false;
                if (page == m->to)
                        m->to += STACK_PAGE;
                else
                        *m = (struct stack_memory){page, page + STACK_PAGE};
        }
        *ret = *(const uintptr_t *)address;
        return true;
}

#endif
