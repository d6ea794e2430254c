/* SPDX-License-Identifier: MIT */
/* Any bytes as the bundle's core, and every thread in it unwound.
 *
 * The maps are those that its own NT_FILE note tells, with every '/' made '_', so that no file of this machine is opened,
 * and a JIT's memory; so the frame-pointer steps run, and the call frame information of files does not.
 */
#include <stdlib.h>
#include <string.h>

#include "analysis/symbols/file_note.h"
#include "analysis/stacks/stack_table.h"
#include "analysis/stacks/unwind.h"

#define MAPS_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char jit[] = "10000000-10010000 rwxp 00000000 00:00 0 \n"
                          "7fff00000000-7fff00002000 r-xp 00000000 00:00 0 [vdso]\n";

static void unwind_all(const struct core *core, const struct modules *modules, struct pool *pool)
{
        const struct module_finder finder = {.pool = pool, .core = core};
        struct unwinder u = unwinder_of(modules, &finder);
        struct stack_table table = {.pool = pool};

        for (size_t i = 0; i < core->n_threads; i++) {
                struct unwind_frame frames[UNWIND_FRAMES_MAX];
                struct unwind_result result;
                struct unwind_regs regs;
                size_t index;

                unwind_regs_load(core->arch, core->threads[i].gregs, core->threads[i].tid & 1, &regs);
                if (unwind_thread(&u, &regs, frames, &result) < 0 || result.n_frames == 0 ||
                    result.n_frames > UNWIND_FRAMES_MAX || frames[0].pc != regs.pc)
                        abort();
                if (stack_table_put(&table, frames, &result, &index) < 0 || index >= table.n)
                        abort();
        }
        stack_table_done(&table);
        row_cache_done(&u.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct core_source source = {core_read_bytes, (void *)(uintptr_t)data, size};
        _cleanup_buf_ struct buf maps = BUF_GROWING(MAPS_MAX);
        _cleanup_(pool_free) struct pool pool = {0};
        _cleanup_core_ struct core core;
        struct modules modules;

        if (core_parse(&source, &core) < 0)
                return 0;
        buf_str(&maps, jit);
        if (core.file_note)
                file_note_to_maps(core.file_note, core.file_note_size, &maps);
        for (size_t i = 0; i < maps.len; i++)
                if (maps.data[i] == '/')
                        maps.data[i] = '_';
        if (modules_parse(maps.data, maps.len, &core, &pool, &modules) == 0)
                unwind_all(&core, &modules, &pool);
        for (size_t i = 0; i < modules.n_modules; i++)
                module_file_close(&modules.modules[i]);
        return 0;
}
