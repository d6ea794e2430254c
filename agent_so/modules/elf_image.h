/* SPDX-License-Identifier: MIT */
/* elf_image - the tables of a loaded ELF file, as they lie in memory: through which words does it call others?
 *
 * Works on memory that is mapped, never opens a file and changes nothing.  Whatever the tables point to is checked against the
 * file's own segments, every entry for itself: a forged table reads nothing else.
 *
 *     Offset        Info             Type               Symbol           Addend
 *     0000003fd0    000300000007     R_X86_64_JUMP_SLOT malloc + 0       a SLOT_CALL: `call malloc@plt` jumps through it
 *     0000003fd8    000400000006     R_X86_64_GLOB_DAT  free + 0         a SLOT_POINTER: -fno-plt, `f = free`
 *     0000004010    000400000001     R_X86_64_64        free + 0         a SLOT_POINTER: `static void (*f)(void *) = free`
 *
 * Traps: the loader has added the bias to the dynamic section's pointers (not so in the vdso); what -z relro protects ends at a
 * page, the rest of its last page stays writable; a slot that is not bound yet points into its own file's PLT.
 */
#ifndef SWANSONG_AGENT_SO_MODULES_ELF_IMAGE_H
#define SWANSONG_AGENT_SO_MODULES_ELF_IMAGE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image {
        uintptr_t bias;
        const ElfW(Phdr) * headers;
        size_t n_headers;
        uintptr_t relro_from, relro_to; /* read-only once the loader is done with it; 0, 0: nothing */
        uintptr_t symbols, strings, gnu_hash;
        size_t strings_size;
        struct {
                uintptr_t first;
                size_t n;
        } calls, data; /* Elf64_Rela: DT_JMPREL; DT_RELA without the relative ones at its head */
};

enum elf_slot_kind { ELF_SLOT_CALL, ELF_SLOT_POINTER };

struct elf_slot {
        uintptr_t *word;
        enum elf_slot_kind kind;
        uint32_t symbol;
        bool in_relro;
};

/* Find the tables of the file that was loaded at `bias` with these program headers.  false: it has no dynamic section, or
 * one that makes no sense.  page_size: of the system, bytes. */
bool elf_image_open(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers, size_t page_size,
                    struct elf_image *ret);

/* Do the n bytes at `address` lie in one segment of the file that has these permissions (PF_*)? */
bool elf_image_holds(const struct elf_image *image, uintptr_t address, size_t n, unsigned permissions);

/* Call `visit` for each slot that lies aligned in a writable segment. */
void elf_image_slots(const struct elf_image *image, void (*visit)(const struct elf_slot *slot, void *arg),
                     void *arg);

/* The name of a symbol of the dynamic table, or NULL. */
const char *elf_image_symbol(const struct elf_image *image, uint32_t symbol);

/* Is it another file that defines the symbol? */
bool elf_image_imports(const struct elf_image *image, uint32_t symbol);

/* The address of what the file itself defines under this name, by DT_GNU_HASH; 0: nothing. */
uintptr_t elf_image_find(const struct elf_image *image, const char *name);

#endif
