/* SPDX-License-Identifier: MIT */
/* cfi - one row of unwind information (.eh_frame) as one 64-bit word.
 *
 * A row says, for one PC, where the caller's frame is: the canonical frame address (CFA), and where the frame pointer
 * and the return address were saved.  The other callee-saved registers are not followed: compilers tell the CFA from the
 * stack pointer or the frame pointer.  What else occurs has a kind of its own (realigned stacks, signal frames).
 *
 * Only reads a module's own mapped tables, within the module's range; takes no lock, allocates nothing.
 */
#ifndef SWANSONG_BASE_UNWIND_CFI_H
#define SWANSONG_BASE_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

/* A module as it lies in our own memory: loaded (the agent), or a view of another process's (injector/call/module_view.h). */
struct cfi_module {
        uintptr_t start,
                end; /* its mappings, holes included: all of it must be readable where its tables point */
        const uint8_t *eh_frame_hdr; /* NULL: none */
};

enum cfi_kind {
        CFI_NONE,     /* no row: follow the frame pointer */
        CFI_SP,       /* CFA = SP + offset */
        CFI_FP,       /* CFA = FP + offset */
        CFI_EXTRA,    /* CFA = the extra register + offset */
        CFI_FP_DEREF, /* CFA = *(FP + offset); the saved frame pointer is at FP + 8 * fp */
        CFI_SIGNAL,   /* a signal frame: all registers are in its ucontext */
        CFI_END,      /* the outermost frame */
};

struct cfi_row {
        uint8_t kind;   /* enum cfi_kind */
        int32_t offset; /* bytes, 24 bits */
        int16_t fp;     /* saved at CFA + 8 * fp (12 bits); 0: not saved */
        int16_t extra;  /* the same: x86-64 rbx, AArch64 the return address */
};

/* As a word: 3 bits of kind, 24 of offset, 12 of fp, 12 of extra. */
static inline uint64_t cfi_pack(const struct cfi_row *r)
{
        return (uint64_t)r->kind | ((uint64_t)(uint32_t)r->offset & 0xffffff) << 3 |
               ((uint64_t)(uint16_t)r->fp & 0xfff) << 27 | ((uint64_t)(uint16_t)r->extra & 0xfff) << 39;
}

static inline unsigned cfi_kind_of(uint64_t w)
{
        return w & 7;
}

/* Bytes: of the offset, and of the two places relative to the CFA. */
static inline int64_t cfi_offset_of(uint64_t w)
{
        return (int64_t)(w << 37) >> 40;
}

static inline int64_t cfi_fp_of(uint64_t w)
{
        return ((int64_t)(w << 25) >> 52) * 8;
}

static inline int64_t cfi_extra_of(uint64_t w)
{
        return ((int64_t)(w << 13) >> 52) * 8;
}

static inline struct cfi_row cfi_unpack(uint64_t w)
{
        return (struct cfi_row){.kind = (uint8_t)cfi_kind_of(w),
                                .offset = (int32_t)cfi_offset_of(w),
                                .fp = (int16_t)(cfi_fp_of(w) / 8),
                                .extra = (int16_t)(cfi_extra_of(w) / 8)};
}

/* The row for the instruction at pc, in module m.  false: the module has none for it, or one that cannot be told in a
 * word; *ret is then CFI_NONE. */
bool cfi_find(uintptr_t pc, const struct cfi_module *m, struct cfi_row *ret);

#endif
