/* SPDX-License-Identifier: MIT */
#include "base/maps_line.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

static bool skip(const char **p, const char *end, char c)
{
        if (*p >= end || **p != c)
                return false;
        (*p)++;
        return true;
}

static bool perms_valid(const char *s)
{
        return (s[0] == 'r' || s[0] == '-') && (s[1] == 'w' || s[1] == '-') && (s[2] == 'x' || s[2] == '-') &&
               (s[3] == 'p' || s[3] == 's');
}

int maps_line_parse(const char *text, size_t len, struct maps_line *ret, const char **ret_next)
{
        const char *newline = len ? memchr(text, '\n', len) : NULL;
        const char *end = newline ? newline : text + len;
        const char *p = text;
        struct maps_line m = {0};
        uint64_t major, minor;

        if (ret_next)
                *ret_next = newline ? newline + 1 : end;
        if (number_scan(&p, end, 16, &m.start) < 0 || !skip(&p, end, '-') ||
            number_scan(&p, end, 16, &m.end) < 0 || !skip(&p, end, ' ') || m.start >= m.end)
                return -EINVAL;
        if (end - p < 5 || !perms_valid(p))
                return -EINVAL;
        memcpy(m.perms, p, 4);
        p += 4;
        if (!skip(&p, end, ' ') || number_scan(&p, end, 16, &m.offset) < 0 || !skip(&p, end, ' ') ||
            number_scan(&p, end, 16, &major) < 0 || !skip(&p, end, ':') ||
            number_scan(&p, end, 16, &minor) < 0 || !skip(&p, end, ' ') ||
            number_scan(&p, end, 10, &m.inode) < 0)
                return -EINVAL;
        if (major > UINT32_MAX || minor > UINT32_MAX)
                return -EINVAL;
        m.dev_major = (uint32_t)major;
        m.dev_minor = (uint32_t)minor;
        if (p < end && *p != ' ')
                return -EINVAL;
        while (p < end && *p == ' ')
                p++;
        if (p < end) {
                m.path = p;
                m.path_len = (size_t)(end - p);
        }
        *ret = m;
        return 0;
}
