/* SPDX-License-Identifier: MIT */
/* The formats: LSB 5.0 core, 10.6 (.eh_frame, .eh_frame_hdr), DWARF 5, 6.4. */
#include "base/cfi.h"

#include <string.h>

#include "base/unwind_machine.h"

enum { /* pointer encodings */
       PE_ABSPTR = 0x00,
       PE_ULEB = 0x01,
       PE_UDATA2 = 0x02,
       PE_UDATA4 = 0x03,
       PE_UDATA8 = 0x04,
       PE_SLEB = 0x09,
       PE_SDATA2 = 0x0a,
       PE_SDATA4 = 0x0b,
       PE_SDATA8 = 0x0c,
       PE_PCREL = 0x10,
       PE_DATAREL = 0x30,
       PE_OMIT = 0xff,
};

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

/* Bytes of a module, read one after the other.  Reading behind the end gives 0 and sets `bad`. */
struct reader {
        const uint8_t *at, *end;
        bool bad;
};

static uint64_t read_fixed(struct reader *r, unsigned n)
{
        uint64_t value = 0;

        if (r->bad || (size_t)(r->end - r->at) < n) {
                r->bad = true;
                return 0;
        }
        memcpy(&value, r->at, n);
        r->at += n;
        return value;
}

static uint64_t read_uleb(struct reader *r)
{
        uint64_t value = 0;
        unsigned shift = 0;
        uint8_t byte;

        do {
                byte = (uint8_t)read_fixed(r, 1);
                if (shift < 64)
                        value |= (uint64_t)(byte & 0x7f) << shift;
                shift += 7;
        } while ((byte & 0x80) && !r->bad);
        return value;
}

static int64_t read_sleb(struct reader *r)
{
        uint64_t value = 0;
        unsigned shift = 0;
        uint8_t byte;

        do {
                byte = (uint8_t)read_fixed(r, 1);
                if (shift < 64)
                        value |= (uint64_t)(byte & 0x7f) << shift;
                shift += 7;
        } while ((byte & 0x80) && !r->bad);
        if (shift < 64 && (byte & 0x40))
                value |= ~UINT64_C(0) << shift;
        return (int64_t)value;
}

static void skip(struct reader *r, uint64_t n)
{
        if (r->bad || (uint64_t)(r->end - r->at) < n)
                r->bad = true;
        else
                r->at += n;
}

/* The value's format alone; PC-relative and the like are the caller's. */
static uint64_t read_format(struct reader *r, uint8_t encoding)
{
        switch (encoding & 0x0f) {
        case PE_ABSPTR:
        case PE_UDATA8:
        case PE_SDATA8:
                return read_fixed(r, 8);
        case PE_UDATA4:
                return read_fixed(r, 4);
        case PE_SDATA4:
                return (uint64_t)(int64_t)(int32_t)read_fixed(r, 4);
        case PE_UDATA2:
                return read_fixed(r, 2);
        case PE_SDATA2:
                return (uint64_t)(int64_t)(int16_t)read_fixed(r, 2);
        case PE_ULEB:
                return read_uleb(r);
        case PE_SLEB:
                return (uint64_t)read_sleb(r);
        default:
                r->bad = true;
                return 0;
        }
}

static uintptr_t read_pointer(struct reader *r, uint8_t encoding)
{
        uintptr_t here = (uintptr_t)r->at, value = read_format(r, encoding);

        switch (encoding & 0xf0) {
        case PE_ABSPTR:
                return value;
        case PE_PCREL:
                return here + value;
        default:
                r->bad = true;
                return 0;
        }
}

struct fde {
        uint8_t encoding;
        bool signal_frame, sized_augmentation;
        uint64_t code_align, ra_register;
        int64_t data_align;
        struct reader initial, program;
        uintptr_t pc_begin, pc_end;
};

static void read_cie(struct reader r, struct fde *f)
{
        uint64_t length = read_fixed(&r, 4), aug_length;
        const char *augmentation;
        uint8_t version;

        if (length == UINT32_MAX || length > (uint64_t)(r.end - r.at))
                r.bad = true;
        else
                r.end = r.at + length;
        if (read_fixed(&r, 4) != 0) /* a CIE's ID */
                r.bad = true;
        version = (uint8_t)read_fixed(&r, 1);
        augmentation = (const char *)r.at;
        while (read_fixed(&r, 1) != 0)
                ;
        if (version == 4)
                skip(&r, 2);
        else if (version != 1 && version != 3)
                r.bad = true;
        f->code_align = read_uleb(&r);
        f->data_align = read_sleb(&r);
        f->ra_register = version == 1 ? read_fixed(&r, 1) : read_uleb(&r);
        f->encoding = PE_ABSPTR;
        if (!r.bad && augmentation[0] == 'z') {
                struct reader data;

                aug_length = read_uleb(&r);
                data = r;
                skip(&r, aug_length);
                f->sized_augmentation = true;
                for (const char *a = augmentation + 1; *a && !data.bad; a++) {
                        if (*a == 'R')
                                f->encoding = (uint8_t)read_fixed(&data, 1);
                        else if (*a == 'L')
                                skip(&data, 1);
                        else if (*a == 'P')
                                read_format(&data, (uint8_t)read_fixed(&data, 1));
                        else if (*a == 'S')
                                f->signal_frame = true;
                        else if (*a != 'B')
                                break; /* the length tells where it ends */
                }
        } else if (!r.bad && augmentation[0] != '\0') {
                r.bad = true;
        }
        f->initial = r;
}

static bool read_fde(const uint8_t *at, const struct cfi_module *m, struct fde *f)
{
        const uint8_t *end = (const uint8_t *)m->end;
        struct reader r = {.at = at, .end = end}, cie = {.end = end};
        uint64_t length, back;
        const uint8_t *id;

        if ((uintptr_t)at < m->start || at >= end)
                return false;
        length = read_fixed(&r, 4);
        if (length == 0 || length == UINT32_MAX || length > (uint64_t)(r.end - r.at))
                return false;
        r.end = r.at + length;
        id = r.at;
        back = read_fixed(&r, 4);
        if (r.bad || back == 0 || back > (uintptr_t)id - m->start)
                return false;
        cie.at = id - back;
        *f = (struct fde){.encoding = 0};
        read_cie(cie, f);
        if (f->initial.bad)
                return false;
        f->pc_begin = read_pointer(&r, f->encoding);
        f->pc_end = f->pc_begin + read_format(&r, f->encoding);
        if (f->sized_augmentation)
                skip(&r, read_uleb(&r));
        f->program = r;
        return !r.bad;
}

/* The FDE that covers pc, through the sorted table of .eh_frame_hdr. */
static bool find_fde(uintptr_t pc, const struct cfi_module *m, struct fde *f)
{
        const uint8_t *hdr = m->eh_frame_hdr;
        struct reader r = {.at = hdr, .end = (const uint8_t *)m->end};
        int32_t want = (int32_t)(pc - (uintptr_t)hdr);
        uint8_t frame_encoding, count_encoding, table_encoding;
        uint64_t count;

        if (!hdr || (uintptr_t)hdr < m->start || hdr >= r.end ||
            (int64_t)want != (int64_t)(pc - (uintptr_t)hdr))
                return false;
        if (read_fixed(&r, 1) != 1)
                return false;
        frame_encoding = (uint8_t)read_fixed(&r, 1);
        count_encoding = (uint8_t)read_fixed(&r, 1);
        table_encoding = (uint8_t)read_fixed(&r, 1);
        if (r.bad || frame_encoding == PE_OMIT || count_encoding == PE_OMIT ||
            table_encoding != (PE_DATAREL | PE_SDATA4))
                return false;
        read_format(&r, frame_encoding);
        count = read_format(&r, count_encoding);
        if (r.bad || count == 0 || count > (uint64_t)(r.end - r.at) / 8)
                return false;

        /* The last entry whose first address is not above pc. */
        uint64_t low = 0, high = count;
        int32_t entry[2];

        while (high - low > 1) {
                uint64_t middle = low + (high - low) / 2;

                memcpy(entry, r.at + middle * 8, sizeof(entry));
                if (entry[0] <= want)
                        low = middle;
                else
                        high = middle;
        }
        memcpy(entry, r.at + low * 8, sizeof(entry));
        if (entry[0] > want)
                return false;
        return read_fde(hdr + entry[1], m, f) && pc >= f->pc_begin && pc < f->pc_end;
}

enum rule_kind { RULE_SAME, RULE_OFFSET, RULE_EXPR_FP, RULE_UNDEFINED, RULE_OTHER };

struct rule {
        enum rule_kind kind;
        int64_t offset;
};

struct state {
        enum cfi_kind cfa; /* CFI_NONE: something that cannot be told */
        int64_t offset;
        struct rule fp, ra, extra, ignored;
};

/* Expressions of the two forms that occur: REG + n, and *(REG + n). */
static bool read_expression(struct reader *r, uint64_t *ret_register, int64_t *ret_offset, bool *ret_deref)
{
        uint64_t length = read_uleb(r);
        struct reader e = *r;
        uint8_t op;

        skip(r, length);
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
static bool is_plt_expression(struct reader r, int64_t *ret_threshold)
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

static void set_cfa(struct state *s, uint64_t reg, int64_t offset)
{
        s->cfa = reg == MACHINE_DWARF_SP               ? CFI_SP
                 : reg == MACHINE_DWARF_FP             ? CFI_FP
                 : (int64_t)reg == MACHINE_DWARF_EXTRA ? CFI_EXTRA
                                                       : CFI_NONE;
        s->offset = offset;
}

static struct rule *rule_of(struct state *s, const struct fde *f, uint64_t reg)
{
        if (reg == f->ra_register)
                return &s->ra;
        if (reg == MACHINE_DWARF_FP)
                return &s->fp;
        if ((int64_t)reg == MACHINE_DWARF_EXTRA)
                return &s->extra;
        return &s->ignored;
}

#define REMEMBERED_MAX 8

/* Run a program of call frame instructions until the location passes pc.  false: not understood. */
static bool execute(struct reader r, const struct fde *f, uintptr_t pc, const struct state *initial,
                    struct state *s)
{
        struct state remembered[REMEMBERED_MAX];
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
                        *rule_of(s, f, low) =
                                (struct rule){RULE_OFFSET, (int64_t)read_uleb(&r) * f->data_align};
                        break;
                case CFA_OFFSET_EXT:
                        reg = read_uleb(&r);
                        *rule_of(s, f, reg) =
                                (struct rule){RULE_OFFSET, (int64_t)read_uleb(&r) * f->data_align};
                        break;
                case CFA_OFFSET_SF:
                        reg = read_uleb(&r);
                        *rule_of(s, f, reg) = (struct rule){RULE_OFFSET, read_sleb(&r) * f->data_align};
                        break;
                case CFA_RESTORE:
                case CFA_RESTORE_EXT:
                        reg = (op & 0xc0) ? low : read_uleb(&r);
                        if (initial) {
                                struct state copy = *initial;

                                *rule_of(s, f, reg) = *rule_of(&copy, f, reg);
                        }
                        break;
                case CFA_UNDEFINED:
                        rule_of(s, f, read_uleb(&r))->kind = RULE_UNDEFINED;
                        break;
                case CFA_SAME:
                        rule_of(s, f, read_uleb(&r))->kind = RULE_SAME;
                        break;
                case CFA_REGISTER:
                case CFA_VAL_OFFSET:
                case CFA_VAL_OFFSET_SF:
                        rule_of(s, f, read_uleb(&r))->kind = RULE_OTHER;
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
                        set_cfa(s, reg, read_sleb(&r) * f->data_align);
                        break;
                case CFA_DEF_REGISTER:
                        set_cfa(s, read_uleb(&r), s->offset);
                        break;
                case CFA_DEF_OFFSET:
                        s->offset = (int64_t)read_uleb(&r);
                        break;
                case CFA_DEF_OFFSET_SF:
                        s->offset = read_sleb(&r) * f->data_align;
                        break;
                case CFA_DEF_EXPR:
                        s->cfa = CFI_NONE;
#if defined(__x86_64__)
                        if (is_plt_expression(r, &offset)) {
                                s->cfa = CFI_SP;
                                s->offset = 8 + ((int64_t)(pc & 15) >= offset ? 8 : 0);
                                skip(&r, read_uleb(&r));
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
                        struct rule *rule = rule_of(s, f, read_uleb(&r));

                        if (read_expression(&r, &reg, &offset, &deref) && !deref && reg == MACHINE_DWARF_FP)
                                *rule = (struct rule){RULE_EXPR_FP, offset};
                        else
                                rule->kind = RULE_OTHER;
                        break;
                }
                case CFA_VAL_EXPR:
                        rule_of(s, f, read_uleb(&r))->kind = RULE_OTHER;
                        n = read_uleb(&r);
                        skip(&r, n);
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

/* A saved register's place in words, when it can be told. */
static bool place(const struct rule *rule, enum rule_kind wanted, int16_t *ret)
{
        if (rule->kind == RULE_SAME) {
                *ret = 0;
                return true;
        }
        if (rule->kind != wanted || rule->offset % 8 != 0 || rule->offset / 8 < -2048 ||
            rule->offset / 8 > 2047)
                return false;
        *ret = (int16_t)(rule->offset / 8);
        return true;
}

bool cfi_find(uintptr_t pc, const struct cfi_module *m, struct cfi_row *ret)
{
        struct state initial = {.cfa = CFI_NONE}, s;
        struct cfi_row row;
        struct fde f;

        *ret = (struct cfi_row){.kind = CFI_NONE};
        if (!find_fde(pc, m, &f))
                return false;
        if (f.signal_frame) {
                *ret = (struct cfi_row){.kind = CFI_SIGNAL};
                return true;
        }
        if (!execute(f.initial, &f, UINTPTR_MAX - 1, NULL, &initial))
                return false;
        s = initial;
        if (!execute(f.program, &f, pc, &initial, &s))
                return false;
        if (s.ra.kind == RULE_UNDEFINED) {
                *ret = (struct cfi_row){.kind = CFI_END};
                return true;
        }
        row = (struct cfi_row){.kind = (uint8_t)s.cfa, .offset = (int32_t)s.offset};
        if (s.cfa == CFI_NONE || s.offset < -(1 << 23) || s.offset >= (1 << 23))
                return false;
        /* A frame pointer that cannot be told is as good as none; the caller's row may not need it. */
        if (!place(&s.fp, s.cfa == CFI_FP_DEREF ? RULE_EXPR_FP : RULE_OFFSET, &row.fp))
                row.fp = 0;
        if (MACHINE_RA_IN_REGISTER) {
                if (!place(&s.ra, RULE_OFFSET, &row.extra))
                        return false;
        } else {
                if (s.ra.kind != RULE_OFFSET || s.ra.offset != -8)
                        return false;
                if (!place(&s.extra, RULE_OFFSET, &row.extra))
                        row.extra = 0;
        }
        *ret = row;
        return true;
}
