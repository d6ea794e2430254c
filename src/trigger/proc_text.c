/* SPDX-License-Identifier: MIT */
#include "trigger/proc_text.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

int statm_parse(const char *text, size_t len, struct statm *ret)
{
        uint64_t fields[3];
        const char *p = text, *end = text + len;

        for (int i = 0; i < 3; i++) {
                if (i > 0 && (p >= end || *p++ != ' '))
                        return -EINVAL;
                if (number_scan(&p, end, 10, &fields[i]) < 0)
                        return -EINVAL;
        }
        *ret = (struct statm){fields[0], fields[1], fields[2]};
        return 0;
}

int kb_line_parse(const char *text, size_t len, const char *key, uint64_t *ret_bytes)
{
        size_t key_len = strlen(key);
        const char *end = text + len;

        for (const char *line = text; line && (size_t)(end - line) > key_len;) {
                if (memcmp(line, key, key_len) == 0) {
                        const char *p = line + key_len;
                        uint64_t kb;

                        while (p < end && (*p == ' ' || *p == '\t'))
                                p++;
                        if (number_scan(&p, end, 10, &kb) < 0 || kb > UINT64_MAX / 1024 || p == end ||
                            *p != ' ')
                                return -EINVAL;
                        *ret_bytes = kb * 1024;
                        return 0;
                }
                line = memchr(line, '\n', (size_t)(end - line));
                if (line)
                        line++;
        }
        return -ENODATA;
}
