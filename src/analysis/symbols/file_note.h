/* SPDX-License-Identifier: MIT */
/* file_note - the mapped files as the core tells them (NT_FILE), for a bundle without proc/PID/maps.
 *
 * Works on bytes, 64-bit little-endian: count, page size, count times {start, end, file offset in pages}, then
 * count names, each ending in NUL (the kernel's fs/binfmt_elf.c, fill_files_note).  Devices and inodes are not told,
 * nor which mappings are executable: all are taken for it.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_FILE_NOTE_H
#define SWANSONG_ANALYSIS_SYMBOLS_FILE_NOTE_H

#include <stdint.h>

#include "base/buf.h"

/* Append the mappings as lines of /proc/PID/maps, as far as the note is sound. */
void file_note_to_maps(const uint8_t *note, size_t size, struct buf *maps);

#endif
