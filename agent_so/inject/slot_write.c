/* SPDX-License-Identifier: MIT */
#include "agent_so/inject/slot_write.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* No machine has smaller ones. */
#define PAGE_LEAST 4096

/* The range that is open now: one walk at a time. */
static uintptr_t open_from, open_to;

/* Let the kernel add 0 to the word: it answers EFAULT where we would get a signal. */
static bool futex_word_is_writable(const uintptr_t *word)
{
        static uint32_t nobody;

        return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0, word,
                       FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_LT, 0)) >= 0;
}

/* Asked once for each page: a system call, at which a thread that swansong has borrowed stops twice. */
static bool is_writable(struct slot_writer *w, const uintptr_t *word)
{
        uintptr_t page = (uintptr_t)word / PAGE_LEAST + 1;

        if (w->writable_page != page && futex_word_is_writable(word))
                w->writable_page = page;
        return w->writable_page == page;
}

static bool open_relro(struct slot_writer *w, const uintptr_t *word)
{
        if (w->open)
                return true;
        if (w->later || futex_word_is_writable(word)) {
                w->later = true;
                return false;
        }
        __atomic_store_n(&open_to, w->relro_to, __ATOMIC_RELAXED);
        __atomic_store_n(&open_from, w->relro_from, __ATOMIC_RELEASE);
        w->open = mprotect((void *)w->relro_from, w->relro_to - w->relro_from, PROT_READ | PROT_WRITE) == 0;
        if (!w->open)
                __atomic_store_n(&open_from, 0, __ATOMIC_RELEASE);
        return w->open;
}

bool slot_write(struct slot_writer *w, uintptr_t *word, uintptr_t from, uintptr_t to, bool in_relro)
{
        if (in_relro ? !open_relro(w, word) : !is_writable(w, word)) {
                w->refused++;
                return false;
        }
        return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void slot_write_end(struct slot_writer *w)
{
        if (w->open)
                mprotect((void *)w->relro_from, w->relro_to - w->relro_from, PROT_READ);
        __atomic_store_n(&open_from, 0, __ATOMIC_RELEASE);
        w->open = w->later = false;
}

void slot_write_forked(void)
{
        uintptr_t from = __atomic_load_n(&open_from, __ATOMIC_ACQUIRE);

        if (from)
                mprotect((void *)from, open_to - from, PROT_READ);
        open_from = 0;
}
