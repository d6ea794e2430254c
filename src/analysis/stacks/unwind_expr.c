/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/unwind_expr.h"

#include <dwarf.h>
#include <stddef.h>

#define STACK_MAX 64
/* An expression may branch backwards: it must not do so for ever. */
#define STEPS_MAX 10000

struct stack {
        uint64_t v[STACK_MAX];
        size_t n;
};

static bool push(struct stack *s, uint64_t v)
{
        if (s->n == STACK_MAX)
                return false;
        s->v[s->n++] = v;
        return true;
}

static bool push_register(struct stack *s, const struct expr_state *e, uint64_t reg, uint64_t offset)
{
        return reg < 64 && (e->valid >> reg & 1) && push(s, e->regs[reg] + offset);
}

/* The element `depth` below the top, copied to the top. */
static bool pick(struct stack *s, uint64_t depth)
{
        return depth < s->n && push(s, s->v[s->n - 1 - depth]);
}

/* Replace the top value by what it points to. */
static bool dereference(struct stack *s, const struct expr_state *e, uint64_t bytes)
{
        return s->n >= 1 && bytes >= 1 && bytes <= 8 &&
               e->read(e->read_data, s->v[s->n - 1], (unsigned)bytes, &s->v[s->n - 1]);
}

static bool unary(struct stack *s, const Dwarf_Op *op)
{
        uint64_t *v;

        if (s->n < 1)
                return false;
        v = &s->v[s->n - 1];
        switch (op->atom) {
        case DW_OP_abs:
                *v = (int64_t)*v < 0 ? -*v : *v;
                return true;
        case DW_OP_neg:
                *v = -*v;
                return true;
        case DW_OP_not:
                *v = ~*v;
                return true;
        case DW_OP_plus_uconst:
                *v += op->number;
                return true;
        default:
                return false;
        }
}

static bool binary(struct stack *s, uint8_t atom)
{
        uint64_t a, b, v;

        if (s->n < 2)
                return false;
        b = s->v[s->n - 1];
        a = s->v[s->n - 2];
        switch (atom) {
        case DW_OP_and:
                v = a & b;
                break;
        case DW_OP_or:
                v = a | b;
                break;
        case DW_OP_xor:
                v = a ^ b;
                break;
        case DW_OP_plus:
                v = a + b;
                break;
        case DW_OP_minus:
                v = a - b;
                break;
        case DW_OP_mul:
                v = a * b;
                break;
        case DW_OP_div:
                if (b == 0 || (b == UINT64_MAX && a == (uint64_t)INT64_MIN))
                        return false;
                v = (uint64_t)((int64_t)a / (int64_t)b);
                break;
        case DW_OP_mod:
                if (b == 0)
                        return false;
                v = a % b;
                break;
        case DW_OP_shl:
                v = b < 64 ? a << b : 0;
                break;
        case DW_OP_shr:
                v = b < 64 ? a >> b : 0;
                break;
        case DW_OP_shra:
                v = (uint64_t)((int64_t)a >> (b < 64 ? b : 63));
                break;
        case DW_OP_eq:
                v = a == b;
                break;
        case DW_OP_ne:
                v = a != b;
                break;
        case DW_OP_lt:
                v = (int64_t)a < (int64_t)b;
                break;
        case DW_OP_le:
                v = (int64_t)a <= (int64_t)b;
                break;
        case DW_OP_gt:
                v = (int64_t)a > (int64_t)b;
                break;
        case DW_OP_ge:
                v = (int64_t)a >= (int64_t)b;
                break;
        default:
                return false;
        }
        s->v[--s->n - 1] = v;
        return true;
}

static bool reorder(struct stack *s, const Dwarf_Op *op)
{
        uint64_t *top = s->v + s->n, t; /* behind the last */

        switch (op->atom) {
        case DW_OP_dup:
                return pick(s, 0);
        case DW_OP_over:
                return pick(s, 1);
        case DW_OP_pick:
                return pick(s, op->number);
        case DW_OP_drop:
                return s->n >= 1 && s->n-- >= 1;
        case DW_OP_swap:
                if (s->n < 2)
                        return false;
                t = top[-1];
                top[-1] = top[-2];
                top[-2] = t;
                return true;
        case DW_OP_rot:
                if (s->n < 3)
                        return false;
                t = top[-1];
                top[-1] = top[-2];
                top[-2] = top[-3];
                top[-3] = t;
                return true;
        default:
                return false;
        }
}

/* Everything but branches. */
static bool step(struct stack *s, const struct expr_state *e, const Dwarf_Op *op)
{
        if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
                return push(s, op->atom - DW_OP_lit0);
        if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
                return push_register(s, e, op->atom - DW_OP_breg0, op->number);
        switch (op->atom) {
        case DW_OP_nop:
                return true;
        case DW_OP_addr:
        case DW_OP_const1u:
        case DW_OP_const1s:
        case DW_OP_const2u:
        case DW_OP_const2s:
        case DW_OP_const4u:
        case DW_OP_const4s:
        case DW_OP_const8u:
        case DW_OP_const8s:
        case DW_OP_constu:
        case DW_OP_consts:
                return push(s, op->number); /* libdw has extended the sign */
        case DW_OP_bregx:
                return push_register(s, e, op->number, op->number2);
        case DW_OP_call_frame_cfa:
                return e->cfa && push(s, *e->cfa);
        case DW_OP_deref:
                return dereference(s, e, 8);
        case DW_OP_deref_size:
                return dereference(s, e, op->number);
        case DW_OP_abs:
        case DW_OP_neg:
        case DW_OP_not:
        case DW_OP_plus_uconst:
                return unary(s, op);
        case DW_OP_dup:
        case DW_OP_over:
        case DW_OP_pick:
        case DW_OP_drop:
        case DW_OP_swap:
        case DW_OP_rot:
                return reorder(s, op);
        default:
                return binary(s, op->atom);
        }
}

/* A branch goes to a byte offset from behind the operation (an opcode and two bytes); libdw tells each
 * operation's offset. */
static bool branch(const Dwarf_Op *ops, size_t n_ops, size_t *at)
{
        uint64_t target = ops[*at].offset + 3 + (uint64_t)(int16_t)ops[*at].number;

        /* From the end: the CFA that libdw pushes before the expression shares offset 0 with its first. */
        for (size_t i = n_ops; i > 0; i--)
                if (ops[i - 1].offset == target) {
                        *at = i - 1;
                        return true;
                }
        *at = n_ops; /* behind the last operation: the end */
        return n_ops > 0 && target > ops[n_ops - 1].offset;
}

bool expr_evaluate(const struct expr_state *e, const Dwarf_Op *ops, size_t n_ops, uint64_t *ret)
{
        struct stack s = {.n = 0};
        size_t at = 0;

        for (unsigned steps = 0; at < n_ops; steps++) {
                const Dwarf_Op *op = &ops[at];
                bool jump = op->atom == DW_OP_skip;

                if (steps == STEPS_MAX)
                        return false;
                if (op->atom == DW_OP_bra) {
                        if (s.n < 1)
                                return false;
                        jump = s.v[--s.n] != 0;
                }
                if (jump) {
                        if (!branch(ops, n_ops, &at))
                                return false;
                        continue;
                }
                if (op->atom != DW_OP_bra && !step(&s, e, op))
                        return false;
                at++;
        }
        if (s.n < 1)
                return false;
        *ret = s.v[s.n - 1];
        return true;
}
