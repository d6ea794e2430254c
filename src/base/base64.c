/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

/* The six bits that a character stands for, or -1. */
static int digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t len, void *out, size_t size, size_t *ret_len)
{
        uint8_t *bytes = out;
        size_t n = 0, padding = 0;

        if (len % 4 != 0)
                return -EINVAL;
        if (len > 0 && text[len - 1] == '=')
                padding = text[len - 2] == '=' ? 2 : 1;
        for (size_t i = 0; i < len; i += 4) {
                size_t wanted = i + 4 == len ? 3 - padding : 3;
                uint32_t bits = 0;

                for (size_t j = 0; j < 4; j++) {
                        int value = j > wanted ? 0 : digit(text[i + j]);

                        if (value < 0)
                                return -EINVAL;
                        bits = bits << 6 | (uint32_t)value;
                }
                /* Bits that are left over must be zero: one text for one meaning. */
                if (bits & ((1U << 8 * (3 - wanted)) - 1))
                        return -EINVAL;
                if (n + wanted > size)
                        return -ENOSPC;
                for (size_t j = 0; j < wanted; j++)
                        bytes[n++] = (uint8_t)(bits >> (16 - 8 * j));
        }
        *ret_len = n;
        return 0;
}
