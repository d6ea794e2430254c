/* SPDX-License-Identifier: MIT */
/* oom_words - one sentence about a kill for memory. */
#ifndef SWANSONG_CLI_OOM_WORDS_H
#define SWANSONG_CLI_OOM_WORDS_H

#include "base/oom/oom_kill.h"

/* "killed by the kernel: memory group /a has used up its limit of 128 MiB; the allocation was httpd's (thread 4712)". */
void oom_words(const struct oom_kill *k, struct buf *out);

#endif
