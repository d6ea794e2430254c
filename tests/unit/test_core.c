/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/core_image.h"

#define END                                                                                                  \
        {                                                                                                    \
                UINT16_MAX, 0                                                                                \
        }

Test(core, threads_and_registers_in_the_order_of_the_notes)
{
        static const struct arch *const arches[] = {&arch_x86_64, &arch_aarch64};

        for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
                const struct arch *a = arches[i];
                _cleanup_core_image_ struct core_image image = CORE_IMAGE(a);
                _cleanup_core_ struct core core = {0};

                core_image_thread(&image, 70,
                                  (struct core_image_reg[]){{a->pc, 0x1234}, {a->sp, 0x7000}, END});
                core_image_thread(&image, 69, (struct core_image_reg[]){{a->pc, 0x5678}, END});
                core_image_note(&image, NT_FILE, "files", 5);
                cr_assert_eq(core_parse(core_image_finish(&image), &core), 0, "%s", a->name);
                cr_expect_eq(core.arch, a);
                cr_assert_eq(core.n_threads, 2);
                cr_expect_eq(core.threads[0].tid, 70);
                cr_expect_eq(arch_get(core.threads[0].gregs, a->pc), 0x1234);
                cr_expect_eq(arch_get(core.threads[0].gregs, a->sp), 0x7000);
                cr_expect_eq(core.threads[1].tid, 69);
                cr_expect_eq(arch_get(core.threads[1].gregs, a->pc), 0x5678);
                cr_expect_eq(core.file_note_size, 5);
                cr_expect_not(core.cut);
        }
}

static char bytes_at(const struct core *c, uint64_t address, size_t n)
{
        const uint8_t *p = core_memory(c, address, n);

        return p ? (char)*p : '-';
}

Test(core, memory_by_address_whatever_the_order_of_the_segments)
{
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_core_ struct core core = {0};

        core_image_memory(&image, 0x5000, "efgh", 4);
        core_image_memory(&image, 0x1000, "abcd", 4);
        core_image_memory(&image, 0x5002, "GHij", 4); /* overlaps the first: that one keeps its bytes */
        cr_assert_eq(core_parse(core_image_finish(&image), &core), 0);
        cr_expect_eq(bytes_at(&core, 0x1000, 4), 'a');
        cr_expect_eq(bytes_at(&core, 0x1003, 1), 'd');
        cr_expect_eq(bytes_at(&core, 0x1003, 2), '-', "ends in the middle");
        cr_expect_eq(bytes_at(&core, 0x0fff, 1), '-');
        cr_expect_eq(bytes_at(&core, 0x5002, 2), 'g');
        cr_expect_eq(bytes_at(&core, 0x5004, 2), 'i');
        cr_expect_eq(core_available(&core, 0x1001), 3);
        cr_expect_eq(core_available(&core, 0x1004), 0);
        cr_expect_eq(core_available(&core, UINT64_MAX), 0);
}

Test(core, neighbours_are_one_piece)
{
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_core_ struct core core = {0};
        char pages[2][4096];

        memset(pages[0], 'a', sizeof(pages[0]));
        memset(pages[1], 'b', sizeof(pages[1]));
        core_image_memory(&image, 0x1000, pages[0], 4096);
        core_image_memory(&image, 0x2000, pages[1], 4096);
        cr_assert_eq(core_parse(core_image_finish(&image), &core), 0);
        cr_expect_eq(core.n_loads, 1);
        cr_expect_eq(core_available(&core, 0x1000), 8192);
        cr_expect_eq(bytes_at(&core, 0x1ffc, 8), 'a');
        cr_expect_eq(core_memory(&core, 0x1ffc, 8)[7], 'b');
}

/* Larger than the window, read forwards, backwards, and across each of its ends. */
Test(core, a_deep_stack_is_read_through_the_window)
{
        enum { WORDS = 3 * CORE_WINDOW / 8 };
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_core_ struct core core = {0};
        _cleanup_free_ uint64_t *words = calloc(WORDS, sizeof(*words));

        for (uint64_t i = 0; i < WORDS; i++)
                words[i] = i;
        core_image_memory(&image, 0x7f0000000000, words, WORDS * sizeof(*words));
        cr_assert_eq(core_parse(core_image_finish(&image), &core), 0);
        for (uint64_t pass = 0; pass < 2; pass++)
                for (uint64_t i = 0; i < WORDS; i += 7) {
                        uint64_t at = pass ? WORDS - 1 - i : i, value;
                        const uint8_t *p = core_memory(&core, 0x7f0000000000 + 8 * at, 8);

                        cr_assert_not_null(p);
                        memcpy(&value, p, sizeof(value));
                        cr_assert_eq(value, at);
                }
        cr_expect_null(core_memory(&core, 0x7f0000000000, CORE_WINDOW + 1));
}

/* A disk that was full, or a writer that was killed: what is there is good. */
Test(core, cut_at_any_byte_never_breaks)
{
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        struct core_source whole;

        core_image_thread(&image, 70, (struct core_image_reg[]){{128, 0x1234}, END});
        core_image_memory(&image, 0x1000, "abcd", 4);
        whole = *core_image_finish(&image);
        for (size_t n = 0; n <= whole.size; n++) {
                _cleanup_free_ char *exact = malloc(n + 1);
                _cleanup_core_ struct core core = {0};
                struct core_source source = {core_read_bytes, exact, n};
                int r;

                memcpy(exact, whole.data, n);
                r = core_parse(&source, &core);
                cr_assert_eq(r, n < sizeof(Elf64_Ehdr) ? -EINVAL : 0, "%zu", n);
                if (r == 0)
                        cr_assert_eq(core.cut, n < whole.size, "%zu", n);
                if (n + 1 >= whole.size)
                        cr_expect_eq(bytes_at(&core, 0x1000, 3), 'a');
        }
}

Test(core, what_is_no_core_is_refused)
{
        static const struct {
                size_t offset;
                char value;
                const char *why;
        } cases[] = {
                {0, 'x', "no ELF file"},
                {EI_CLASS, ELFCLASS32, "32 bits"},
                {EI_DATA, ELFDATA2MSB, "big-endian"},
                {offsetof(Elf64_Ehdr, e_type), ET_DYN, "a program"},
                {offsetof(Elf64_Ehdr, e_machine), EM_SPARC, "a machine without a table"},
                {offsetof(Elf64_Ehdr, e_phentsize), 32, "other program headers"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
                _cleanup_core_ struct core core = {0};

                core_image_finish(&image);
                image.file.data[cases[i].offset] = cases[i].value;
                cr_expect_eq(core_parse(&image.source, &core), -EINVAL, "%s", cases[i].why);
        }
}
