/* SPDX-License-Identifier: MIT */
/* The instructions: DWARF 5, 6.4.2 and 7.24. */
#include "base/unwind/cfi_program.h"

#include "base/unwind/unwind_machine.h"

enum { /* call frame instructions */
       CFA_ADVANCE = 0x40,
       CFA_OFFSET = 0x80,
       CFA_RESTORE = 0xc0,
       CFA_NOP = 0x00,
       CFA_SET_LOC = 0x01,
       CFA_ADVANCE1 = 0x02,
       CFA_ADVANCE2 = 0x03,
       CFA_ADVANCE4 = 0x04,
       CFA_OFFSET_EXT = 0x05,
       CFA_RESTORE_EXT = 0x06,
       CFA_UNDEFINED = 0x07,
       CFA_SAME = 0x08,
       CFA_REGISTER = 0x09,
       CFA_REMEMBER = 0x0a,
       CFA_RESTORE_STATE = 0x0b,
       CFA_DEF = 0x0c,
       CFA_DEF_REGISTER = 0x0d,
       CFA_DEF_OFFSET = 0x0e,
       CFA_DEF_EXPR = 0x0f,
       CFA_EXPR = 0x10,
       CFA_OFFSET_SF = 0x11,
       CFA_DEF_SF = 0x12,
       CFA_DEF_OFFSET_SF = 0x13,
       CFA_VAL_OFFSET = 0x14,
       CFA_VAL_OFFSET_SF = 0x15,
       CFA_VAL_EXPR = 0x16,
       CFA_NEGATE_RA_STATE = 0x2d, /* AArch64: the return address is signed; stripped in any case */
       CFA_GNU_ARGS_SIZE = 0x2e,
};

enum { OP_BREG0 = 0x70, OP_DEREF = 0x06 };

/* Expressions of the two forms that occur: REG + n, and *(REG + n). */
static bool read_expression(struct cfi_reader *r, uint64_t *ret_register, int64_t *ret_offset,
                            bool *ret_deref)
{
        uint64_t length = read_uleb(r);
        struct cfi_reader e = *r;
        uint8_t op;

        read_skip(r, length);
        if (r->bad)
                return false;
        e.end = e.at + length;
        op = (uint8_t)read_fixed(&e, 1);
        if (op < OP_BREG0 || op > OP_BREG0 + 31)
                return false;
        *ret_register = op - OP_BREG0;
        *ret_offset = read_sleb(&e);
        *ret_deref = e.at < e.end && *e.at == OP_DEREF;
        return !e.bad && e.at + *ret_deref == e.end;
}

#if defined(__x86_64__)
/* An entry of a PLT: CFA = SP + 8 + (((PC & 15) >= 11) << 3), with ld's and lld's constants. */
static bool is_plt_expression(struct cfi_reader r, int64_t *ret_threshold)
{
        /* breg7 8; breg16 0; lit15; and; litN; ge; lit3; shl; plus */
        static const uint8_t head[] = {11, 0x77, 8, 0x80, 0, 0x3f, 0x1a}, tail[] = {0x2a, 0x33, 0x24, 0x22};

        if (r.bad || (size_t)(r.end - r.at) < sizeof(head) + 1 + sizeof(tail))
                return false;
        *ret_threshold = r.at[sizeof(head)] - 0x30;
        return memcmp(r.at, head, sizeof(head)) == 0 &&
               memcmp(r.at + sizeof(head) + 1, tail, sizeof(tail)) == 0;
}
#endif

static void set_cfa(struct cfi_state *s, uint64_t reg, int64_t offset)
{
        s->cfa = reg == MACHINE_DWARF_SP               ? CFI_SP
                 : reg == MACHINE_DWARF_FP             ? CFI_FP
                 : (int64_t)reg == MACHINE_DWARF_EXTRA ? CFI_EXTRA
                                                       : CFI_NONE;
        s->offset = offset;
}

static struct cfi_rule *rule_of(struct cfi_state *s, const struct cfi_fde *f, uint64_t reg)
{
        if (reg == f->ra_register)
                return &s->ra;
        if (reg == MACHINE_DWARF_FP)
                return &s->fp;
        if ((int64_t)reg == MACHINE_DWARF_EXTRA)
                return &s->extra;
        return &s->ignored;
}

/* An offset in units of the CIE's data alignment; too large a one wraps around, and is refused later. */
static int64_t factored(const struct cfi_fde *f, uint64_t n)
{
        return (int64_t)(n * (uint64_t)f->data_align);
}

#define REMEMBERED_MAX 8

bool cfi_execute(struct cfi_reader r, const struct cfi_fde *f, uintptr_t pc, const struct cfi_state *initial,
                 struct cfi_state *s)
{
        struct cfi_state remembered[REMEMBERED_MAX];
        unsigned n_remembered = 0;
        uintptr_t at = f->pc_begin;
        uint64_t reg, n;
        int64_t offset;
        bool deref;

        while (r.at < r.end && !r.bad) {
                uint8_t op = (uint8_t)read_fixed(&r, 1), low = op & 0x3f;

                switch (op & 0xc0 ? op & 0xc0 : op) {
                case CFA_ADVANCE:
                        at += low * f->code_align;
                        break;
                case CFA_ADVANCE1:
                        at += read_fixed(&r, 1) * f->code_align;
                        break;
                case CFA_ADVANCE2:
                        at += read_fixed(&r, 2) * f->code_align;
                        break;
                case CFA_ADVANCE4:
                        at += read_fixed(&r, 4) * f->code_align;
                        break;
                case CFA_SET_LOC:
                        at = read_pointer(&r, f->encoding);
                        break;
                case CFA_OFFSET:
                        *rule_of(s, f, low) = (struct cfi_rule){CFI_RULE_OFFSET, factored(f, read_uleb(&r))};
                        break;
                case CFA_OFFSET_EXT:
                        reg = read_uleb(&r);
                        *rule_of(s, f, reg) = (struct cfi_rule){CFI_RULE_OFFSET, factored(f, read_uleb(&r))};
                        break;
                case CFA_OFFSET_SF:
                        reg = read_uleb(&r);
                        *rule_of(s, f, reg) =
                                (struct cfi_rule){CFI_RULE_OFFSET, factored(f, (uint64_t)read_sleb(&r))};
                        break;
                case CFA_RESTORE:
                case CFA_RESTORE_EXT:
                        reg = (op & 0xc0) ? low : read_uleb(&r);
                        if (initial) {
                                struct cfi_state copy = *initial;

                                *rule_of(s, f, reg) = *rule_of(&copy, f, reg);
                        }
                        break;
                case CFA_UNDEFINED:
                        rule_of(s, f, read_uleb(&r))->kind = CFI_RULE_UNDEFINED;
                        break;
                case CFA_SAME:
                        rule_of(s, f, read_uleb(&r))->kind = CFI_RULE_SAME;
                        break;
                case CFA_REGISTER:
                case CFA_VAL_OFFSET:
                case CFA_VAL_OFFSET_SF:
                        rule_of(s, f, read_uleb(&r))->kind = CFI_RULE_OTHER;
                        read_uleb(&r);
                        break;
                case CFA_REMEMBER:
                        if (n_remembered == REMEMBERED_MAX)
                                return false;
                        remembered[n_remembered++] = *s;
                        break;
                case CFA_RESTORE_STATE:
                        if (n_remembered == 0)
                                return false;
                        *s = remembered[--n_remembered];
                        break;
                case CFA_DEF:
                        reg = read_uleb(&r);
                        set_cfa(s, reg, (int64_t)read_uleb(&r));
                        break;
                case CFA_DEF_SF:
                        reg = read_uleb(&r);
                        set_cfa(s, reg, factored(f, (uint64_t)read_sleb(&r)));
                        break;
                case CFA_DEF_REGISTER:
                        set_cfa(s, read_uleb(&r), s->offset);
                        break;
                case CFA_DEF_OFFSET:
                        s->offset = (int64_t)read_uleb(&r);
                        break;
                case CFA_DEF_OFFSET_SF:
                        s->offset = factored(f, (uint64_t)read_sleb(&r));
                        break;
                case CFA_DEF_EXPR:
                        s->cfa = CFI_NONE;
#if defined(__x86_64__)
                        if (is_plt_expression(r, &offset)) {
                                s->cfa = CFI_SP;
                                s->offset = 8 + ((int64_t)(pc & 15) >= offset ? 8 : 0);
                                read_skip(&r, read_uleb(&r));
                                break;
                        }
#endif
                        if (read_expression(&r, &reg, &offset, &deref)) {
                                if (!deref) {
                                        set_cfa(s, reg, offset);
                                } else if (reg == MACHINE_DWARF_FP) {
                                        s->cfa = CFI_FP_DEREF;
                                        s->offset = offset;
                                }
                        }
                        break;
                case CFA_EXPR: {
                        struct cfi_rule *rule = rule_of(s, f, read_uleb(&r));

                        if (read_expression(&r, &reg, &offset, &deref) && !deref && reg == MACHINE_DWARF_FP)
                                *rule = (struct cfi_rule){CFI_RULE_EXPR_FP, offset};
                        else
                                rule->kind = CFI_RULE_OTHER;
                        break;
                }
                case CFA_VAL_EXPR:
                        rule_of(s, f, read_uleb(&r))->kind = CFI_RULE_OTHER;
                        n = read_uleb(&r);
                        read_skip(&r, n);
                        break;
                case CFA_GNU_ARGS_SIZE:
                        read_uleb(&r);
                        break;
                case CFA_NEGATE_RA_STATE:
                case CFA_NOP:
                        break;
                default:
                        return false;
                }
                if (at > pc)
                        break;
        }
        return !r.bad;
}
