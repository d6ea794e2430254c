/* SPDX-License-Identifier: MIT */
#include "analysis/heap/recorder.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/recorder/recorder_head.h"

/* An entry must have at least what a reader of version 1 looks at. */
static const size_t entry_sizes[RECORDER_N_SECTIONS] = {
        [RECORDER_LIVE_KEYS] = sizeof(uint64_t),
        [RECORDER_LIVE_RECORDS] = sizeof(struct recorder_live),
        [RECORDER_STACKS] = sizeof(struct recorder_stack),
        [RECORDER_FRAMES] = sizeof(uint64_t),
        [RECORDER_MODULES] = sizeof(struct recorder_module),
        [RECORDER_TEXT] = 1,
        [RECORDER_MALLOC] = sizeof(struct recorder_malloc),
        [RECORDER_HISTORY] = sizeof(struct recorder_sample),
        [RECORDER_NOTES] = sizeof(struct recorder_note),
        [RECORDER_THREADS] = sizeof(struct recorder_thread),
};

/* What of the section lies inside the bytes. */
static void open_table(struct recorder *r, unsigned id)
{
        const struct recorder_section *s = &r->head.section[id];
        uint64_t room;

        if (id >= r->head.n_sections || s->entry_size < entry_sizes[id] ||
            s->offset < RECORDER_HEADER_SPACE) {
                r->cut = r->cut || s->count > 0;
                return;
        }
        room = s->offset < r->len ? (r->len - s->offset) / s->entry_size : 0;
        r->cut = r->cut || s->count > room;
        r->tables[id] = (struct recorder_table){
                .first = r->data + (room ? s->offset : 0),
                .count = s->count < room ? s->count : room,
                .entry_size = s->entry_size,
        };
}

int recorder_open(const void *data, size_t len, struct recorder *ret, struct diag *d)
{
        struct recorder r = {.data = data, .len = len};
        int err = recorder_head_parse(data, len, &r.head);

        if (err == -ENOTSUP)
                return diag_set(d, err,
                                "a recorder of a version that this swansong does not know: use a newer one");
        if (err < 0)
                return diag_set(d, err, "not a recorder, or one whose process never began to record");
        r.cut = r.head.file_size > len;
        for (unsigned id = 0; id < RECORDER_N_SECTIONS; id++)
                open_table(&r, id);
        *ret = r;
        return 0;
}

bool recorder_get(const struct recorder *r, enum recorder_section_id table, uint64_t i, void *out,
                  size_t size)
{
        const struct recorder_table *t = &r->tables[table];
        size_t n = size < t->entry_size ? size : t->entry_size;

        if (i >= t->count)
                return false;
        memcpy(out, t->first + i * t->entry_size, n);
        memset((char *)out + n, 0, size - n);
        return true;
}

bool recorder_get_stack(const struct recorder *r, uint64_t i, struct recorder_stack *ret)
{
        return recorder_get(r, RECORDER_STACKS, i, ret, sizeof(*ret)) && ret->hash != RECORDER_KEY_FREE &&
               ret->hash != RECORDER_KEY_BUSY && ret->n_frames <= RECORDER_FRAMES_MAX;
}

bool recorder_get_stable(const struct recorder *r, enum recorder_section_id table, uint64_t i, void *out,
                         size_t size)
{
        uint64_t sequence;

        if (!recorder_get(r, table, i, out, size))
                return false;
        memcpy(&sequence, out, sizeof(sequence));
        return sequence != 0 && sequence % 2 == 0;
}

uint64_t recorder_frame(const struct recorder *r, const struct recorder_stack *s, unsigned i)
{
        uint64_t address = 0;

        recorder_get(r, RECORDER_FRAMES, (uint64_t)s->first_frame + i, &address, sizeof(address));
        return address;
}

const char *recorder_text(const struct recorder *r, uint32_t at, uint32_t length)
{
        const struct recorder_table *t = &r->tables[RECORDER_TEXT];

        if (t->entry_size != 1 || at > t->count || length > t->count - at)
                return NULL;
        return (const char *)t->first + at;
}

uint64_t recorder_last_ns(const struct recorder *r)
{
        uint64_t last = r->head.state != RECORDER_RUNNING && r->head.finished_ns > r->head.updated_ns
                                ? r->head.finished_ns
                                : r->head.updated_ns;

        return last > r->head.began_monotonic_ns ? last : r->head.began_monotonic_ns;
}
