/* SPDX-License-Identifier: MIT */
/* modules - the recorder's list of the files whose code is on recorded stacks.
 *
 * A module is listed when an address in it is first seen, and checked for being gone after each dlclose() and by the
 * service thread (the C library closes some by itself, unseen).
 */
#ifndef SWANSONG_AGENT_SO_MODULES_MODULES_H
#define SWANSONG_AGENT_SO_MODULES_MODULES_H

#include <stdbool.h>

#include "agent_so/modules/module_find.h"

/* List it if it is not.  false: somebody else is at it; try again with the next address. */
bool modules_register(const struct module_range *m);

/* Find those that are gone: mark them, retire the stacks that they are on, forget their rows. */
void modules_check_unloaded(void);

#endif
