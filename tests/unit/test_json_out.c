/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "base/json_out.h"

Test(json_out, is_read_back_by_a_json_library)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(65536);
        struct json_out j = {.buf = &b};
        json_t *root;
        json_error_t error;

        json_put_object_begin(&j, NULL);
        json_put_string(&j, "comm", "a \"b\" \\ \n\x1b[0m \xff \xe2\x82\xac \xf0\x9f\xa6\xa2");
        json_put_uint(&j, "big", UINT32_MAX);
        json_put_int(&j, "adj", -1000);
        json_put_null(&j, "none");
        json_put_array_begin(&j, "list");
        json_put_bool(&j, NULL, true);
        json_put_object_begin(&j, NULL);
        json_put_object_end(&j);
        json_put_string_n(&j, NULL, "a\0b", 3);
        json_put_array_end(&j);
        json_put_object_end(&j);

        for (size_t i = 0; i < b.len; i++)
                cr_assert(b.data[i] >= 0x20 && b.data[i] < 0x7f, "pure printable ASCII");
        root = json_loadb(b.data, b.len, 0, &error);
        cr_assert_not_null(root, "%s in %s", error.text, b.data);
        cr_expect_str_eq(json_string_value(json_object_get(root, "comm")),
                         "a \"b\" \\ \n\x1b[0m \\xff \xe2\x82\xac \xf0\x9f\xa6\xa2");
        cr_expect_eq(json_integer_value(json_object_get(root, "adj")), -1000);
        cr_expect_eq(json_array_size(json_object_get(root, "list")), 3);
        cr_expect_str_eq(json_string_value(json_array_get(json_object_get(root, "list"), 2)), "a\\x00b");
        json_decref(root);
}
