/* SPDX-License-Identifier: MIT */
#include "analysis/limits.h"

#include "analysis/key_value.h"

static uint64_t soft_limit(struct scan line)
{
        uint64_t value;

        scan_blanks(&line);
        return scan_number(&line, &value) ? value : REPORT_UNKNOWN; /* "unlimited" */
}

void limits_parse(const char *text, size_t len, struct limits *ret)
{
        struct limits l = {REPORT_UNKNOWN, REPORT_UNKNOWN};
        struct scan s = scan_of(text, len), line;

        while (line_next(&s, &line))
                if (scan_word(&line, "Max address space "))
                        l.address_space = soft_limit(line);
                else if (scan_word(&line, "Max data size "))
                        l.data = soft_limit(line);
        *ret = l;
}
