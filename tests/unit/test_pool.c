/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/pool.h"

Test(pool, pieces_are_zeroed_aligned_and_apart)
{
        struct pool p = {0};
        unsigned char *last = NULL;

        for (size_t i = 0; i < 5000; i++) {
                size_t size = i % 97 + 1;
                unsigned char *piece = pool_alloc(&p, size);

                cr_assert_not_null(piece);
                cr_assert_eq((uintptr_t)piece % _Alignof(max_align_t), 0);
                for (size_t k = 0; k < size; k++)
                        cr_assert_eq(piece[k], 0, "piece %zu overlaps another", i);
                memset(piece, 0xff, size);
                cr_assert_neq(piece, last);
                last = piece;
        }
        cr_assert_not_null(pool_alloc(&p, 10 << 20), "a large block");
        cr_expect_str_eq(pool_strndup(&p, "swansong", 4), "swan");
        pool_free(&p);
        cr_expect_null(p.blocks);
}

Test(pool, an_impossible_size_is_refused)
{
        struct pool p = {0};

        cr_expect_null(pool_alloc(&p, SIZE_MAX));
        cr_expect_null(pool_alloc(&p, SIZE_MAX / 2));
        pool_free(&p);
}

Test(pool, an_array_keeps_its_elements_while_it_grows)
{
        struct pool p = {0};
        size_t capacity = 0;
        uint32_t *array = NULL;

        for (uint32_t i = 0; i < 100000; i++) {
                array = pool_grow(&p, array, i, i + 1, &capacity, sizeof(*array));
                cr_assert_not_null(array);
                array[i] = i;
        }
        for (uint32_t i = 0; i < 100000; i++)
                cr_assert_eq(array[i], i);
        pool_free(&p);
}
