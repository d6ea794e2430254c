/* SPDX-License-Identifier: MIT */
#include "base/unwind/cfi.h"

#include "base/unwind/cfi_program.h"
#include "base/unwind/unwind_machine.h"

/* A saved register's place in words, when it can be told. */
static bool place(const struct cfi_rule *rule, enum cfi_rule_kind wanted, int16_t *ret)
{
        if (rule->kind == CFI_RULE_SAME) {
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
        struct cfi_state initial = {.cfa = CFI_NONE}, s;
        struct cfi_row row;
        struct cfi_fde f;

        *ret = (struct cfi_row){.kind = CFI_NONE};
        if (!cfi_fde_find(pc, m, &f))
                return false;
        if (f.signal_frame) {
                *ret = (struct cfi_row){.kind = CFI_SIGNAL};
                return true;
        }
        if (!cfi_execute(f.initial, &f, UINTPTR_MAX - 1, NULL, &initial))
                return false;
        s = initial;
        if (!cfi_execute(f.program, &f, pc, &initial, &s))
                return false;
        if (s.ra.kind == CFI_RULE_UNDEFINED) {
                *ret = (struct cfi_row){.kind = CFI_END};
                return true;
        }
        row = (struct cfi_row){.kind = (uint8_t)s.cfa, .offset = (int32_t)s.offset};
        if (s.cfa == CFI_NONE || s.offset < -(1 << 23) || s.offset >= (1 << 23))
                return false;
        /* A frame pointer that cannot be told is as good as none; the caller's row may not need it. */
        if (!place(&s.fp, s.cfa == CFI_FP_DEREF ? CFI_RULE_EXPR_FP : CFI_RULE_OFFSET, &row.fp))
                row.fp = 0;
        if (MACHINE_RA_IN_REGISTER) {
                if (!place(&s.ra, CFI_RULE_OFFSET, &row.extra))
                        return false;
        } else {
                if (s.ra.kind != CFI_RULE_OFFSET || s.ra.offset != -8)
                        return false;
                if (!place(&s.extra, CFI_RULE_OFFSET, &row.extra))
                        row.extra = 0;
        }
        *ret = row;
        return true;
}
