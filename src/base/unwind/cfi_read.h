/* SPDX-License-Identifier: MIT */
/* cfi_read - the numbers that .eh_frame is made of, read one after the other (LSB 5.0 core, 10.6; DWARF 5, 7.6).
 *
 * Works on bytes; reading behind the end gives 0 and marks the reader as bad, so that callers look once, at the end. */
#ifndef SWANSONG_BASE_UNWIND_CFI_READ_H
#define SWANSONG_BASE_UNWIND_CFI_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

struct cfi_reader {
        const uint8_t *at, *end;
        bool bad;
};

static inline uint64_t read_fixed(struct cfi_reader *r, unsigned n)
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

static inline uint64_t read_uleb(struct cfi_reader *r)
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

static inline int64_t read_sleb(struct cfi_reader *r)
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

static inline void read_skip(struct cfi_reader *r, uint64_t n)
{
        if (r->bad || (uint64_t)(r->end - r->at) < n)
                r->bad = true;
        else
                r->at += n;
}

/* The value's format alone; PC-relative and the like are the caller's. */
static inline uint64_t read_format(struct cfi_reader *r, uint8_t encoding)
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

static inline uintptr_t read_pointer(struct cfi_reader *r, uint8_t encoding)
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

#endif
