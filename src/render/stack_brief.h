/* SPDX-License-Identifier: MIT */
/* stack_brief - a stack in one line.
 *
 *   __futex_abstimed_wait_common64, __futex_abstimed_wait_common, ___pthread_cond_wait,
 *   std::condition_variable::wait<…>, shop::Service::wait_for_work, start_thread, clone3
 * becomes
 *   pthread_cond_wait ← std::condition_variable::wait ← shop::Service::wait_for_work
 * What the C library does inside a call and what every thread begins with is left out; so are template arguments.
 */
#ifndef SWANSONG_RENDER_STACK_BRIEF_H
#define SWANSONG_RENDER_STACK_BRIEF_H

#include "render/text/text.h"

/* Append it to out, innermost first, in at most `columns`. */
void stack_brief(const struct report_thread *thread, size_t columns, struct buf *out);

/* The last part of a path. */
const char *path_base(const char *path);

#endif
