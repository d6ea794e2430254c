/* SPDX-License-Identifier: MIT */
/* scan - step through text of known length, token by token, without copying or allocating.
 *
 * Each step either matches, moves behind what it matched and returns true, or returns false and leaves the
 * position as it was; so steps chain with && and a line that does not fit ends the chain. Never reads past
 * `end`.
 *
 *   "Killed process 90 (hog)":  scan_word(&s, "Killed process ") && scan_number(&s, &pid) && scan_word(&s, "
 * (")
 */
#ifndef SWANSONG_BASE_SCAN_H
#define SWANSONG_BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

struct scan {
        const char *at, *end;
};

static inline struct scan scan_of(const char *text, size_t len)
{
        return (struct scan){text, text + len};
}

static inline size_t scan_left(const struct scan *s)
{
        return (size_t)(s->end - s->at);
}

/* This very text stands here. */
static inline bool scan_word(struct scan *s, const char *word)
{
        size_t n = strlen(word);

        if (scan_left(s) < n || memcmp(s->at, word, n) != 0)
                return false;
        s->at += n;
        return true;
}

/* A decimal number. */
static inline bool scan_number(struct scan *s, uint64_t *ret)
{
        return number_scan(&s->at, s->end, 10, ret) == 0;
}

static inline bool scan_hex(struct scan *s, uint64_t *ret)
{
        return number_scan(&s->at, s->end, 16, ret) == 0;
}

/* A decimal number, perhaps negative, that fits 32 bits. */
static inline bool scan_int(struct scan *s, int32_t *ret)
{
        struct scan t = *s;
        bool negative = scan_word(&t, "-");
        uint64_t value;

        if (!scan_number(&t, &value) || value > INT32_MAX)
                return false;
        *ret = negative ? -(int32_t)value : (int32_t)value;
        *s = t;
        return true;
}

/* One within the limits. */
static inline bool scan_int_in(struct scan *s, int32_t least, int32_t most, int32_t *ret)
{
        struct scan t = *s;
        int32_t value;

        if (!scan_int(&t, &value) || value < least || value > most)
                return false;
        *ret = value;
        *s = t;
        return true;
}

/* Blanks, any number of them. */
static inline void scan_blanks(struct scan *s)
{
        while (s->at < s->end && *s->at == ' ')
                s->at++;
}

/* Go behind the first `word`. */
static inline bool scan_find(struct scan *s, const char *word)
{
        const char *found = memmem(s->at, scan_left(s), word, strlen(word));

        if (!found)
                return false;
        s->at = found + strlen(word);
        return true;
}

/* Go behind the first `word`; *ret is what stands before it. */
static inline bool scan_until(struct scan *s, const char *word, struct scan *ret)
{
        const char *from = s->at;

        if (!scan_find(s, word))
                return false;
        *ret = (struct scan){from, s->at - strlen(word)};
        return true;
}

/* Go behind the last `word`; *ret is what stands before it. */
static inline bool scan_until_last(struct scan *s, const char *word, struct scan *ret)
{
        size_t n = strlen(word);

        for (size_t left = scan_left(s); left >= n; left--) {
                const char *p = s->at + left - n;

                if (memcmp(p, word, n) == 0) {
                        *ret = (struct scan){s->at, p};
                        s->at = p + n;
                        return true;
                }
        }
        return false;
}

/* Copy what is left as a string, cut to fit. */
static inline void scan_copy(const struct scan *s, char *out, size_t out_size)
{
        size_t n = scan_left(s) < out_size ? scan_left(s) : out_size - 1;

        memcpy(out, s->at, n);
        out[n] = '\0';
}

#endif
