/* SPDX-License-Identifier: MIT */
#include "witness/program.h"

#include <stddef.h>

#define AT(field) ((int16_t)offsetof(struct witness_record, field))

/* R6: whose registers, R7: a pointer or an address, R8: the record, R9: the victim's PID.  A call leaves those, and takes R1 to R5. */
enum { R0, R1, R2, R3, R6 = 6, R7, R8, R9 };

struct program {
        struct bpf_insn *code;
        size_t n;
};

static size_t emit(struct program *p, uint8_t code, unsigned dst, unsigned src, int16_t offset, int32_t value)
{
        p->code[p->n] = (struct bpf_insn){
                .code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = offset, .imm = value};
        return p->n++;
}

static void move(struct program *p, unsigned dst, unsigned src)
{
        emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void set(struct program *p, unsigned dst, int32_t value)
{
        emit(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static void add(struct program *p, unsigned dst, int32_t value)
{
        emit(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

static void load(struct program *p, uint8_t size, unsigned dst, unsigned src, int16_t offset)
{
        emit(p, BPF_LDX | BPF_MEM | size, dst, src, offset, 0);
}

static void store(struct program *p, uint8_t size, int16_t offset, unsigned src)
{
        emit(p, BPF_STX | BPF_MEM | size, R8, src, offset, 0);
}

static void store_number(struct program *p, int16_t offset, int32_t value)
{
        emit(p, BPF_ST | BPF_MEM | BPF_W, R8, 0, offset, value);
}

static void call(struct program *p, int32_t function)
{
        emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* A jump forward, to where land() is called. */
static size_t jump_if(struct program *p, uint8_t condition, unsigned dst, unsigned src)
{
        return emit(p, (uint8_t)(BPF_JMP | condition | BPF_X), dst, src, 0, 0);
}

static size_t jump_if_number(struct program *p, uint8_t condition, unsigned dst, int32_t value)
{
        return emit(p, (uint8_t)(BPF_JMP | condition | BPF_K), dst, 0, 0, value);
}

static void land(struct program *p, size_t jump)
{
        p->code[jump].off = (int16_t)(p->n - jump - 1);
}

static void end(struct program *p)
{
        set(p, R0, 0);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* R8 = a record of the ring, or the end. */
static void reserve_record(struct program *p, int ring_fd)
{
        size_t there;

        emit(p, BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, ring_fd);
        emit(p, 0, 0, 0, 0, 0); /* its upper half */
        set(p, R2, (int32_t)sizeof(struct witness_record));
        set(p, R3, 0);
        call(p, BPF_FUNC_ringbuf_reserve);
        there = jump_if_number(p, BPF_JNE, R0, 0);
        end(p); /* nobody has read the last ones yet */
        land(p, there);
        move(p, R8, R0);
}

/* R6 is the victim's task; R9 = its PID. */
static void note_who(struct program *p, const struct program_facts *f)
{
        call(p, BPF_FUNC_ktime_get_ns);
        store(p, BPF_DW, AT(time_ns), R0);
        load(p, BPF_W, R0, R6, f->task_pid);
        store(p, BPF_W, AT(victim_tid), R0);
        load(p, BPF_W, R9, R6, f->task_tgid);
        store(p, BPF_W, AT(victim_pid), R9);
        call(p, BPF_FUNC_get_current_pid_tgid);
        store(p, BPF_W, AT(tid), R0);
        emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R0, 0, 0, 32);
        store(p, BPF_W, AT(pid), R0);
        store_number(p, AT(stack_bytes), 0);
        store_number(p, AT(reserved), 0);
}

/* R6 = the thread that runs, if it is the victim's. */
static void choose_thread(struct program *p)
{
        size_t other;

        load(p, BPF_W, R0, R8, AT(pid));
        other = jump_if(p, BPF_JNE, R0, R9);
        call(p, BPF_FUNC_get_current_task_btf);
        move(p, R6, R0);
        land(p, other);
}

/* And R7 = the page of its stack pointer. */
static void copy_registers(struct program *p, const struct program_facts *f)
{
        move(p, R1, R6);
        call(p, BPF_FUNC_task_pt_regs);
        move(p, R3, R0);
        move(p, R1, R8);
        add(p, R1, AT(registers));
        set(p, R2, f->registers_size);
        call(p, BPF_FUNC_probe_read_kernel);
        load(p, BPF_DW, R7, R8, (int16_t)(AT(registers) + f->sp));
        emit(p, BPF_ALU64 | BPF_AND | BPF_K, R7, 0, 0, -WITNESS_PAGE);
        store(p, BPF_DW, AT(stack_address), R7);
}

/* Page by page, until one is not there. */
static void copy_stack(struct program *p)
{
        size_t ends[1 + WITNESS_STACK_BYTES / WITNESS_PAGE], n = 0;

        load(p, BPF_W, R0, R8, AT(pid));
        ends[n++] = jump_if(p, BPF_JNE, R0, R9);
        for (int32_t done = 0; done < WITNESS_STACK_BYTES; done += WITNESS_PAGE) {
                move(p, R1, R8);
                add(p, R1, AT(stack) + done);
                set(p, R2, WITNESS_PAGE);
                move(p, R3, R7);
                add(p, R3, done);
                call(p, BPF_FUNC_probe_read_user);
                ends[n++] = jump_if_number(p, BPF_JNE, R0, 0);
                store_number(p, AT(stack_bytes), done + WITNESS_PAGE);
        }
        while (n > 0)
                land(p, ends[--n]);
}

size_t program_make(const struct program_facts *facts, struct bpf_insn ret[PROGRAM_MAX])
{
        struct program p = {.code = ret};

        /* R1: what the tracepoint hands over, of which the first is the victim's task. */
        load(&p, BPF_DW, R6, R1, 0);
        reserve_record(&p, facts->ring_fd);
        note_who(&p, facts);
        choose_thread(&p);
        copy_registers(&p, facts);
        copy_stack(&p);
        move(&p, R1, R8);
        set(&p, R2, 0);
        call(&p, BPF_FUNC_ringbuf_submit);
        end(&p);
        return p.n;
}
