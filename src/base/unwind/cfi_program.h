/* SPDX-License-Identifier: MIT */
/* cfi_program - call frame instructions: run until the rules for one address are known.
 *
 * Follows the CFA, the return address, the frame pointer and one more register; what other registers do is read over. */
#ifndef SWANSONG_BASE_UNWIND_CFI_PROGRAM_H
#define SWANSONG_BASE_UNWIND_CFI_PROGRAM_H

#include "base/unwind/cfi_fde.h"

enum cfi_rule_kind { CFI_RULE_SAME, CFI_RULE_OFFSET, CFI_RULE_EXPR_FP, CFI_RULE_UNDEFINED, CFI_RULE_OTHER };

struct cfi_rule {
        enum cfi_rule_kind kind;
        int64_t offset;
};

struct cfi_state {
        enum cfi_kind cfa; /* CFI_NONE: something that cannot be told */
        int64_t offset;
        struct cfi_rule fp, ra, extra, ignored;
};

/* Run instructions until the location passes pc.  `initial` is what DW_CFA_restore goes back to, NULL for the CIE's own.
 * false: not understood. */
bool cfi_execute(struct cfi_reader r, const struct cfi_fde *f, uintptr_t pc, const struct cfi_state *initial,
                 struct cfi_state *s);

#endif
