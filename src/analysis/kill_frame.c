/* SPDX-License-Identifier: MIT */
#include "analysis/kill_frame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/stacks/frames.h"
#include "base/buf.h"
#include "base/scan.h"
#include "bundle/reader.h"

size_t kill_code_parse(const char *text, uint64_t pc, uint8_t bytes[KILL_CODE_MAX], struct known_code *ret)
{
        struct scan s = scan_of(text, strlen(text)), line;
        size_t n = 0, at = KILL_CODE_MAX;

        if (!scan_find(&s, "\nCode: ") || !scan_until(&s, "\n", &line))
                return 0;
        while (n < KILL_CODE_MAX) {
                bool marked = scan_word(&line, "<");
                uint64_t byte;

                if (!scan_hex(&line, &byte) || byte > UINT8_MAX)
                        break;
                if (marked) {
                        at = n;
                        scan_word(&line, ">");
                }
                bytes[n++] = (uint8_t)byte;
                scan_blanks(&line);
        }
        if (at >= n || pc < at)
                return 0;
        *ret = (struct known_code){.address = pc - at, .bytes = bytes, .len = n};
        return n;
}

/* The innermost frames, those that were inlined there too, of the thread's own stack. */
static bool take_captured(const struct report *r, struct report_kill *k)
{
        for (size_t i = 0; i < r->n_threads; i++) {
                const struct report_thread *t = &r->threads[i];

                if (t->tid != k->trigger_pid || t->n_frames == 0 || t->frames[0].pc != k->trigger_pc)
                        continue;
                k->trigger_frames = t->frames;
                for (size_t n = 0; n < t->n_frames && t->frames[n].pc == k->trigger_pc; n++)
                        k->n_trigger_frames = n + 1;
                return true;
        }
        return false;
}

static int take_place(const struct frame_place *p, struct pool *pool, struct report_kill *k)
{
        struct report_frame *frames = pool_alloc(pool, p->n_frames * sizeof(*frames));

        if (!frames)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_frames; i++) {
                frames[i] = p->frames[i];
                frames[i].pc = k->trigger_pc;
                frames[i].module_offset =
                        p->module && p->module->has_bias ? k->trigger_pc - p->module->bias : REPORT_UNKNOWN;
        }
        k->trigger_frames = frames;
        k->n_trigger_frames = p->n_frames;
        return 0;
}

/* As captured; of a process that was gone already, as they were before.  That there are none is in the list of what is missing,
 * where that matters. */
static bool read_maps(int bundle, const struct report *r, struct buf *ret)
{
        char path[32];

        snprintf(path, sizeof(path), "proc/%d/maps", r->process.pid);
        return (section_read(bundle, path, ret) == 0 && ret->len > 0) ||
               (section_read(bundle, "maps", ret) == 0 && ret->len > 0);
}

/* Looked up in the target's mappings, by the code that the kernel has shown. */
static int look_up(int bundle, const struct stacks_options *o, const struct report *r, struct pool *pool,
                   struct report_kill *k)
{
        _cleanup_buf_ struct buf maps = BUF_GROWING(SECTION_MAX);
        const struct core core = {.arch = &arch_x86_64}; /* no other machine's report has a RIP */
        uint8_t bytes[KILL_CODE_MAX];
        struct known_code code;
        struct module_finder finder = {.pool = pool, .core = &core, .sysroot = o->sysroot, .code = &code};
        struct modules modules;
        const struct frame_sources sources = {.modules = &modules, .finder = &finder, .lines = o->lines};
        const struct module_range *range;
        struct frame_places places;
        uint64_t lookup = k->trigger_pc;
        int result;

        if (kill_code_parse(k->text, k->trigger_pc, bytes, &code) == 0 || !read_maps(bundle, r, &maps))
                return 0;
        result = modules_parse(maps.data, maps.len, &core, pool, &modules);
        if (result < 0)
                return result;
        range = modules_find(&modules, k->trigger_pc);
        /* First of all: its load address is only known from the file. */
        if (range && range->module) {
                const struct module_file *file = module_file_get(&finder, range->module);

                result = !file ? -ENOMEM : file->elf ? frames_resolve(&sources, &lookup, 1, &places) : 0;
                if (result == 0 && file->elf)
                        result = take_place(&places.places[0], pool, k);
                module_file_close(range->module);
        }
        return result;
}

/* Nothing but the address: it is the target's when its first thread was the trigger. */
static int take_address(struct pool *pool, struct report_kill *k)
{
        struct report_frame *frame;

        if (!k->was_target || k->trigger_pid != k->victim_pid)
                return 0;
        frame = pool_alloc(pool, sizeof(*frame));
        if (!frame)
                return -ENOMEM;
        *frame = (struct report_frame){
                .pc = k->trigger_pc, .module_offset = REPORT_UNKNOWN, .line = REPORT_UNKNOWN};
        k->trigger_frames = frame;
        k->n_trigger_frames = 1;
        return 0;
}

int kill_frame_fill(int bundle, const struct stacks_options *o, struct report *r)
{
        struct report_kill *k;
        int result = 0;

        if (!r->kill || r->kill->trigger_pc == REPORT_UNKNOWN)
                return 0;
        k = pool_alloc(&r->pool, sizeof(*k));
        if (!k)
                return -ENOMEM;
        *k = *r->kill;
        if (!take_captured(r, k)) {
                result = look_up(bundle, o, r, &r->pool, k);
                if (result == 0 && k->n_trigger_frames == 0)
                        result = take_address(&r->pool, k);
        }
        r->kill = k;
        return result;
}
