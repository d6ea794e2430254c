/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "witness/btf.h"
#include "witness/program.h"

/* A kernel of nine types:
 *   1 int  2 struct task_struct { int state; struct { int pid; int tgid; }; int flag : 1 }  3 that inner one  4 struct task_struct *
 *   5 void *  6 void (*)(void *, struct task_struct *)  7 its pointer  8 typedef btf_trace_mark_victim  9 typedef btf_trace_old */
static const char strings[] =
        "\0int\0task_struct\0state\0pid\0tgid\0flag\0btf_trace_mark_victim\0btf_trace_old";

static uint32_t name(const char *s)
{
        for (size_t i = 0; i < sizeof(strings); i += strlen(strings + i) + 1)
                if (strcmp(strings + i, s) == 0)
                        return (uint32_t)i;
        abort();
}

struct image {
        struct btf_header header;
        struct btf_type integer;
        uint32_t integer_bits;
        struct btf_type task;
        struct btf_member task_members[3];
        struct btf_type inner;
        struct btf_member inner_members[2];
        struct btf_type task_pointer, void_pointer, proto;
        struct btf_param params[2];
        struct btf_type proto_pointer, mark_victim, old;
        char strings[sizeof(strings)];
} __attribute__((packed));

#define INFO(kind, n, flag) ((uint32_t)(flag) << 31 | (uint32_t)(kind) << 24 | (n))

static struct image image(void)
{
        struct image i = {
                .header = {.magic = BTF_MAGIC,
                           .version = 1,
                           .hdr_len = sizeof(i.header),
                           .type_len = offsetof(struct image, strings) - sizeof(i.header),
                           .str_off = offsetof(struct image, strings) - sizeof(i.header),
                           .str_len = sizeof(strings)},
                .integer = {name("int"), INFO(BTF_KIND_INT, 0, 0), {4}},
                .integer_bits = 32,
                .task = {name("task_struct"), INFO(BTF_KIND_STRUCT, 3, 1), {16}},
                .task_members = {{name("state"), 1, 0}, {0, 3, 32}, {name("flag"), 1, 1u << 24 | 96}},
                .inner = {0, INFO(BTF_KIND_STRUCT, 2, 0), {8}},
                .inner_members = {{name("pid"), 1, 0}, {name("tgid"), 1, 32}},
                .task_pointer = {0, INFO(BTF_KIND_PTR, 0, 0), {.type = 2}},
                .void_pointer = {0, INFO(BTF_KIND_PTR, 0, 0), {.type = 0}},
                .proto = {0, INFO(BTF_KIND_FUNC_PROTO, 2, 0), {.type = 0}},
                .params = {{0, 5}, {0, 4}},
                .proto_pointer = {0, INFO(BTF_KIND_PTR, 0, 0), {.type = 6}},
                .mark_victim = {name("btf_trace_mark_victim"), INFO(BTF_KIND_TYPEDEF, 0, 0), {.type = 7}},
                .old = {name("btf_trace_old"), INFO(BTF_KIND_TYPEDEF, 0, 0), {.type = 5}},
        };

        memcpy(i.strings, strings, sizeof(strings));
        return i;
}

Test(btf, fields_are_found_also_in_structures_without_a_name)
{
        struct image i = image();
        struct btf b;
        uint32_t task;

        cr_assert_eq(btf_parse(&i, sizeof(i), &b), 0);
        cr_assert_eq(b.n, 10);
        task = btf_find(&b, BTF_KIND_STRUCT, "task_struct");
        cr_assert_eq(task, 2);
        cr_assert_eq(btf_field(&b, task, "state"), 0);
        cr_assert_eq(btf_field(&b, task, "pid"), 4);
        cr_assert_eq(btf_field(&b, task, "tgid"), 8);
        cr_assert_eq(btf_field(&b, task, "flag"), -ENOENT, "one of bits has no place of its own");
        cr_assert_eq(btf_field(&b, task, "comm"), -ENOENT);
        cr_assert_eq(btf_field(&b, 1, "state"), -ENOENT);
        cr_assert_eq(btf_find(&b, BTF_KIND_STRUCT, "task"), 0);
        btf_done(&b);
}

Test(btf, a_tracepoint_is_one_that_hands_over_the_structure)
{
        struct image i = image();
        struct btf b;

        cr_assert_eq(btf_parse(&i, sizeof(i), &b), 0);
        cr_assert_eq(btf_tracepoint(&b, "mark_victim", "task_struct"), 8);
        cr_assert_eq(btf_tracepoint(&b, "mark_victim", "mm_struct"), 0);
        cr_assert_eq(btf_tracepoint(&b, "old", "task_struct"), 0);
        cr_assert_eq(btf_tracepoint(&b, "none", "task_struct"), 0);
        btf_done(&b);
        /* As before Linux 6.8: a number. */
        i.params[1].type = 1;
        cr_assert_eq(btf_parse(&i, sizeof(i), &b), 0);
        cr_assert_eq(btf_tracepoint(&b, "mark_victim", "task_struct"), 0);
        btf_done(&b);
}

Test(btf, one_that_is_cut_damaged_or_newer_is_refused)
{
        struct image i = image();
        struct btf b;

        for (size_t n = 0; n < sizeof(i); n++)
                cr_assert_eq(btf_parse(&i, n, &b), -EINVAL, "%zu", n);
        i.integer.info = INFO(31, 0, 0);
        cr_assert_eq(btf_parse(&i, sizeof(i), &b), -ENOTSUP);
        i = image();
        i.header.type_len -= 4;
        cr_assert_eq(btf_parse(&i, sizeof(i), &b), -EINVAL);
        i = image();
        i.header.magic = 0x9feb;
        cr_assert_eq(btf_parse(&i, sizeof(i), &b), -EINVAL);
}

Test(btf, a_structure_in_itself_ends)
{
        struct image i = image();
        struct btf b;

        i.inner_members[0] = (struct btf_member){0, 3, 0};
        i.inner_members[1] = (struct btf_member){0, 3, 0};
        cr_assert_eq(btf_parse(&i, sizeof(i), &b), 0);
        cr_assert_eq(btf_field(&b, 2, "pid"), -ENOENT);
        btf_done(&b);
}

Test(btf, this_kernels_is_understood)
{
        _cleanup_buf_ struct buf text = BUF_GROWING((size_t)64 << 20);
        struct btf b;
        uint32_t task;

        if (file_read_at(AT_FDCWD, "/sys/kernel/btf/vmlinux", &text) < 0)
                cr_skip("this kernel has no BTF");
        cr_assert_eq(btf_parse(text.data, text.len, &b), 0);
        task = btf_find(&b, BTF_KIND_STRUCT, "task_struct");
        cr_assert_gt(btf_field(&b, task, "pid"), 0);
        cr_assert_eq(btf_field(&b, task, "tgid"), btf_field(&b, task, "pid") + 4);
        btf_done(&b);
}

/* Both instructions of a 64-bit constant count. */
Test(witness, the_program_jumps_to_its_own_instructions_only_and_ends)
{
        const struct program_facts facts = {
                .ring_fd = 7, .task_pid = 1000, .task_tgid = 1004, .registers_size = 168, .sp = 152};
        struct bpf_insn code[PROGRAM_MAX];
        size_t n = program_make(&facts, code);

        cr_assert(n > 0 && n <= PROGRAM_MAX);
        cr_assert_eq(code[n - 1].code, BPF_JMP | BPF_EXIT);
        for (size_t i = 0; i < n; i++) {
                if (BPF_CLASS(code[i].code) != BPF_JMP || BPF_OP(code[i].code) == BPF_CALL ||
                    BPF_OP(code[i].code) == BPF_EXIT)
                        continue;
                cr_assert(code[i].off > 0 && i + 1 + (size_t)code[i].off < n, "%zu: %d", i, code[i].off);
        }
}
