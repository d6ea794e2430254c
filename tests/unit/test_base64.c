/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"

Test(base64, decodes_whole_groups_with_padding_at_the_end_only)
{
        static const struct {
                const char *text, *bytes;
                size_t n;
        } good[] = {
                {"", "", 0},
                {"Zg==", "f", 1},
                {"Zm8=", "fo", 2},
                {"Zm9v", "foo", 3},
                {"AAAA", "\0\0\0", 3},
                {"Zm9vYmFy", "foobar", 6},
                {"+/+/", "\xfb\xff\xbf", 3},
                {"c29tZSAyMDAwMDAgMjAwMDAwMAA=", "some 200000 2000000", 20},
        };
        static const char *const bad[] = {"Z",    "Zg",       "Zg=",      "Zh==",   "Zm9=",
                                          "Z===", "====",     "Zg==Zg==", "Zm=v",   "Zm9v\n",
                                          "Zm 9", "Zm9vYm-y", "=Zm9",     "Zm9\xff"};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                char out[32];
                size_t n = 99;

                cr_assert_eq(base64_decode(good[i].text, strlen(good[i].text), out, sizeof(out), &n), 0, "%s",
                             good[i].text);
                cr_expect_eq(n, good[i].n, "%s", good[i].text);
                cr_expect_eq(memcmp(out, good[i].bytes, n), 0, "%s", good[i].text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char out[32];
                size_t n;

                cr_expect_eq(base64_decode(bad[i], strlen(bad[i]), out, sizeof(out), &n), -EINVAL, "%s",
                             bad[i]);
        }
}

Test(base64, writes_no_byte_beyond_its_buffer)
{
        char out[5] = "abcd";
        size_t n;

        cr_expect_eq(base64_decode("Zm9vYmFy", 8, out, 4, &n), -ENOSPC);
        cr_expect_eq(out[4], '\0');
        cr_expect_eq(base64_decode("Zm9vYg==", 8, out, 4, &n), 0);
        cr_expect_eq(n, 4);
}
