/* SPDX-License-Identifier: MIT */
/* cfi_fde - the frame description entry (FDE) of an address, with what its common information entry (CIE) says. */
#ifndef SWANSONG_BASE_UNWIND_CFI_FDE_H
#define SWANSONG_BASE_UNWIND_CFI_FDE_H

#include "base/unwind/cfi.h"
#include "base/unwind/cfi_read.h"

struct cfi_fde {
        uint8_t encoding;
        bool signal_frame, sized_augmentation;
        uint64_t code_align, ra_register;
        int64_t data_align;
        struct cfi_reader initial, program; /* instructions: of the CIE, of the FDE */
        uintptr_t pc_begin, pc_end;
};

/* The FDE that covers pc, through the sorted table of .eh_frame_hdr.  false: there is none, or it is malformed. */
bool cfi_fde_find(uintptr_t pc, const struct cfi_module *m, struct cfi_fde *ret);

#endif
