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
        double value;
        int r = number_decimal(&s, &value);

        if (r < 0)
                return r;
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
        double value = (double)ns;
        size_t unit = 0;

        /* 999.6 us would be printed as 1e+03 us, and 59.96 s as 60 s: go to the next unit a little early. */
        while (unit + 1 < ARRAY_SIZE(units) && value >= units[unit + 1].ns * 0.9995)
                unit++;
        value /= units[unit].ns;
        snprintf(out, DURATION_TEXT, value < 999.5 ? "%.3g %s" : "%.0f %s", value, units[unit].name);
        return out;
}
