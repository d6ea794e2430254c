/* SPDX-License-Identifier: MIT */
/* crash_words - the signals by which a program ends that has gone wrong, signal(7)'s action "Core". */
#ifndef SWANSONG_CLI_ARMED_CRASH_WORDS_H
#define SWANSONG_CLI_ARMED_CRASH_WORDS_H

#include <stdint.h>

#include "base/buf.h"

/* Bit N-1 for signal N. */
uint64_t crash_signals(void);

/* "killed by signal 11 (SIGSEGV, invalid memory reference)". */
void crash_words(int signal, struct buf *out);

#endif
