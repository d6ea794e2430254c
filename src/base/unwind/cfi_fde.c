/* SPDX-License-Identifier: MIT */
/* The formats: LSB 5.0 core, 10.6 (.eh_frame, .eh_frame_hdr). */
#include "base/unwind/cfi_fde.h"

static void read_cie(struct cfi_reader r, struct cfi_fde *f)
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
                read_skip(&r, 2);
        else if (version != 1 && version != 3)
                r.bad = true;
        f->code_align = read_uleb(&r);
        f->data_align = read_sleb(&r);
        f->ra_register = version == 1 ? read_fixed(&r, 1) : read_uleb(&r);
        f->encoding = PE_ABSPTR;
        if (!r.bad && augmentation[0] == 'z') {
                struct cfi_reader data;

                aug_length = read_uleb(&r);
                data = r;
                read_skip(&r, aug_length);
                f->sized_augmentation = true;
                for (const char *a = augmentation + 1; *a && !data.bad; a++) {
                        if (*a == 'R')
                                f->encoding = (uint8_t)read_fixed(&data, 1);
                        else if (*a == 'L')
                                read_skip(&data, 1);
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

static bool read_fde(const uint8_t *at, const struct cfi_module *m, struct cfi_fde *f)
{
        const uint8_t *end = (const uint8_t *)m->end;
        struct cfi_reader r = {.at = at, .end = end}, cie = {.end = end};
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
        *f = (struct cfi_fde){.encoding = 0};
        read_cie(cie, f);
        if (f->initial.bad)
                return false;
        f->pc_begin = read_pointer(&r, f->encoding);
        f->pc_end = f->pc_begin + read_format(&r, f->encoding);
        if (f->sized_augmentation)
                read_skip(&r, read_uleb(&r));
        f->program = r;
        return !r.bad;
}

bool cfi_fde_find(uintptr_t pc, const struct cfi_module *m, struct cfi_fde *f)
{
        const uint8_t *hdr = m->eh_frame_hdr;
        struct cfi_reader r = {.at = hdr, .end = (const uint8_t *)m->end};
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
