/* SPDX-License-Identifier: MIT */
#include "base/json_out.h"

#include <string.h>

#include "base/escape.h"

static uint32_t utf8_code(const char *s, size_t n)
{
        uint32_t code = (unsigned char)s[0];

        if (n == 2)
                code &= 0x1f;
        else if (n == 3)
                code &= 0x0f;
        else if (n == 4)
                code &= 0x07;
        for (size_t i = 1; i < n; i++)
                code = code << 6 | ((unsigned char)s[i] & 0x3f);
        return code;
}

static bool is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character that cannot stand as it is; how many bytes it took. */
static size_t add_escaped(struct buf *b, const char *s, size_t len)
{
        size_t n = utf8_char_len(s, len);
        unsigned char c = (unsigned char)s[0];
        uint32_t code;

        if (n == 0 || c == 0) {
                buf_printf(b, "\\\\x%02x", c);
                return 1;
        }
        code = utf8_code(s, n);
        if (c == '"' || c == '\\')
                buf_printf(b, "\\%c", c);
        else if (code >= 0x10000)
                buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                           0xdc00 + ((code - 0x10000) & 0x3ff));
        else
                buf_printf(b, "\\u%04x", code);
        return n;
}

static void add_quoted(struct buf *b, const char *s, size_t len)
{
        buf_char(b, '"');
        for (size_t i = 0; i < len;) {
                size_t plain = i;

                while (plain < len && is_plain((unsigned char)s[plain]))
                        plain++;
                buf_add(b, s + i, plain - i);
                i = plain;
                if (i < len)
                        i += add_escaped(b, s + i, len - i);
        }
        buf_char(b, '"');
}

static void begin_value(struct json_out *j, const char *key)
{
        if (j->comma)
                buf_char(j->buf, ',');
        if (j->line)
                buf_char(j->buf, '\n');
        if (key) {
                add_quoted(j->buf, key, strlen(key));
                buf_char(j->buf, ':');
        }
        j->comma = true;
        j->line = false;
}

void json_put_line(struct json_out *j)
{
        j->line = true;
}

void json_put_object_begin(struct json_out *j, const char *key)
{
        begin_value(j, key);
        buf_char(j->buf, '{');
        j->comma = false;
}

void json_put_object_end(struct json_out *j)
{
        buf_char(j->buf, '}');
        j->comma = true;
}

void json_put_array_begin(struct json_out *j, const char *key)
{
        begin_value(j, key);
        buf_char(j->buf, '[');
        j->comma = false;
}

void json_put_array_end(struct json_out *j)
{
        buf_char(j->buf, ']');
        j->comma = true;
}

void json_put_string_n(struct json_out *j, const char *key, const char *value, size_t n)
{
        begin_value(j, key);
        add_quoted(j->buf, value, n);
}

void json_put_string(struct json_out *j, const char *key, const char *value)
{
        if (value)
                json_put_string_n(j, key, value, strlen(value));
        else
                json_put_null(j, key);
}

void json_put_uint(struct json_out *j, const char *key, uint64_t value)
{
        begin_value(j, key);
        buf_printf(j->buf, "%llu", (unsigned long long)value);
}

void json_put_int(struct json_out *j, const char *key, int64_t value)
{
        begin_value(j, key);
        buf_printf(j->buf, "%lld", (long long)value);
}

void json_put_decimal(struct json_out *j, const char *key, double value)
{
        begin_value(j, key);
        buf_printf(j->buf, "%.3f", value);
}

void json_put_bool(struct json_out *j, const char *key, bool value)
{
        begin_value(j, key);
        buf_str(j->buf, value ? "true" : "false");
}

void json_put_null(struct json_out *j, const char *key)
{
        begin_value(j, key);
        buf_str(j->buf, "null");
}
