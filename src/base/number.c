/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <string.h>

static int digit_value(char c, unsigned base)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (base == 16 && c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (base == 16 && c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int number_scan(const char **p, const char *end, unsigned base, uint64_t *ret)
{
        const char *s = *p;
        uint64_t value = 0;

        if (s >= end || digit_value(*s, base) < 0)
                return -EINVAL;
        for (; s < end; s++) {
                int d = digit_value(*s, base);

                if (d < 0)
                        break;
                if (value > (UINT64_MAX - (uint64_t)d) / base)
                        return -ERANGE;
                value = value * base + (uint64_t)d;
        }
        *p = s;
        *ret = value;
        return 0;
}

int number_parse(const char *s, uint64_t max, uint64_t *ret)
{
        const char *end = s + strlen(s);
        uint64_t value;
        int r = number_scan(&s, end, 10, &value);

        if (r < 0)
                return r;
        if (s != end)
                return -EINVAL;
        if (value > max)
                return -ERANGE;
        *ret = value;
        return 0;
}

int seconds_parse(const char *s, uint64_t max_ns, uint64_t *ret_ns)
{
        const uint64_t ns_per_s = 1000000000;
        const char *end = s + strlen(s);
        uint64_t whole = 0, fraction_ns = 0, unit = ns_per_s / 10;
        int r;

        if (*s != '.') {
                r = number_scan(&s, end, 10, &whole);
                if (r < 0)
                        return r;
        }
        if (*s == '.') {
                s++;
                if (s == end)
                        return -EINVAL;
                for (; s < end && *s >= '0' && *s <= '9'; s++, unit /= 10)
                        fraction_ns += unit * (uint64_t)(*s - '0');
        }
        if (s != end)
                return -EINVAL;
        if (whole > max_ns / ns_per_s)
                return -ERANGE;
        whole = whole * ns_per_s + fraction_ns;
        if (whole == 0 || whole > max_ns)
                return -ERANGE;
        *ret_ns = whole;
        return 0;
}

int number_decimal(const char **p, double *ret)
{
        const char *s = *p;
        uint64_t whole;
        double value, weight = 0.1;
        int r = number_scan(&s, s + strlen(s), 10, &whole);

        if (r < 0)
                return r;
        value = (double)whole;
        if (*s == '.') {
                if (s[1] < '0' || s[1] > '9')
                        return -EINVAL;
                for (s++; *s >= '0' && *s <= '9'; s++, weight /= 10)
                        value += weight * (*s - '0');
        }
        *p = s;
        *ret = value;
        return 0;
}
