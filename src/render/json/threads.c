/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "render/json/values.h"

void json_put_frame(struct json_out *j, const char *key, const struct report_frame *f)
{
        json_put_object_begin(j, key);
        json_put_address(j, "pc", f->pc);
        json_put_string(j, "function", f->function);
        json_put_string(j, "module", f->module);
        json_put_address(j, "module_offset", f->module_offset);
        json_put_string(j, "build_id", f->build_id);
        json_put_string(j, "file", f->file);
        json_put_amount(j, "line", f->line);
        json_put_bool(j, "inlined", f->inlined);
        json_put_object_end(j);
}

/* Where in the output a thread's frames stand already. */
struct written {
        size_t at, len;
};

/* A thousand threads have a handful of stacks, and share their frames (analysis/stacks/stack_table.h): what was
 * written once is copied. */
static void put_frames(struct json_out *j, const struct report *r, size_t i, struct written *written)
{
        const struct report_thread *t = &r->threads[i];
        const struct written *same =
                written && t->same_stack_as < i && t->frames == r->threads[t->same_stack_as].frames
                        ? &written[t->same_stack_as]
                        : NULL;
        size_t at = j->buf->len;

        /* Reserved before, so that the source does not move while it is copied. */
        if (same && same->len > 0 && buf_reserve(j->buf, same->len) == 0) {
                buf_add(j->buf, j->buf->data + same->at, same->len);
        } else {
                json_put_array_begin(j, "frames");
                for (size_t k = 0; k < t->n_frames; k++)
                        json_put_frame(j, NULL, &t->frames[k]);
                json_put_array_end(j);
        }
        if (written)
                written[i] = (struct written){at, j->buf->len - at};
}

void json_put_threads(struct json_out *j, const struct report *r)
{
        /* Without memory for it every stack is written anew. */
        _cleanup_free_ struct written *written = calloc(r->n_threads + 1, sizeof(*written));

        json_put_array_begin(j, "threads");
        for (size_t i = 0; i < r->n_threads; i++) {
                const struct report_thread *t = &r->threads[i];

                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_int(j, "tid", t->tid);
                json_put_string(j, "comm", t->comm);
                json_put_string(j, "state", t->state);
                json_put_string(j, "wchan", t->wchan);
                json_put_string(j, "captured", t->captured);
                json_put_string(j, "reason", t->reason);
                json_put_bool(j, "complete", t->complete);
                json_put_amount(j, "same_stack_as", t->same_stack_as);
                put_frames(j, r, i, written);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}
