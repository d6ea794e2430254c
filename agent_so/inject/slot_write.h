/* SPDX-License-Identifier: MIT */
/* slot_write - change one word of a loaded file's tables while the program runs.
 *
 * One compare-and-swap: a thread that calls through the word meanwhile goes the old way or the new one, and a loader that
 * binds it meanwhile wins.  What the loader has made read-only (RELRO) is made writable for the walk through that one file and
 * read-only again: the whole range that it protected, so that no mapping is split.
 *
 * Trap: RELRO that is still writable belongs to a file that another thread is loading just now, and will turn read-only at
 * any instant: not touched, to be looked at again.  Whether a page is writable the kernel tells (futex_word_is_writable), so that no
 * guess can end in a SIGSEGV.
 */
#ifndef SWANSONG_AGENT_SO_INJECT_SLOT_WRITE_H
#define SWANSONG_AGENT_SO_INJECT_SLOT_WRITE_H

#include <stdbool.h>
#include <stdint.h>

struct slot_writer {
        uintptr_t relro_from, relro_to; /* of the file, rounded to pages as the loader does */
        bool open;                      /* we made it writable */
        bool later;                     /* the loader is not done with the file */
        uintptr_t writable_page;        /* the number of the last page found writable, + 1; 0: none */
        uint32_t refused;               /* words that are not writable, or not yet */
};

/* Change *word from one value to another; in_relro: it lies in the range above.  false: not done (another value is there
 * by now, or refused). */
bool slot_write(struct slot_writer *w, uintptr_t *word, uintptr_t from, uintptr_t to, bool in_relro);

/* Done with the file: protect it as it was. */
void slot_write_end(struct slot_writer *w);

/* In the child of a fork: protect what the parent had open at that instant. */
void slot_write_forked(void);

#endif
