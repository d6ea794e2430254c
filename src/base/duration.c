/* SPDX-License-Identifier: MIT */
#include "base/duration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/number.h"

static const struct {
        const char *name;
        double ns;
} units[] = {
        {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9},
};

int duration_parse(const char *s, uint64_t max_ns, uint64_t *ret_ns)
{
        const char *end = s + strlen(s);
        uint64_t whole;
        double value, weight = 0.1;
        int r = number_scan(&s, end, 10, &whole);

        if (r < 0)
                return r;
        value = (double)whole;
        if (*s == '.') {
                if (s[1] < '0' || s[1] > '9')
                        return -EINVAL;
                for (s++; *s >= '0' && *s <= '9'; s++, weight /= 10)
                        value += weight * (*s - '0');
        }
        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (strcmp(s, units[i].name) == 0) {
                        value *= units[i].ns;
                        if (value < 1 || value > (double)max_ns)
                                return -ERANGE;
                        *ret_ns = (uint64_t)value;
                        return 0;
                }
        return -EINVAL;
}

char *duration_format(uint64_t ns, char out[DURATION_TEXT])
{
        size_t unit = 0;

        while (unit + 1 < ARRAY_SIZE(units) && (double)ns >= units[unit + 1].ns)
                unit++;
        snprintf(out, DURATION_TEXT, "%.3g %s", (double)ns / units[unit].ns, units[unit].name);
        return out;
}
