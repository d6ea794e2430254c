/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/stacks_input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/symbols/file_note.h"
#include "base/file.h"
#include "base/scan.h"
#include "bundle/reader.h"

int stacks_missing(struct stacks_input *in, const char *section, bool optional, const char *format, ...)
{
        struct report *r = in->report;
        struct report_missing *rows, *row;
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        rows = pool_grow(&in->report->pool, (void *)r->missing, r->n_missing, r->n_missing + 1,
                         &in->missing_room, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        row = &rows[r->n_missing];
        *row = (struct report_missing){pool_strdup(&in->report->pool, section),
                                       pool_strdup(&in->report->pool, text), optional};
        if (!row->section || !row->reason)
                return -ENOMEM;
        r->missing = rows;
        r->n_missing++;
        return 0;
}

/* The capture may have told already why there is no core, and better. */
static bool told(const struct report *r, const char *section)
{
        for (size_t i = 0; i < r->n_missing; i++)
                if (strcmp(r->missing[i].section, section) == 0)
                        return true;
        return false;
}

static int read_core(struct stacks_input *in)
{
        struct core_source source = {.read = core_read_file, .data = &in->core_fd};
        int r = in->core_fd = section_open(in->bundle, "core", &source.size);

        if (r >= 0)
                r = core_parse(&source, &in->core);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && !told(in->report, "core"))
                return stacks_missing(in, "core", false, "%s",
                                      r == -EINVAL ? "it is not a core of a machine that swansong knows"
                                                   : strerror(-r));
        if (in->core.cut && !told(in->report, "core"))
                return stacks_missing(in, "core", false, "it is cut: %zu threads are in what there is of it",
                                      in->core.n_threads);
        return 0;
}

/* A section whose absence leaves something out, but not everything: an empty text. */
static int _printf_(3, 4) read_text(struct stacks_input *in, struct buf *b, const char *format, ...)
{
        char path[96];
        va_list args;
        int r;

        va_start(args, format);
        vsnprintf(path, sizeof(path), format, args);
        va_end(args);
        r = section_read(in->bundle, path, b);
        return r == -ENOMEM ? r : buf_reserve(b, 0);
}

/* The PID in the target's own namespace: the last one of "NSpid:	4711	12". */
static int32_t own_pid(struct stacks_input *in)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(65536);
        int32_t pid = in->report->process.pid;
        struct scan s, line;

        if (read_text(in, &b, "proc/%d/status", pid) < 0)
                return pid;
        s = scan_of(b.data, b.len);
        if (!scan_find(&s, "\nNSpid:") || !scan_until(&s, "\n", &line))
                return pid;
        while (scan_word(&line, "\t"))
                if (!scan_int(&line, &pid))
                        break;
        return pid;
}

static int read_threads(struct stacks_input *in)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        const struct thread_row *rows;
        size_t n;
        int r = read_text(in, &b, "threads.tsv");

        if (r == 0)
                r = thread_rows_parse(b.data, b.len, &in->report->pool, &rows, &n);
        if (r < 0)
                return r;
        return thread_list_make(rows, n, in->core.arch ? &in->core : NULL, &in->report->pool, &in->threads,
                                &in->n_threads);
}

static int read_binaries(struct stacks_input *in, const struct stacks_options *o)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        int r;

        in->finder = (struct module_finder){.pool = &in->report->pool,
                                            .core = &in->core,
                                            .sysroot = o->sysroot,
                                            .progress = o->progress,
                                            .progress_data = o->progress_data};
        if (o->binaries_fd < 0)
                return 0;
        /* Its offset is wherever the writer left it. */
        lseek(o->binaries_fd, 0, SEEK_SET);
        r = file_read_fd(o->binaries_fd, &b);
        if (r == -ENOMEM)
                return r;
        return binaries_parse(b.data, b.len, &in->report->pool, &in->finder.binaries, &in->finder.n_binaries);
}

int stacks_input_read(struct stacks_input *in, int bundle, const struct stacks_options *o, struct report *r)
{
        int32_t pid = r->process.pid;
        int result;

        *in = (struct stacks_input){.bundle = bundle,
                                    .report = r,
                                    .core_fd = -1,
                                    .maps = BUF_GROWING(SECTION_MAX),
                                    .perf_map = BUF_GROWING(SECTION_MAX)};
        result = read_core(in);
        if (result == 0)
                result = read_threads(in);
        if (result == 0)
                result = read_text(in, &in->maps, "proc/%d/maps", pid);
        /* Of a process that was gone: as they were when they were last read. */
        if (result == 0 && in->maps.len == 0)
                result = read_text(in, &in->maps, "maps");
        if (result == 0 && in->maps.len == 0 && in->core.file_note)
                file_note_to_maps(in->core.file_note, in->core.file_note_size, &in->maps);
        if (result == 0)
                result = read_text(in, &in->perf_map, "proc/%d/root/tmp/perf-%d.map", pid, own_pid(in));
        if (result == 0 && in->core.arch)
                result = modules_parse(in->maps.data, in->maps.len, &in->core, &r->pool, &in->modules);
        return result < 0 ? result : read_binaries(in, o);
}

void stacks_input_done(struct stacks_input *in)
{
        for (size_t i = 0; i < in->modules.n_modules; i++)
                module_file_close(&in->modules.modules[i]);
        core_done(&in->core);
        buf_done(&in->perf_map);
        buf_done(&in->maps);
        fd_closep(&in->core_fd);
}
