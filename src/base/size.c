/* SPDX-License-Identifier: MIT */
#include "base/size.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

static int unit_shift(const char *s, unsigned *ret_shift)
{
        static const char units[] = "KMGTP";
        const char *u;

        *ret_shift = 0;
        if (*s == '\0' || strcasecmp(s, "b") == 0)
                return 0;
        u = strchr(units, *s >= 'a' ? *s - 'a' + 'A' : *s);
        if (!u)
                return -EINVAL;
        if (s[1] != '\0' && strcasecmp(s + 1, "b") != 0 && strcasecmp(s + 1, "ib") != 0)
                return -EINVAL;
        *ret_shift = 10 * (unsigned)(u - units + 1);
        return 0;
}

int size_parse(const char *s, struct size_spec *ret)
{
        unsigned shift;
        double value;
        int r = number_decimal(&s, &value);

        if (r < 0)
                return r;
        if (strcmp(s, "%") == 0) {
                if (value <= 0 || value > 100)
                        return -ERANGE;
                *ret = (struct size_spec){.is_percent = true, .percent = value};
                return 0;
        }
        r = unit_shift(s, &shift);
        if (r < 0)
                return r;
        value *= (double)(1ULL << shift);
        if (value < 1 || value >= 9.2e18)
                return -ERANGE;
        *ret = (struct size_spec){.bytes = (uint64_t)value};
        return 0;
}

uint64_t size_resolve(const struct size_spec *spec, uint64_t whole)
{
        return spec->is_percent ? (uint64_t)((double)whole * spec->percent / 100) : spec->bytes;
}

char *size_format(uint64_t bytes, char out[SIZE_TEXT])
{
        static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        double value = (double)bytes;
        size_t unit = 0;

        /* 1023.5 would be printed as 1024: go to the next unit a little early. */
        while (value >= 1023.5 && unit + 1 < sizeof(names) / sizeof(names[0])) {
                value /= 1024;
                unit++;
        }
        snprintf(out, SIZE_TEXT, "%.*f %s",
                 unit == 0 || value >= 99.95 ? 0
                 : value >= 9.995            ? 1
                                             : 2,
                 value, names[unit]);
        return out;
}
