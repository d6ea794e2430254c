/* SPDX-License-Identifier: MIT */
/* debug_file - a module's separate debug information: by build ID, embedded, or from debuginfod. */
#include <elfutils/libdwfl.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>

#include "analysis/symbols/elf_view.h"
#include "analysis/symbols/file_open.h"
#include "analysis/symbols/module_file.h"
#include "base/buf.h"
#include "base/build_id.h"

/* The embedded table of a large program is some MiB; a bomb is refused. */
#define MINIDEBUG_MAX (256u << 20)

static Elf *open_checked(int fd, const struct module *m)
{
        Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);

        if (elf && elf_kind(elf) == ELF_K_ELF && elf_has_build_id(elf, m->build_id))
                return elf;
        elf_end(elf);
        return NULL;
}

/* SYSROOT/usr/lib/debug/.build-id/ab/cdef….debug: the first byte names a directory, the rest a file. */
static int open_by_build_id(const char *root, const struct module *m)
{
        char path[sizeof("/usr/lib/debug/.build-id//.debug") + BUILD_ID_TEXT];

        snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", m->build_id, m->build_id + 2);
        return file_open_regular(root, path);
}

/* A build ID's bytes; how many. */
static size_t bytes_of(const char *hex, uint8_t bytes[BUILD_ID_MAX])
{
        size_t n = 0;

        for (; n < BUILD_ID_MAX && hex[2 * n]; n++) {
                const char digits[] = {hex[2 * n], hex[2 * n + 1], '\0'};

                bytes[n] = (uint8_t)strtoul(digits, NULL, 16);
        }
        return n;
}

int module_fetch(const struct module_finder *f, const struct module *m, bool debug)
{
        static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                                 .find_debuginfo = dwfl_standard_find_debuginfo};
        const char *urls = getenv("DEBUGINFOD_URLS");
        _cleanup_free_ char *name = NULL;
        uint8_t id[BUILD_ID_MAX];
        Dwfl_Module *module;
        Elf *elf = NULL;
        Dwfl *dwfl;
        int fd = -1;

        if (!urls || !*urls || !m->build_id)
                return -1;
        if (f->progress)
                f->progress(f->progress_data, m->path);
        dwfl = dwfl_begin(&callbacks);
        if (!dwfl)
                return -1;
        module = dwfl_report_module(dwfl, m->path, m->start, m->end);
        if (module && dwfl_module_report_build_id(module, id, bytes_of(m->build_id, id), 0) == 0)
                fd = debug ? dwfl_standard_find_debuginfo(module, NULL, NULL, 0, NULL, NULL, 0, &name)
                           : dwfl_build_id_find_elf(module, NULL, NULL, 0, &name, &elf);
        elf_end(elf);
        dwfl_end(dwfl);
        return fd;
}

Elf *module_debug(const struct module_finder *f, struct module *m)
{
        struct module_file *file = module_file_get(f, m);

        if (!file || file->debug_tried)
                return file ? file->debug : NULL;
        file->debug_tried = true;
        if (!m->build_id || strlen(m->build_id) <= 2)
                return NULL;
        if (f->sysroot)
                file->debug_fd = open_by_build_id(f->sysroot, m);
        if (file->debug_fd < 0)
                file->debug_fd = open_by_build_id("", m);
        if (file->debug_fd < 0 && !(file->elf && elf_has_debug(file->elf, "info")))
                file->debug_fd = module_fetch(f, m, true);
        if (file->debug_fd >= 0)
                file->debug = open_checked(file->debug_fd, m);
        if (!file->debug)
                fd_closep(&file->debug_fd);
        return file->debug;
}

/* One whole .xz stream.  A malloc'ed image and its size, or NULL. */
static void *inflate(const void *data, size_t n, size_t *ret_size)
{
        _cleanup_buf_ struct buf out = BUF_GROWING(MINIDEBUG_MAX);
        lzma_stream stream = LZMA_STREAM_INIT;
        lzma_ret r = lzma_stream_decoder(&stream, MINIDEBUG_MAX, 0);

        stream.next_in = data;
        stream.avail_in = n;
        while (r == LZMA_OK && buf_reserve(&out, 1u << 16) == 0) {
                stream.next_out = (uint8_t *)out.data + out.len;
                stream.avail_out = 1u << 16;
                r = lzma_code(&stream, LZMA_FINISH);
                out.len += (1u << 16) - stream.avail_out;
        }
        lzma_end(&stream);
        if (r != LZMA_STREAM_END)
                return NULL;
        *ret_size = out.len;
        return take_ptr(out.data);
}

Elf *module_minidebug(const struct module_finder *f, struct module *m)
{
        struct module_file *file = module_file_get(f, m);
        Elf_Scn *section;
        Elf_Data *data;
        size_t n;

        if (!file || !file->elf || file->minidebug_tried)
                return file ? file->minidebug_elf : NULL;
        file->minidebug_tried = true;
        section = elf_section(file->elf, ".gnu_debugdata");
        data = section ? elf_rawdata(section, NULL) : NULL;
        if (!data || !data->d_buf)
                return NULL;
        file->minidebug = inflate(data->d_buf, data->d_size, &n);
        if (file->minidebug)
                file->minidebug_elf = elf_memory(file->minidebug, n);
        return file->minidebug_elf;
}
