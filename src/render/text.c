/* SPDX-License-Identifier: MIT */
#include "render/text.h"

void render_text(const struct report *r, const struct render_style *style, struct buf *out)
{
        static text_section *const sections[] = {
                text_first_screen, text_heap,   text_malloc,  text_notes,   text_threads, text_memory,
                text_process,      text_tree,   text_cgroup,  text_kill,    text_sockets, text_fds,
                text_maps,         text_system, text_history, text_missing,
        };
        const struct text t = {.r = r, .style = style, .out = out};

        for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
                sections[i](&t);
}
