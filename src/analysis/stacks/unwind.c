/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/unwind.h"

#include <elf.h>
#include <string.h>

#include "analysis/stacks/unwind_expr.h"

bool unwind_read(void *data, uint64_t address, unsigned bytes, uint64_t *ret)
{
        struct unwinder *u = data;
        const uint8_t *p = core_memory(u->core, address, bytes);
        uint64_t v = 0;

        if (!p)
                return false;
        for (unsigned i = bytes; i > 0; i--)
                v = v << 8 | p[i - 1];
        *ret = v;
        return true;
}

void unwind_regs_load(const struct arch *arch, const void *gregs, bool only_pc_sp, struct unwind_regs *ret)
{
        *ret = (struct unwind_regs){.pc = arch_get(gregs, arch->pc)};
        for (size_t i = 0; i < arch->n_regs; i++) {
                const struct arch_reg *r = &arch->regs[i];

                if (r->dwarf < 0 || r->dwarf >= UNWIND_REGS ||
                    (only_pc_sp && r->offset != arch->sp && r->offset != arch->pc))
                        continue;
                ret->value[r->dwarf] = arch_get(gregs, r->offset);
                ret->valid |= UINT64_C(1) << r->dwarf;
        }
}

static void set(struct unwind_regs *regs, unsigned reg, uint64_t value)
{
        regs->value[reg] = value;
        regs->valid |= UINT64_C(1) << reg;
}

static bool known(const struct unwind_regs *regs, unsigned reg)
{
        return regs->valid >> reg & 1;
}

static bool evaluate(struct unwinder *u, const struct unwind_regs *now, const struct rule *rule,
                     const uint64_t *cfa, uint64_t *ret)
{
        const struct expr_state s = {
                .read = unwind_read, .read_data = u, .regs = now->value, .valid = now->valid, .cfa = cfa};

        return expr_evaluate(&s, rule->ops, rule->n_ops, ret);
}

/* The caller's value of the register that the rule is about; *ret_at is the address it was wanted from. */
static bool apply(struct unwinder *u, const struct unwind_regs *now, const struct rule *rule, uint64_t cfa,
                  uint64_t *ret, uint64_t *ret_at)
{
        switch (rule->kind) {
        case RULE_OFFSET:
                *ret_at = cfa + (uint64_t)rule->offset;
                return unwind_read(u, *ret_at, 8, ret);
        case RULE_VAL_OFFSET:
                *ret = cfa + (uint64_t)rule->offset;
                return true;
        case RULE_REGISTER:
                *ret = now->value[rule->from];
                return known(now, rule->from);
        case RULE_EXPRESSION:
                return evaluate(u, now, rule, &cfa, ret_at) && unwind_read(u, *ret_at, 8, ret);
        default:
                return evaluate(u, now, rule, &cfa, ret);
        }
}

static enum unwind_end step_by_row(struct unwinder *u, const struct unwind_row *row,
                                   const struct unwind_regs *now, struct unwind_regs *next, uint64_t *ret_at)
{
        uint64_t cfa;

        *ret_at = 0;
        if (row->ra_undefined)
                return UNWIND_ROOT;
        if (row->cfa.kind == RULE_REGISTER) {
                if (!known(now, row->cfa.from))
                        return UNWIND_NO_REGS;
                cfa = now->value[row->cfa.from] + (uint64_t)row->cfa.offset;
        } else if (!evaluate(u, now, &row->cfa, NULL, &cfa)) {
                return UNWIND_NO_REGS;
        }
        memcpy(next->value, now->value, u->core->arch->dwarf_regs * sizeof(*next->value));
        next->valid = now->valid & row->same;
        for (unsigned i = 0; i < row->n_rules; i++) {
                const struct rule *rule = &row->rules[i];
                uint64_t value, at = 0;

                if (apply(u, now, rule, cfa, &value, &at))
                        set(next, rule->reg, value);
                else if (rule->reg == row->ra)
                        *ret_at = at;
        }
        if (!known(next, row->ra))
                return *ret_at ? UNWIND_NO_MEMORY : UNWIND_NO_REGS;
        next->pc = next->value[row->ra];
        return UNWIND_WENT_ON;
}

uint64_t unwind_code_address(const struct unwinder *u, uint64_t pc)
{
        return u->core->arch->e_machine == EM_AARCH64 ? pc & ((UINT64_C(1) << 48) - 1) : pc;
}

int unwind_thread(struct unwinder *u, const struct unwind_regs *start, struct unwind_frame *frames,
                  struct unwind_result *ret)
{
        struct unwind_regs states[2] = {*start}, *now = &states[0], *next = &states[1];
        struct unwind_frame frame = {.pc = start->pc, .exact = true};

        *ret = (struct unwind_result){.end = UNWIND_TOO_DEEP};
        while (ret->n_frames < UNWIND_FRAMES_MAX) {
                const uint64_t lookup = unwind_frame_lookup(&frame);
                const struct module_range *range = modules_find(u->modules, lookup);
                const struct unwind_row *row = NULL;
                bool exact_next = false;
                enum unwind_end end;
                uint64_t at = lookup;

                frames[ret->n_frames++] = frame;
                if (range && range->module) {
                        int r = unwind_row_find(&u->rows, u->finder, range->module, lookup, &row);

                        if (r < 0)
                                return r;
                }
                if (row) {
                        end = step_by_row(u, row, now, next, &at);
                        exact_next = frames[ret->n_frames - 1].trampoline = row->signal_frame;
                } else {
                        end = unwind_by_frame_pointer(u, now, ret->n_frames == 1, next);
                }
                if (end == UNWIND_WENT_ON) {
                        next->pc = unwind_code_address(u, next->pc);
                        if (next->pc == 0)
                                end = UNWIND_ROOT;
                        else if (next->pc == now->pc &&
                                 memcmp(next->value, now->value, sizeof(next->value)) == 0)
                                end = UNWIND_REPEATS;
                }
                if (end != UNWIND_WENT_ON) {
                        ret->end = end;
                        ret->address = at;
                        return 0;
                }
                frame = (struct unwind_frame){.pc = next->pc, .exact = exact_next};
                struct unwind_regs *t = now;
                now = next;
                next = t;
        }
        return 0;
}
