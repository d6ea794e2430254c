/* SPDX-License-Identifier: MIT */
#include "bundle/writer_spool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/populate.h"

struct spool {
        char *memory;
        size_t size, used;
        size_t last; /* where the last piece begins, if used > 0 */
};

/* In memory: this, the path with its NUL, the data; the next one at a multiple of its alignment. */
struct piece {
        size_t path_len, len;
        bool continues;
        char bytes[];
};

static size_t piece_size(size_t path_len, size_t len)
{
        size_t size = sizeof(struct piece) + path_len + 1 + len;

        return (size + _Alignof(struct piece) - 1) & ~(_Alignof(struct piece) - 1);
}

int spool_make(size_t most_bytes, size_t touched_bytes, struct spool **ret)
{
        struct spool *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->size = most_bytes;
        s->memory = mmap(NULL, most_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (s->memory == MAP_FAILED) {
                free(s);
                return -ENOMEM;
        }
        memory_populate(s->memory, touched_bytes < most_bytes ? touched_bytes : most_bytes);
        *ret = s;
        return 0;
}

void spool_free(struct spool *s)
{
        if (s)
                munmap(s->memory, s->size);
        free(s);
}

int spool_add(struct spool *s, const char *path, const void *data, size_t len)
{
        const struct piece *last = s->used > 0 ? (const struct piece *)(s->memory + s->last) : NULL;
        size_t path_len = strlen(path), size = piece_size(path_len, len);
        struct piece *p = (struct piece *)(s->memory + s->used);

        if (len > s->size || size > s->size - s->used)
                return -ENOSPC;
        *p = (struct piece){path_len, len, last && strcmp(last->bytes, path) == 0};
        memcpy(p->bytes, path, path_len + 1);
        memcpy(p->bytes + path_len + 1, data, len);
        s->last = s->used;
        s->used += size;
        return 0;
}

bool spool_next(const struct spool *s, size_t *at, struct spool_piece *ret)
{
        const struct piece *p = (const struct piece *)(s->memory + *at);

        if (*at >= s->used)
                return false;
        *ret = (struct spool_piece){p->bytes, p->continues, p->bytes + p->path_len + 1, p->len};
        *at += piece_size(p->path_len, p->len);
        return true;
}
