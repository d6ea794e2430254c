/* SPDX-License-Identifier: MIT */
/* unwind_rules - how the caller's registers are found at one PC: a row of the call frame information.
 *
 * The rows come from libdw (.eh_frame, else .debug_frame) and are remembered per PC: 25,000 frames of a
 * thousand threads have some 150 PCs, and interpreting the CFI for each of them anew is what an unwinder spends
 * its time on (0.6-0.9 us per frame; with the rows 0.05).
 */
#ifndef SWANSONG_ANALYSIS_STACKS_UNWIND_RULES_H
#define SWANSONG_ANALYSIS_STACKS_UNWIND_RULES_H

#include "analysis/symbols/module_file.h"

/* More than any machine of src/arch needs (dwarf_regs). */
#define UNWIND_REGS 64

enum rule_kind {
        RULE_OFFSET,     /* saved at CFA + offset */
        RULE_VAL_OFFSET, /* is CFA + offset */
        RULE_REGISTER,   /* is in another register (plus offset, for the CFA) */
        RULE_EXPRESSION, /* saved at the address that the expression gives */
        RULE_VAL_EXPRESSION,
};

struct rule {
        uint8_t kind;
        uint8_t reg;  /* which register this is about; the CFA's own rule: not used */
        uint8_t from; /* RULE_REGISTER */
        int64_t offset;
        const Dwarf_Op *ops; /* expressions; they live as long as the module's CFI */
        size_t n_ops;
};

struct unwind_row {
        struct rule cfa;
        uint64_t same;     /* bit N: register N is what it was */
        uint8_t ra;        /* register that holds the return address */
        bool ra_undefined; /* this is the outermost frame */
        bool signal_frame; /* the caller was interrupted, not calling: its PC is exact */
        uint8_t n_rules;
        struct rule rules[]; /* registers that are neither `same` nor here are lost */
};

struct row_cache {
        struct row_slot {
                uint64_t pc;
                const struct unwind_row *row;
                bool used;
        } * slots;
        size_t n, room;
};

/* The row for pc, which lies in the module, or NULL when there is no CFI for it.  0 or -ENOMEM. */
int unwind_row_find(struct row_cache *c, const struct module_finder *f, struct module *m, uint64_t pc,
                    const struct unwind_row **ret);

void row_cache_done(struct row_cache *c);

#endif
