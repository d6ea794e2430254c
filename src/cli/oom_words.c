/* SPDX-License-Identifier: MIT */
#include "cli/oom_words.h"

#include <string.h>

#include "base/size.h"

void oom_words(const struct oom_kill *k, struct buf *out)
{
        const struct oom_usage *hit = oom_kill_limit_hit(k);
        char size[SIZE_TEXT];

        buf_str(out, "killed by the kernel for memory");
        if (k->why.scope == OOM_SCOPE_GROUP && !k->why.group[0]) {
                /* Beyond the kernel's rate limit only its last line is left. */
                buf_str(out, ": its memory group has used up its limit");
        } else if (k->why.scope == OOM_SCOPE_GROUP) {
                buf_str(out, ": memory group ");
                buf_escaped(out, k->why.group, strlen(k->why.group));
                buf_str(out, " has used up its limit");
                if (hit->limit != OOM_UNKNOWN && hit->limit != OOM_UNLIMITED)
                        buf_printf(out, " of %s%s", size_format(hit->limit, size),
                                   hit == &k->why.memsw ? " for memory and swap together" : "");
        } else if (k->why.scope == OOM_SCOPE_GLOBAL) {
                buf_str(out, ": the machine has no memory left");
        }
        if (k->why.trigger_pid > 0) {
                buf_str(out, "; the allocation that found none was ");
                if (k->why.trigger_pid == k->pid)
                        buf_str(out, "its own");
                else {
                        buf_escaped(out, k->why.trigger_comm, strlen(k->why.trigger_comm));
                        buf_printf(out, "'s (thread %d)", k->why.trigger_pid);
                }
        }
}
