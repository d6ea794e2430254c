/* SPDX-License-Identifier: MIT */
#include "analysis/key_value.h"

#include <errno.h>

#include "analysis/amount.h"

bool line_next(struct scan *text, struct scan *ret_line)
{
        const char *end;

        if (text->at >= text->end)
                return false;
        end = memchr(text->at, '\n', scan_left(text));
        *ret_line = (struct scan){text->at, end ? end : text->end};
        text->at = end ? end + 1 : text->end;
        return true;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

/* "6640 kB", "270336", "0\t0\t0\t0" */
static uint64_t value_parse(struct scan s)
{
        uint64_t value;

        if (!scan_number(&s, &value))
                return REPORT_UNKNOWN;
        return scan_word(&s, " kB") ? amount_times(value, 1024) : value;
}

bool key_value_next(struct scan *text, struct key_value *ret)
{
        struct scan line;

        while (line_next(text, &line)) {
                struct scan key = {line.at, line.at};

                while (key.end < line.end && *key.end != ':' && !is_blank(*key.end))
                        key.end++;
                line.at = key.end;
                scan_word(&line, ":");
                while (line.at < line.end && is_blank(*line.at))
                        line.at++;
                if (scan_left(&key) == 0)
                        continue;
                *ret = (struct key_value){key, line, value_parse(line)};
                return true;
        }
        return false;
}

void key_value_fill(const char *text, size_t len, const struct key_field *fields, size_t n, void *out)
{
        struct scan s = scan_of(text, len);
        struct key_value kv;
        uint64_t seen = 0; /* one bit per field; no table has more than 64 */

        while (key_value_next(&s, &kv))
                for (size_t i = 0; i < n; i++)
                        if (scan_is(&kv.key, fields[i].key) && !(seen & UINT64_C(1) << i)) {
                                memcpy((char *)out + fields[i].offset, &kv.value, sizeof(kv.value));
                                seen |= UINT64_C(1) << i;
                                break;
                        }
}

int key_value_list(const char *text, size_t len, struct pool *pool, const struct report_key_value **ret,
                   size_t *ret_n)
{
        struct scan s = scan_of(text, len);
        struct report_key_value *list = NULL;
        size_t n = 0, room = 0;
        struct key_value kv;

        while (n < KEY_VALUE_MAX && key_value_next(&s, &kv)) {
                if (!amount_known(kv.value))
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n].key = pool_strndup(pool, kv.key.at, scan_left(&kv.key));
                if (!list[n].key)
                        return -ENOMEM;
                list[n++].value = kv.value;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

uint64_t key_value_get(const struct report_key_value *list, size_t n, const char *key)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i].key, key) == 0)
                        return list[i].value;
        return REPORT_UNKNOWN;
}
