/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "agent_so/stacks/near_row.h"

static bool same(const struct cfi_row *a, const struct cfi_row *b)
{
        return a->kind == b->kind && a->offset == b->offset && a->fp == b->fp && a->extra == b->extra;
}

Test(near_row, every_row_is_what_it_was_when_it_is_taken_out_of_its_word)
{
        static const int32_t offsets[] = {
                -16, 0, 1, 8, 12, 16, 24, 4096, 8 * UINT16_MAX, 8 * (UINT16_MAX + 1), (1 << 23) - 8};
        static const int16_t places[] = {-2048, -513, -3, -2, -1, 0, 1, 2047};

        for (int kind = CFI_NONE; kind <= CFI_END; kind++)
                for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++)
                        for (size_t f = 0; f < sizeof(places) / sizeof(places[0]); f++)
                                for (size_t e = 0; e < sizeof(places) / sizeof(places[0]); e++) {
                                        struct cfi_row row = {.kind = (uint8_t)kind,
                                                              .offset = offsets[o],
                                                              .fp = places[f],
                                                              .extra = places[e]};
                                        uint64_t word = near_pack(&row);
                                        struct cfi_row out = near_unpack(word);

                                        cr_assert(same(&row, &out), "kind %d, offset %d, fp %d, extra %d",
                                                  kind, row.offset, row.fp, row.extra);
                                        cr_assert_eq(near_is_end(word), kind == CFI_END);
                                }
}

/* The frame of a function that has pushed rbx and rbp (or x29 and x30), and has 16 bytes of its own. */
Test(near_row, a_step_reads_what_was_saved_between_sp_and_the_cfa)
{
        uintptr_t stack[8] = {0, 0, 0xb, 0xf, 0xabc0, 0, 0, 0};
        struct unwind_regs regs = {.pc = 1, .sp = (uintptr_t)stack, .fp = 2, .extra = 3}, before = regs;
        struct cfi_row row = {
                .kind = CFI_SP, .offset = 40, .fp = -2, .extra = MACHINE_RA_IN_REGISTER ? -1 : -3};
        uint64_t word = near_pack(&row);

        cr_assert(!near_step(&regs, (uintptr_t)(stack + 4), word), "the return address lies behind the end");
        cr_assert(memcmp(&regs, &before, sizeof(regs)) == 0, "nothing has changed");
        cr_assert(near_step(&regs, (uintptr_t)(stack + 5), word));
        cr_assert_eq(regs.pc, 0xabc0);
        cr_assert_eq(regs.sp, (uintptr_t)(stack + 5));
        cr_assert_eq(regs.fp, 0xf);
        cr_assert_eq(regs.extra, MACHINE_RA_IN_REGISTER ? 0xabc0 : 0xb);
}

#if defined(__x86_64__)
Test(near_row, a_frame_pointer_is_believed_only_where_memory_is_known)
{
        uintptr_t stack[8] = {0, 0xb, 0xf, 0xabc0, 0, 0, 0, 0};
        struct cfi_row row = {.kind = CFI_FP, .offset = 16, .fp = -2, .extra = -3};
        uint64_t word = near_pack(&row);
        uintptr_t to = (uintptr_t)(stack + 8);
        const struct unwind_regs start = {
                .pc = 1, .sp = (uintptr_t)stack, .fp = (uintptr_t)(stack + 2), .extra = 3};
        const uintptr_t wild[] = {
                0, 1, (uintptr_t)stack - 8, (uintptr_t)stack, (uintptr_t)stack + 17, to, UINTPTR_MAX - 7};
        struct unwind_regs regs = start;

        cr_assert(near_step(&regs, to, word));
        cr_assert_eq(regs.pc, 0xabc0);
        cr_assert_eq(regs.fp, 0xf);
        cr_assert_eq(regs.extra, 0xb);
        for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
                regs = start;
                regs.fp = wild[i];
                cr_assert(!near_step(&regs, to, word), "fp %zu", i);
        }
}
#endif
