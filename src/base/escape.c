/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Decode one character as RFC 3629 allows it: no overlong form, no surrogate, nothing above U+10FFFF. */
static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *ret_code)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t n;
        uint32_t code;

        if (len == 0)
                return 0;
        if (s[0] < 0x80) {
                *ret_code = s[0];
                return 1;
        }
        if (s[0] >= 0xc2 && s[0] <= 0xdf) {
                n = 2;
                code = s[0] & 0x1f;
        } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
                n = 3;
                code = s[0] & 0x0f;
        } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
                n = 4;
                code = s[0] & 0x07;
        } else {
                return 0;
        }
        if (len < n)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;
        *ret_code = code;
        return n;
}

/* Control characters, and what shows nothing but changes how the rest is shown: bidi, separators of lines, invisible ones. */
static const struct {
        uint32_t first, last;
} unsafe[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
        {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

static bool code_is_safe(uint32_t code)
{
        if (code >= 0x20 && code < 0x7f)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++)
                if (code >= unsafe[i].first && code <= unsafe[i].last)
                        return false;
        return true;
}

size_t utf8_char_len(const char *s, size_t len)
{
        uint32_t code;

        return utf8_decode((const unsigned char *)s, len, &code);
}

static const char hex[] = "0123456789abcdef";

size_t escape_text(const char *in, size_t in_len, char *out, size_t out_size)
{
        size_t o = 0;

        for (size_t i = 0; i < in_len;) {
                const unsigned char *s = (const unsigned char *)in + i;
                uint32_t code = 0;
                size_t n = utf8_decode(s, in_len - i, &code);

                if (n > 0 && code_is_safe(code)) {
                        if (o + n >= out_size)
                                break;
                        memcpy(out + o, s, n);
                        o += n;
                        i += n;
                        continue;
                }
                if (*s == '\n' || *s == '\t') {
                        if (o + 2 >= out_size)
                                break;
                        out[o++] = '\\';
                        out[o++] = *s == '\n' ? 'n' : 't';
                } else {
                        if (o + 4 >= out_size)
                                break;
                        out[o++] = '\\';
                        out[o++] = 'x';
                        out[o++] = hex[*s >> 4];
                        out[o++] = hex[*s & 15];
                }
                i++;
        }
        out[o] = '\0';
        return o;
}

size_t escape_cell(const char *in, size_t in_len, char *out)
{
        size_t n = 0;

        for (size_t i = 0; i < in_len; i++) {
                unsigned char byte = (unsigned char)in[i];

                if (byte >= 0x20 && byte != 0x7f && byte != '\\') {
                        out[n++] = in[i];
                        continue;
                }
                out[n++] = '\\';
                out[n++] = 'x';
                out[n++] = hex[byte >> 4];
                out[n++] = hex[byte & 15];
        }
        return n;
}

char *escape_dup(const char *in, size_t in_len)
{
        char *out = malloc(in_len * ESCAPE_MAX_GROWTH + 1);

        if (out)
                escape_text(in, in_len, out, in_len * ESCAPE_MAX_GROWTH + 1);
        return out;
}
