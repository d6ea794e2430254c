/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/file_note.h"

#include <inttypes.h>
#include <string.h>

static uint64_t word(const uint8_t *p)
{
        uint64_t v = 0;

        for (int i = 7; i >= 0; i--)
                v = v << 8 | p[i];
        return v;
}

/* As the kernel writes paths into maps: a newline would end the line. */
static void put_path(struct buf *maps, const char *path, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (path[i] == '\n')
                        buf_str(maps, "\\012");
                else
                        buf_char(maps, path[i]);
}

void file_note_to_maps(const uint8_t *note, size_t size, struct buf *maps)
{
        const char *name, *end = (const char *)note + size;
        uint64_t count, page;

        if (size < 16)
                return;
        count = word(note);
        page = word(note + 8);
        if (count > (size - 16) / 24)
                return;
        name = (const char *)note + 16 + 24 * count;
        for (uint64_t i = 0; i < count; i++) {
                const uint8_t *entry = note + 16 + 24 * i;
                const char *nul = memchr(name, '\0', (size_t)(end - name));

                if (!nul)
                        return;
                /* Inode 1: any will do, for a line of a file. */
                buf_printf(maps, "%" PRIx64 "-%" PRIx64 " r-xp %" PRIx64 " 00:00 1 ", word(entry),
                           word(entry + 8), word(entry + 16) * page);
                put_path(maps, name, (size_t)(nul - name));
                buf_char(maps, '\n');
                name = nul + 1;
        }
}
