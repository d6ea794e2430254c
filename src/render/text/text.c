/* SPDX-License-Identifier: MIT */
#include "render/text/text.h"

static text_section *const sections[] = {
        text_first_screen, text_heap,   text_census,  text_heaps,  text_malloc,  text_notes,
        text_threads,      text_memory, text_process, text_tree,   text_cgroup,  text_kill,
        text_sockets,      text_fds,    text_maps,    text_system, text_history, text_missing,
};

/* Of a bundle without a target. */
static text_section *const machine_sections[] = {text_system, text_missing};

void render_text(const struct report *r, const struct render_style *style, struct buf *out)
{
        text_section *const *list = r->machine_only ? machine_sections : sections;
        size_t n = r->machine_only ? ARRAY_SIZE(machine_sections) : ARRAY_SIZE(sections);
        const struct text t = {.r = r, .style = style, .out = out};

        for (size_t i = 0; i < n; i++)
                list[i](&t);
}
