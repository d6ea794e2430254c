/* SPDX-License-Identifier: MIT */
#include "base/gathered.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "base/number.h"

int gathered_next(const char **p, const char *end, struct gathered *ret)
{
        const char *s = *p;
        uint64_t tid, len;

        if (s >= end)
                return 0;
        if (number_scan(&s, end, 10, &tid) < 0 || tid > INT_MAX || s >= end || *s++ != ' ')
                return -EBADMSG;
        if (number_scan(&s, end, 10, &len) < 0 || s >= end || *s++ != '\n')
                return -EBADMSG;
        if (len >= (uint64_t)(end - s) || s[len] != '\n')
                return -EBADMSG;
        *ret = (struct gathered){(pid_t)tid, s, (size_t)len};
        *p = s + len + 1;
        return 1;
}
