/* SPDX-License-Identifier: MIT */
#include "analysis/machine/swaps.h"

#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"

/* MAX_SWAPFILES of include/linux/swap.h is 32 at most. */
#define SWAPS_MAX 64

static void skip_space(struct scan *s)
{
        while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
                s->at++;
}

static struct scan next_word(struct scan *s)
{
        struct scan word;

        skip_space(s);
        word = (struct scan){s->at, s->at};
        while (word.end < s->end && *word.end != ' ' && *word.end != '\t')
                word.end++;
        s->at = word.end;
        return word;
}

static bool scan_swap(struct scan line, struct scan *ret_path, struct scan *ret_type, struct report_swap *ret)
{
        uint64_t size, used;

        *ret_path = next_word(&line);
        *ret_type = next_word(&line);
        skip_space(&line);
        if (!scan_number(&line, &size))
                return false;
        skip_space(&line);
        if (!scan_number(&line, &used))
                return false;
        skip_space(&line);
        *ret = (struct report_swap){.size = amount_times(size, 1024),
                                    .used = amount_times(used, 1024),
                                    .stored = REPORT_UNKNOWN,
                                    .memory = REPORT_UNKNOWN};
        return scan_int(&line, &ret->priority);
}

int swaps_parse(const char *text, size_t len, struct pool *pool, struct report_swap **ret, size_t *ret_n)
{
        struct scan s = scan_of(text, len), line, path, type;
        struct report_swap *list = NULL, swap;
        size_t n = 0, room = 0;

        while (n < SWAPS_MAX && line_next(&s, &line)) {
                if (!scan_swap(line, &path, &type, &swap))
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                swap.path = pool_strndup(pool, path.at, scan_left(&path));
                swap.type = pool_strndup(pool, type.at, scan_left(&type));
                if (!list || !swap.path || !swap.type)
                        return -ENOMEM;
                list[n++] = swap;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

bool zram_parse(const char *text, size_t len, uint64_t *ret_stored, uint64_t *ret_memory)
{
        struct scan s = scan_of(text, len);
        uint64_t stored, compressed, memory;

        scan_blanks(&s);
        if (!scan_number(&s, &stored))
                return false;
        scan_blanks(&s);
        if (!scan_number(&s, &compressed))
                return false;
        scan_blanks(&s);
        if (!scan_number(&s, &memory))
                return false;
        *ret_stored = stored;
        *ret_memory = memory;
        return true;
}
