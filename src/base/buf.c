/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/escape.h"

void buf_done(struct buf *b)
{
        if (!b->fixed)
                free(b->data);
        *b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
        b->len = 0;
        b->cut = false;
        if (b->data)
                b->data[0] = '\0';
}

int buf_reserve(struct buf *b, size_t n)
{
        size_t want, size;
        char *grown;

        if (n > b->max || b->len > b->max - n)
                return -ENOSPC;
        want = b->len + n + 1;
        if (want <= b->size)
                return 0;
        if (b->fixed)
                return -ENOSPC;
        size = b->size ? b->size : 256;
        while (size < want)
                size *= 2;
        if (size > b->max + 1)
                size = b->max + 1;
        grown = realloc(b->data, size);
        if (!grown)
                return -ENOMEM;
        b->data = grown;
        b->size = size;
        return 0;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
        if (n > b->max - b->len) {
                n = b->max - b->len;
                b->cut = true;
        }
        if (buf_reserve(b, n) < 0) {
                b->cut = true;
                return;
        }
        if (n > 0)
                memcpy(b->data + b->len, data, n);
        b->len += n;
        b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
        buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
        buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
        char small[512];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(small, sizeof(small), format, args);
        va_end(args);
        if (n < 0) {
                b->cut = true;
                return;
        }
        if ((size_t)n < sizeof(small)) {
                buf_add(b, small, (size_t)n);
                return;
        }
        if (buf_reserve(b, (size_t)n) < 0) {
                b->cut = true;
                return;
        }
        va_start(args, format);
        vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
        va_end(args);
        b->len += (size_t)n;
}

void buf_escaped(struct buf *b, const char *s, size_t n)
{
        char piece[64 * ESCAPE_MAX_GROWTH + 1];

        while (n > 0) {
                size_t take = n < 64 ? n : 64;

                /* Do not cut a UTF-8 character in two: step back to its first byte. */
                if (take < n)
                        for (size_t back = 1; back < 4 && back < take; back++)
                                if (utf8_char_len(s + take - back, n - (take - back)) > back) {
                                        take -= back;
                                        break;
                                }
                escape_text(s, take, piece, sizeof(piece));
                buf_str(b, piece);
                s += take;
                n -= take;
        }
}
