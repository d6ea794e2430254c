/* SPDX-License-Identifier: MIT */
#include "render/json/values.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"

void json_put_amount(struct json_out *j, const char *key, uint64_t value)
{
        if (value > INT64_MAX)
                json_put_null(j, key);
        else
                json_put_uint(j, key, value);
}

void json_put_address(struct json_out *j, const char *key, uint64_t value)
{
        char text[24];

        snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
        json_put_string(j, key, value == REPORT_UNKNOWN ? NULL : text);
}

void json_put_time(struct json_out *j, const char *key, uint64_t realtime_ns)
{
        char text[CLOCK_TEXT];

        json_put_string(j, key, realtime_ns == REPORT_UNKNOWN ? NULL : clock_rfc3339(realtime_ns, text));
}

void json_put_double(struct json_out *j, const char *key, double value)
{
        if (isfinite(value))
                json_put_decimal(j, key, value);
        else
                json_put_null(j, key);
}

void json_put_score(struct json_out *j, const char *key, int32_t value)
{
        if (value == REPORT_UNKNOWN_INT)
                json_put_null(j, key);
        else
                json_put_int(j, key, value);
}

void json_put_id(struct json_out *j, const char *key, int32_t value, int32_t least)
{
        if (value < least)
                json_put_null(j, key);
        else
                json_put_int(j, key, value);
}

void json_put_key_values(struct json_out *j, const char *key, const struct report_key_value *rows, size_t n)
{
        json_put_object_begin(j, key);
        for (size_t i = 0; i < n; i++)
                json_put_amount(j, rows[i].key, rows[i].value);
        json_put_object_end(j);
}
