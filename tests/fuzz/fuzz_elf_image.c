/* SPDX-License-Identifier: MIT */
/* Any bytes as a loaded ELF file: what the tables point to is read only within its segments, slots lie in writable ones. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent_so/modules/elf_image.h"
#include "base/cleanup.h"

#define HEADERS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The loader's part: the headers whose segments are in memory.  Their number; the bias is that of the first segment. */
static size_t load(const char *file, size_t size, ElfW(Phdr) headers[HEADERS_MAX], uintptr_t *ret_bias)
{
        ElfW(Ehdr) e;
        size_t n = 0;
        bool loaded = false;

        if (size < sizeof(e))
                return 0;
        memcpy(&e, file, sizeof(e));
        for (size_t i = 0; i < e.e_phnum && i < HEADERS_MAX; i++) {
                ElfW(Phdr) p;

                if (e.e_phoff > size || size - e.e_phoff < (i + 1) * sizeof(p))
                        break;
                memcpy(&p, file + e.e_phoff + i * sizeof(p), sizeof(p));
                if (p.p_type == PT_LOAD) {
                        if (!loaded)
                                *ret_bias = (uintptr_t)file + p.p_offset - p.p_vaddr;
                        loaded = true;
                        if (*ret_bias + p.p_vaddr < (uintptr_t)file ||
                            *ret_bias + p.p_vaddr - (uintptr_t)file > size ||
                            p.p_memsz > size - (*ret_bias + p.p_vaddr - (uintptr_t)file))
                                continue;
                }
                headers[n++] = p;
        }
        return loaded ? n : 0;
}

static void look(const struct elf_slot *slot, void *arg)
{
        const struct elf_image *image = arg;
        const char *name = elf_image_symbol(image, slot->symbol);

        *slot->word += name ? strlen(name) : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *exact = malloc(size ? size : 1); /* exact size: an access past it is seen */
        ElfW(Phdr) headers[HEADERS_MAX];
        struct elf_image image;
        uintptr_t bias = 0;
        size_t n;

        if (!exact)
                return 0;
        if (size > 0)
                memcpy(exact, data, size);
        n = load(exact, size, headers, &bias);
        if (n == 0 || !elf_image_open(bias, headers, n, 4096, &image))
                return 0;
        elf_image_find(&image, "get");
        elf_image_find(&image, "malloc");
        elf_image_slots(&image, look, &image);
        return 0;
}
