/* SPDX-License-Identifier: MIT */
/* options - SWANSONG_OPTIONS="sample=64K,keep,dir=/run/x": a list of words divided by commas.
 *
 * An unknown word or a wrong value is one warning and the default instead: a profiler's typing mistake must not keep a
 * service from starting.
 */
#ifndef SWANSONG_AGENT_OPTIONS_H
#define SWANSONG_AGENT_OPTIONS_H

#include "agent_so/state.h"

#define OPTIONS_VARIABLE "SWANSONG_OPTIONS"

void options_default(struct agent_options *o);

/* Parse `text` on top of what is in o.  `warn` is called once for each word that is not understood, with the word and
 * the reason. */
void options_parse(const char *text, struct agent_options *o,
                   void (*warn)(const char *word, size_t length, const char *reason, void *arg), void *arg);

#endif
