/* SPDX-License-Identifier: MIT */
/* text_stack - stacks: the threads that share one are shown once. */
#ifndef SWANSONG_RENDER_TEXT_STACK_H
#define SWANSONG_RENDER_TEXT_STACK_H

#include "render/text.h"

struct stack_group {
        size_t first; /* index of the first thread with this stack */
        size_t n_threads;
};

/* The different stacks, the most frequent first; *ret is malloc'ed.  Their number, 0 also when memory is out. */
size_t stack_groups(const struct report *r, struct stack_group **ret);

/* "epoll_wait < ev_run < main", innermost first, in at most `columns`. */
void text_stack_brief(const struct text *t, const struct report_thread *thread, size_t columns);

#endif
