/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "analysis/stacks/unwind.h"
#include "analysis/stacks/unwind_expr.h"
#include "base/file.h"
#include "base/maps_line.h"
#include "tests/unit/core_image.h"

/* What every unwinding needs, put together from a core image and the text of maps. */
struct bench {
        struct core core;
        struct pool pool;
        struct modules modules;
        struct module_finder finder;
        struct unwinder unwinder;
        struct unwind_frame frames[UNWIND_FRAMES_MAX];
        struct unwind_result result;
};

static void bench_unwind(struct bench *b, struct core_image *image, const char *maps, bool only_pc_sp)
{
        struct unwind_regs regs;

        cr_assert_eq(core_parse(core_image_finish(image), &b->core), 0);
        cr_assert_eq(modules_parse(maps, strlen(maps), &b->core, &b->pool, &b->modules), 0);
        b->finder = (struct module_finder){.pool = &b->pool, .core = &b->core};
        b->unwinder = unwinder_of(&b->modules, &b->finder);
        unwind_regs_load(b->core.arch, b->core.threads[0].gregs, only_pc_sp, &regs);
        cr_assert_eq(unwind_thread(&b->unwinder, &regs, b->frames, &b->result), 0);
}

static void bench_done(struct bench *b)
{
        row_cache_done(&b->unwinder.rows);
        for (size_t i = 0; i < b->modules.n_modules; i++)
                module_file_close(&b->modules.modules[i]);
        core_done(&b->core);
        pool_free(&b->pool);
}

/* This very process, as it is now: what libunwind finds from a context is what we must find in a core of it. */

#define DEPTH 20

struct self {
        ucontext_t context;
        uint64_t expected[256];
        size_t n_expected;
        struct core_image image;
        struct buf maps;
};

static void self_registers(struct self *s)
{
        struct core_image_reg regs[40];
        size_t n = 0;

#if defined(__x86_64__)
        static const uint16_t offsets[][2] = {
                /* greg of ucontext, offset in user_regs_struct */
                {REG_R15, 0},  {REG_R14, 8},   {REG_R13, 16},  {REG_R12, 24},  {REG_RBP, 32},  {REG_RBX, 40},
                {REG_R11, 48}, {REG_R10, 56},  {REG_R9, 64},   {REG_R8, 72},   {REG_RAX, 80},  {REG_RCX, 88},
                {REG_RDX, 96}, {REG_RSI, 104}, {REG_RDI, 112}, {REG_RIP, 128}, {REG_RSP, 152},
        };

        for (; n < ARRAY_SIZE(offsets); n++)
                regs[n] = (struct core_image_reg){offsets[n][1],
                                                  (uint64_t)s->context.uc_mcontext.gregs[offsets[n][0]]};
#elif defined(__aarch64__)
        for (; n < 31; n++)
                regs[n] = (struct core_image_reg){(uint16_t)(8 * n), s->context.uc_mcontext.regs[n]};
        regs[n++] = (struct core_image_reg){248, s->context.uc_mcontext.sp};
        regs[n++] = (struct core_image_reg){256, s->context.uc_mcontext.pc};
#endif
        regs[n] = (struct core_image_reg){UINT16_MAX, 0};
        core_image_thread(&s->image, 1, regs);
}

/* Through the kernel: the stack holds AddressSanitizer's red zones, which memcpy() may not read. */
static void self_stack(struct self *s, uint64_t start, uint64_t end)
{
        _cleanup_free_ char *copy = malloc(end - start);
        _cleanup_fd_ int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

        cr_assert_not_null(copy);
        cr_assert_eq(pread(mem, copy, end - start, (off_t)start), (ssize_t)(end - start));
        core_image_memory(&s->image, start, copy, end - start);
}

/* The stack from the context on, and the first page of the files that this program runs. */
static void self_memory(struct self *s)
{
        const uint64_t here = (uint64_t)__builtin_frame_address(0);
        const char *p = s->maps.data, *end = p + s->maps.len;
        struct maps_line l;

        while (p < end) {
                if (maps_line_parse(p, (size_t)(end - p), &l, &p) < 0)
                        continue;
                if (l.start <= here && here < l.end)
                        self_stack(s, here & ~UINT64_C(15), l.end);
                else if (l.offset == 0 && l.perms[0] == 'r' && l.path && l.path[0] == '/' &&
                         s->image.n_loads < CORE_IMAGE_LOADS && memcmp((void *)l.start, ELFMAG, SELFMAG) == 0)
                        core_image_memory(&s->image, l.start, (void *)l.start, 4096);
        }
}

static void self_expect(struct self *s)
{
        unw_cursor_t cursor;
        unw_word_t pc;

        cr_assert_eq(unw_init_local(&cursor, (unw_context_t *)&s->context), 0);
        do {
                unw_get_reg(&cursor, UNW_REG_IP, &pc);
                if (pc == 0 || s->n_expected == ARRAY_SIZE(s->expected))
                        break;
                s->expected[s->n_expected++] = pc;
        } while (unw_step(&cursor) > 0);
}

__attribute__((noinline)) static void self_take(struct self *s)
{
        s->image = (struct core_image)CORE_IMAGE(arch_host());
        s->maps = BUF_GROWING(1u << 24);
        cr_assert_eq(file_read_at(AT_FDCWD, "/proc/self/maps", &s->maps), 0);
        getcontext(&s->context);
        self_expect(s);
        self_registers(s);
        self_memory(s);
}

__attribute__((noinline)) static int self_deep(struct self *s, int depth, const char *block)
{
        char local[64];

        /* Frames of different kinds: with a variable-sized array the CFA is not SP plus a number. */
        if (depth % 3 == 0) {
                char *some = __builtin_alloca((size_t)depth * 16 + 16);

                memset(some, depth, 16);
                block = some;
        }
        memcpy(local, block, 8);
        if (depth > 0)
                return self_deep(s, depth - 1, local) + local[depth % 8];
        self_take(s);
        return local[0];
}

static void self_compare(struct self *s, size_t at_least)
{
        struct bench b = {0};

        cr_assert_geq(s->n_expected, at_least);
        bench_unwind(&b, &s->image, s->maps.data, false);
        for (size_t i = 0; i < s->n_expected && i < b.result.n_frames; i++)
                cr_expect_eq(b.frames[i].pc, s->expected[i], "#%zu: %#lx, libunwind: %#lx", i,
                             (unsigned long)b.frames[i].pc, (unsigned long)s->expected[i]);
        cr_expect_eq(b.result.n_frames, s->n_expected, "%zu frames, libunwind: %zu", b.result.n_frames,
                     s->n_expected);
        cr_expect_eq(b.result.end, UNWIND_ROOT);
        bench_done(&b);
        core_image_done(&s->image);
        buf_done(&s->maps);
}

Test(unwind, this_process_as_libunwind_does)
{
        static struct self s;

        self_deep(&s, DEPTH, "12345678");
        self_compare(&s, DEPTH + 4);
}

static struct self interrupted;

static void on_signal(int number)
{
        (void)number;
        self_deep(&interrupted, 3, "12345678");
}

/* Through the handler's frame, the kernel's sigframe, and what was interrupted. */
Test(unwind, through_a_signal_handler_as_libunwind_does)
{
        struct sigaction action = {.sa_handler = on_signal};

        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        self_compare(&interrupted, 8);
}

/* Made-up stacks of code that has no call frame information. */

#define JIT   "10000000-10010000 rwxp 00000000 00:00 0 \n"
#define STACK 0x7ffe0000u

#define REGISTERS(...)                                                                                       \
        (struct core_image_reg[])                                                                            \
        {                                                                                                    \
                __VA_ARGS__,                                                                                 \
                {                                                                                            \
                        UINT16_MAX, 0                                                                        \
                }                                                                                            \
        }
#define RIP(v)                                                                                               \
        {                                                                                                    \
                128, v                                                                                       \
        }
#define RSP(v)                                                                                               \
        {                                                                                                    \
                152, v                                                                                       \
        }
#define RBP(v)                                                                                               \
        {                                                                                                    \
                32, v                                                                                        \
        }

static void expect_stack(const struct core_image_reg *regs, const uint64_t *words, size_t n_words,
                         bool only_pc_sp, const uint64_t *pcs, size_t n_pcs, enum unwind_end end)
{
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        struct bench b = {0};

        core_image_thread(&image, 1, regs);
        core_image_memory(&image, STACK, words, n_words * sizeof(*words));
        bench_unwind(&b, &image, JIT, only_pc_sp);
        cr_expect_eq(b.result.end, end, "end %d", b.result.end);
        cr_assert_eq(b.result.n_frames, n_pcs, "%zu frames", b.result.n_frames);
        for (size_t i = 0; i < n_pcs; i++)
                cr_expect_eq(b.frames[i].pc, pcs[i], "#%zu: %#lx", i, (unsigned long)b.frames[i].pc);
        bench_done(&b);
}

#define WORDS(...) (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

Test(unwind, frame_pointers_where_there_is_nothing_else)
{
        expect_stack(REGISTERS(RIP(0x10000100), RSP(STACK), RBP(STACK + 16)),
                     WORDS(1, 2, STACK + 32, 0x10000200, STACK + 48, 0x10000300, 0, 0), false,
                     WORDS(0x10000100, 0x10000200, 0x10000300), UNWIND_ROOT);
}

Test(unwind, a_call_through_a_bad_pointer_has_its_caller_on_top_of_the_stack)
{
        expect_stack(REGISTERS(RIP(0), RSP(STACK), RBP(STACK + 16)),
                     WORDS(0x10000150, 2, STACK + 32, 0x10000200, 0, 0), false,
                     WORDS(0, 0x10000150, 0x10000200), UNWIND_ROOT);
}

Test(unwind, a_frame_pointer_that_is_none_ends_the_stack_and_says_why)
{
        static const uint64_t first[] = {0x10000100};
        const struct {
                uint64_t rbp;
                uint64_t words[4];
                const char *why;
        } cases[] = {
                {STACK + 3, {0}, "not aligned"},
                {STACK - 64, {0}, "below the stack pointer"},
                {0x7fff00000000, {0}, "outside the memory"},
                {STACK, {STACK + 16, 0x30000000, 0, 0}, "the return address is in no code"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                expect_stack(REGISTERS(RIP(0x10000100), RSP(STACK), RBP(cases[i].rbp)), cases[i].words, 4,
                             false, first, 1, UNWIND_NO_CFI);
}

Test(unwind, a_ring_of_frames_ends)
{
        /* The frame pointer may only go up, so a ring needs a stack pointer that comes back: it cannot. */
        expect_stack(REGISTERS(RIP(0x10000100), RSP(STACK), RBP(STACK)),
                     WORDS(STACK + 16, 0x10000200, STACK, 0x10000300), false,
                     WORDS(0x10000100, 0x10000200, 0x10000300), UNWIND_NO_CFI);
}

Test(unwind, without_the_other_registers_the_first_frame_is_all)
{
        expect_stack(REGISTERS(RIP(0x10000100), RSP(STACK), RBP(STACK + 16)),
                     WORDS(1, 2, STACK + 32, 0x10000200, 0, 0), true, WORDS(0x10000100), UNWIND_NO_REGS);
}

Test(unwind, a_thousand_frames_are_enough)
{
        enum { FRAMES = 3 * UNWIND_FRAMES_MAX };
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_free_ uint64_t *words = calloc(2 * FRAMES, sizeof(*words));
        struct bench b = {0};

        for (uint64_t i = 0; i < FRAMES; i++) {
                words[2 * i] = STACK + 16 * (i + 1);
                words[2 * i + 1] = 0x10000100;
        }
        core_image_thread(&image, 1, REGISTERS(RIP(0x10000100), RSP(STACK), RBP(STACK)));
        core_image_memory(&image, STACK, words, 2 * FRAMES * sizeof(*words));
        bench_unwind(&b, &image, JIT, false);
        cr_expect_eq(b.result.n_frames, (size_t)UNWIND_FRAMES_MAX);
        cr_expect_eq(b.result.end, UNWIND_TOO_DEEP);
        bench_done(&b);
}

static bool read_constant(void *data, uint64_t address, unsigned bytes, uint64_t *ret)
{
        (void)data;
        *ret = address + bytes;
        return address < 0x10000;
}

#define OPS(...) (const Dwarf_Op[]){__VA_ARGS__}, sizeof((const Dwarf_Op[]){__VA_ARGS__}) / sizeof(Dwarf_Op)

Test(unwind_expr, operations)
{
        static const uint64_t regs[64] = {[7] = 0x7000, [16] = 0x100b};
        const uint64_t cfa = 0x9000;
        const struct expr_state state = {
                .read = read_constant, .regs = regs, .valid = 1 << 7 | 1 << 16, .cfa = &cfa};
        const struct {
                const char *what;
                bool ok;
                uint64_t value;
                const Dwarf_Op *ops;
                size_t n;
        } cases[] = {
                /* rsp + 8 + ((rip & 15) >= 11) << 3, as linkers write it for the PLT */
                {"the PLT's CFA", true, 0x7010,
                 OPS({DW_OP_breg7, 8, 0, 0}, {DW_OP_breg16, 0, 0, 2}, {DW_OP_lit15, 0, 0, 4},
                     {DW_OP_and, 0, 0, 5}, {DW_OP_lit11, 0, 0, 6}, {DW_OP_ge, 0, 0, 7}, {DW_OP_lit3, 0, 0, 8},
                     {DW_OP_shl, 0, 0, 9}, {DW_OP_plus, 0, 0, 10})},
                {"a saved register's place", true, 0x9010,
                 OPS({DW_OP_call_frame_cfa, 0, 0, 0}, {DW_OP_plus_uconst, 16, 0, 0})},
                {"memory", true, 0x7000 + 8, OPS({DW_OP_breg7, 0, 0, 0}, {DW_OP_deref, 0, 0, 2})},
                {"two bytes of memory", true, 0x7000 + 2,
                 OPS({DW_OP_breg7, 0, 0, 0}, {DW_OP_deref_size, 2, 0, 2})},
                {"memory that is not there", false, 0,
                 OPS({DW_OP_const4u, 0x20000, 0, 0}, {DW_OP_deref, 0, 0, 5})},
                {"a register that was not captured", false, 0, OPS({DW_OP_breg3, 0, 0, 0})},
                {"no such register", false, 0, OPS({DW_OP_bregx, 64, 0, 0})},
                {"a branch", true, 5,
                 OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_bra, 1, 0, 1}, {DW_OP_lit4, 0, 0, 4},
                     {DW_OP_lit5, 0, 0, 5})},
                {"a branch that is not taken", true, 4,
                 OPS({DW_OP_lit4, 0, 0, 0}, {DW_OP_lit0, 0, 0, 1}, {DW_OP_bra, 1, 0, 2},
                     {DW_OP_nop, 0, 0, 5})},
                {"a branch into the middle of an operation", false, 0,
                 OPS({DW_OP_skip, 1, 0, 0}, {DW_OP_const4u, 0, 0, 3}, {DW_OP_lit1, 0, 0, 8})},
                {"a loop", false, 0,
                 OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_drop, 0, 0, 1}, {DW_OP_skip, (uint64_t)-5, 0, 2})},
                {"rot", true, 2,
                 OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_lit2, 0, 0, 1}, {DW_OP_lit3, 0, 0, 2},
                     {DW_OP_rot, 0, 0, 3})},
                {"swap and minus", true, 4,
                 OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_lit5, 0, 0, 1}, {DW_OP_swap, 0, 0, 2},
                     {DW_OP_minus, 0, 0, 3})},
                {"a signed comparison", true, 1,
                 OPS({DW_OP_const1s, (uint64_t)-3, 0, 0}, {DW_OP_lit0, 0, 0, 2}, {DW_OP_lt, 0, 0, 3})},
                {"a division by zero", false, 0,
                 OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_lit0, 0, 0, 1}, {DW_OP_div, 0, 0, 2})},
                {"the one division that overflows", false, 0,
                 OPS({DW_OP_const8u, (uint64_t)INT64_MIN, 0, 0}, {DW_OP_const1s, (uint64_t)-1, 0, 9},
                     {DW_OP_div, 0, 0, 11})},
                {"an empty stack", false, 0, OPS({DW_OP_plus, 0, 0, 0})},
                {"dup of nothing", false, 0, OPS({DW_OP_dup, 0, 0, 0})},
                {"pick too deep", false, 0, OPS({DW_OP_lit1, 0, 0, 0}, {DW_OP_pick, 1, 0, 1})},
                {"no meaning in call frame information", false, 0, OPS({DW_OP_push_object_address, 0, 0, 0})},
                {"nothing at all", false, 0, NULL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t value = 0;
                bool ok = expr_evaluate(&state, cases[i].ops, cases[i].n, &value);

                cr_expect_eq(ok, cases[i].ok, "%s", cases[i].what);
                if (ok && cases[i].ok)
                        cr_expect_eq(value, cases[i].value, "%s: %#lx", cases[i].what, (unsigned long)value);
        }
}
