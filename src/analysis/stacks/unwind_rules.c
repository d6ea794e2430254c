/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/unwind_rules.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "analysis/symbols/elf_view.h"

/* .debug_frame stands in the file, or in its separate debug file. */
static Dwarf_CFI *debug_frame(const struct module_finder *f, struct module *m)
{
        static const char *const only_frame[] = {"frame", NULL};
        struct module_file *file = m->file;

        if (!file->frame_tried) {
                int fd = -1;

                file->frame_tried = true;
                if (elf_has_debug(file->elf, "frame"))
                        fd = file->fd;
                else if (module_debug(f, m) && elf_has_debug(file->debug, "frame"))
                        fd = file->debug_fd;
                if (fd >= 0)
                        file->frame_view = elf_view_open(fd, only_frame);
                if (file->frame_view.elf)
                        file->frame_dwarf = dwarf_begin_elf(file->frame_view.elf, DWARF_C_READ, NULL);
        }
        return file->frame_dwarf ? dwarf_getcfi(file->frame_dwarf) : NULL;
}

static Dwarf_CFI *eh_frame(struct module *m)
{
        struct module_file *file = m->file;

        if (!file->eh_cfi_tried) {
                file->eh_cfi_tried = true;
                file->eh_cfi = dwarf_getcfi_elf(file->elf);
        }
        return file->eh_cfi;
}

/* {bregN offset} is the form of nearly every CFA; everything else stays an expression. */
static bool cfa_rule(Dwarf_Frame *frame, struct rule *ret)
{
        Dwarf_Op *ops;
        size_t n;

        if (dwarf_frame_cfa(frame, &ops, &n) < 0 || n == 0)
                return false;
        if (n == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31)
                *ret = (struct rule){.kind = RULE_REGISTER,
                                     .from = (uint8_t)(ops[0].atom - DW_OP_breg0),
                                     .offset = (int64_t)ops[0].number};
        else if (n == 1 && ops[0].atom == DW_OP_bregx) { /* in the frame's own memory: must not be kept */
                if (ops[0].number >= UNWIND_REGS)
                        return false;
                *ret = (struct rule){.kind = RULE_REGISTER,
                                     .from = (uint8_t)ops[0].number,
                                     .offset = (int64_t)ops[0].number2};
        } else
                *ret = (struct rule){.kind = RULE_EXPRESSION, .ops = ops, .n_ops = n};
        return true;
}

/* libdw writes the plain rules as expressions over the CFA; turn them back. `mem` is where it writes those:
 * an expression of the CFI's own stands elsewhere, and lives on. */
static bool register_rule(const Dwarf_Op *ops, size_t n, const Dwarf_Op *mem, struct rule *ret)
{
        bool value = ops[n - 1].atom == DW_OP_stack_value;

        if (ops == mem) {
                size_t plain = value ? n - 1 : n;

                if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
                        ret->kind = RULE_REGISTER;
                        ret->from = (uint8_t)(ops[0].atom - DW_OP_reg0);
                } else if (n == 1 && ops[0].atom == DW_OP_regx && ops[0].number < UNWIND_REGS) {
                        ret->kind = RULE_REGISTER;
                        ret->from = (uint8_t)ops[0].number;
                } else if (plain >= 1 && plain <= 2 && ops[0].atom == DW_OP_call_frame_cfa &&
                           (plain == 1 || ops[1].atom == DW_OP_plus_uconst)) {
                        ret->kind = value ? RULE_VAL_OFFSET : RULE_OFFSET;
                        ret->offset = plain == 2 ? (int64_t)ops[1].number : 0;
                } else {
                        return false;
                }
                return true;
        }
        ret->kind = value ? RULE_VAL_EXPRESSION : RULE_EXPRESSION;
        ret->ops = ops;
        ret->n_ops = value ? n - 1 : n;
        return true;
}

static const struct unwind_row *row_make(Dwarf_Frame *frame, const struct arch *arch, struct pool *pool)
{
        struct rule rules[UNWIND_REGS];
        struct unwind_row head = {0}, *row;
        int ra = dwarf_frame_info(frame, NULL, NULL, &head.signal_frame);

        if (ra < 0 || ra >= UNWIND_REGS || !cfa_rule(frame, &head.cfa))
                return NULL;
        head.ra = (uint8_t)ra;
        for (int reg = 0; reg < arch->dwarf_regs && reg < UNWIND_REGS; reg++) {
                struct rule rule = {.reg = (uint8_t)reg};
                Dwarf_Op mem[3], *ops;
                size_t n;

                if (dwarf_frame_register(frame, reg, mem, &ops, &n) < 0)
                        continue;
                if (n == 0 && !ops)
                        head.same |= UINT64_C(1) << reg;
                else if (n == 0 && reg == ra)
                        head.ra_undefined = true;
                else if (n > 0 && register_rule(ops, n, mem, &rule))
                        rules[head.n_rules++] = rule;
        }
        row = pool_alloc(pool, sizeof(*row) + head.n_rules * sizeof(*rules));
        if (row) {
                *row = head;
                memcpy(row->rules, rules, head.n_rules * sizeof(*rules));
        }
        return row;
}

static int row_read(const struct module_finder *f, struct module *m, uint64_t pc,
                    const struct unwind_row **ret)
{
        struct module_file *file = module_file_get(f, m);
        _cleanup_free_ Dwarf_Frame *frame = NULL;
        Dwarf_CFI *cfi;

        *ret = NULL;
        if (!file)
                return -ENOMEM;
        if (!file->elf)
                return 0;
        cfi = eh_frame(m);
        if (!cfi || dwarf_cfi_addrframe(cfi, pc - m->bias, &frame) < 0) {
                cfi = debug_frame(f, m);
                if (!cfi || dwarf_cfi_addrframe(cfi, pc - m->bias, &frame) < 0)
                        return 0;
        }
        *ret = row_make(frame, f->core->arch, f->pool);
        return 0;
}

static struct row_slot *slot_find(struct row_slot *slots, size_t room, uint64_t pc)
{
        size_t i = (size_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);

        while (slots[i].used && slots[i].pc != pc)
                i = (i + 1) & (room - 1);
        return &slots[i];
}

static int cache_grow(struct row_cache *c)
{
        size_t room = c->room ? 2 * c->room : 256;
        struct row_slot *slots = calloc(room, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < c->room; i++)
                if (c->slots[i].used)
                        *slot_find(slots, room, c->slots[i].pc) = c->slots[i];
        free(c->slots);
        c->slots = slots;
        c->room = room;
        return 0;
}

int unwind_row_find(struct row_cache *c, const struct module_finder *f, struct module *m, uint64_t pc,
                    const struct unwind_row **ret)
{
        struct row_slot *slot;
        int r;

        if (4 * c->n >= 3 * c->room) {
                r = cache_grow(c);
                if (r < 0)
                        return r;
        }
        slot = slot_find(c->slots, c->room, pc);
        if (!slot->used) {
                r = row_read(f, m, pc, &slot->row);
                if (r < 0)
                        return r;
                slot->pc = pc;
                slot->used = true;
                c->n++;
        }
        *ret = slot->row;
        return 0;
}

void row_cache_done(struct row_cache *c)
{
        free(c->slots);
        *c = (struct row_cache){0};
}
