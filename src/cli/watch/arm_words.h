/* SPDX-License-Identifier: MIT */
/* arm_words - what the attendant, its writers and the holders say of the processes (enum armed_word), and what becomes of it. */
#ifndef SWANSONG_CLI_WATCH_ARM_WORDS_H
#define SWANSONG_CLI_WATCH_ARM_WORDS_H

#include "cli/watch/loop.h"

/* Hear all that has been said. */
void watch_arm_words(struct watcher *w);

/* It has ended, and all has been told. */
void watch_arm_told(struct watched *p);

#endif
