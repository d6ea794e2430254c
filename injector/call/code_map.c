/* SPDX-License-Identifier: MIT */
#include "injector/call/code_map.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mapped_file.h"
#include "base/maps_line.h"

#define MODULES_MAX 4096

static const struct {
        const char *pattern; /* of the file's name, as fnmatch(3) */
        enum code_kind kind;
} kinds[] = {
        {"libc.so.6", CODE_LIBC},
        {"libc-2.*.so", CODE_LIBC},
        {"libpthread*.so*", CODE_LIBC},
        {"libdl.so.2", CODE_LIBC},
        {"libdl-2.*.so", CODE_LIBC},
        {"ld-linux*.so.*", CODE_LOADER},
        {"ld-2.*.so", CODE_LOADER},
        {"libjemalloc*.so*", CODE_ALLOCATOR},
        {"libtcmalloc*.so*", CODE_ALLOCATOR},
        {"libmimalloc*.so*", CODE_ALLOCATOR},
        {"libhoard*.so*", CODE_ALLOCATOR},
        {"libtbbmalloc*.so*", CODE_ALLOCATOR},
        {"*libswansong.so*", CODE_ALLOCATOR}, /* our own: its functions are entered by jumps */
        {"[[]vdso]", CODE_VDSO},
};

static const struct {
        const char *name;
        bool prefix;
} unsafe[] = {
#define UNSAFE(name_)        {#name_, false},
#define UNSAFE_PREFIX(name_) {#name_, true},
#include "injector/call/unsafe_functions.def"
#undef UNSAFE
#undef UNSAFE_PREFIX
};

static bool is_unsafe(const char *name, bool in_libc)
{
        for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++) {
                if (unsafe[i].name[0] != name[0])
                        continue;
                if (unsafe[i].prefix ? in_libc && strncmp(name, unsafe[i].name, strlen(unsafe[i].name)) == 0
                                     : strcmp(name, unsafe[i].name) == 0)
                        return true;
        }
        return false;
}

/* --- modules
 * ---------------------------------------------------------------------------------------------------- */

/* One file's neighbouring lines of maps. */
struct group {
        struct maps_line first;
        uint64_t end;
        bool code, program; /* the program itself: /proc/PID/exe */
};

static enum code_kind kind_of(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (fnmatch(kinds[i].pattern, name, 0) == 0)
                        return kinds[i].kind;
        return CODE_OTHER;
}

/* A file that was replaced while it is mapped, as when a package is upgraded, is what it was. */
static size_t without_deleted(const char *name, size_t n)
{
        static const char mark[] = " (deleted)";
        size_t tail = sizeof(mark) - 1;

        return n > tail && memcmp(name + n - tail, mark, tail) == 0 ? n - tail : n;
}

static int add_module(struct code_map *m, int proc_fd, const struct remote_memory *memory,
                      const struct group *g)
{
        const char *slash = memrchr(g->first.path, '/', g->first.path_len);
        const char *name = slash ? slash + 1 : g->first.path;
        struct code_module *module;
        _cleanup_fd_ int fd = -1;
        size_t n = g->first.path_len - (size_t)(name - g->first.path);

        if (m->n_modules == MODULES_MAX)
                return 0;
        if (m->n_modules == m->modules_size) {
                size_t size = m->modules_size ? 2 * m->modules_size : 32;
                void *grown = realloc(m->modules, size * sizeof(*m->modules));

                if (!grown)
                        return -ENOMEM;
                m->modules = grown;
                m->modules_size = size;
        }
        module = &m->modules[m->n_modules++];
        *module = (struct code_module){
                .start = g->first.start, .end = g->end, .program = g->program, .view = MODULE_VIEW_NONE};
        n = without_deleted(name, n);
        memcpy(module->name, name, n < sizeof(module->name) ? n : sizeof(module->name) - 1);
        module->kind = kind_of(module->name);
        m->musl |= strncmp(module->name, "ld-musl-", 8) == 0 || strncmp(module->name, "libc.musl-", 10) == 0;
        fd = module->kind == CODE_VDSO ? -1 : mapped_file_open(proc_fd, &g->first);
        /* Whatever the reason, what cannot be viewed is code that nothing is known of. */
        if (fd < 0 || module_view_file(fd, module->start, &module->view) < 0)
                module_view_memory(memory, module->start, module->end, &module->view);
        return 0;
}

static bool same_file(const struct maps_line *a, const struct maps_line *b)
{
        return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
               b->path && a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0;
}

static bool is_vdso(const struct maps_line *l)
{
        return maps_line_is(l, "[vdso]");
}

static int find_modules(struct code_map *m, int proc_fd, const struct remote_memory *memory,
                        const struct buf *maps)
{
        const char *at = maps->data, *end = maps->data + maps->len;
        struct group g = {.code = false};
        struct stat exe = {.st_ino = 0};
        struct maps_line l;
        int r = 0;

        if (fstatat(proc_fd, "exe", &exe, 0) < 0)
                exe.st_ino = 0;
        while (at < end && r == 0) {
                if (maps_line_parse(at, (size_t)(end - at), &l, &at) < 0)
                        continue;
                /* .bss, and holes that ld.so has made inaccessible, stand between a file's mappings without a name. */
                if (g.first.path && same_file(&g.first, &l) && l.offset != 0) {
                        g.end = l.end;
                        g.code |= l.perms[2] == 'x';
                        continue;
                }
                if (g.first.path && g.code && !l.path && l.start == g.end)
                        continue;
                if (g.first.path && g.code)
                        r = add_module(m, proc_fd, memory, &g);
                g = (struct group){.end = l.end, .code = l.perms[2] == 'x'};
                if (l.path && (l.inode != 0 || is_vdso(&l)))
                        g.first = l;
                g.program = l.inode != 0 && l.inode == exe.st_ino;
        }
        if (r == 0 && g.first.path && g.code)
                r = add_module(m, proc_fd, memory, &g);
        return r;
}

/* --- functions
 * -------------------------------------------------------------------------------------------------- */

static int add_function(struct code_map *m, uint64_t start, uint64_t size, const char *name, bool safe)
{
        if (m->n_functions == m->functions_size) {
                size_t n = m->functions_size ? 2 * m->functions_size : 4096;
                void *grown = realloc(m->functions, n * sizeof(*m->functions));

                if (!grown)
                        return -ENOMEM;
                m->functions = grown;
                m->functions_size = n;
        }
        m->functions[m->n_functions++] = (struct code_function){start, start + size, name, safe};
        return 0;
}

static int find_functions(struct code_map *m, struct code_module *module)
{
        bool in_libc = module->kind == CODE_LIBC;

        for (size_t i = 0; i < module->view.n_symbols; i++) {
                const Elf64_Sym *s = &module->view.symbols[i];
                unsigned type = ELF64_ST_TYPE(s->st_info);
                const char *name;
                bool bad;
                int r;

                if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s->st_shndx == SHN_UNDEF ||
                    s->st_size == 0 || !(name = module_view_name(&module->view, s)))
                        continue;
                bad = is_unsafe(name, in_libc);
                if (bad && module->kind == CODE_OTHER && strcmp(name, "malloc") == 0) {
                        /* What of a library's is inside it can be told by its mapping, what of the program's cannot. */
                        m->allocator_in_program |= module->program;
                        if (!module->program)
                                module->kind = CODE_ALLOCATOR;
                }
                if (!in_libc && !bad)
                        continue;
                r = add_function(m, s->st_value + module->view.bias, s->st_size, name, !bad);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int by_address(const void *a, const void *b)
{
        const struct code_function *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        return (int)x->safe - (int)y->safe; /* of two names the one that is not safe counts */
}

int code_map_make(int proc_fd, const struct remote_memory *memory, const struct buf *maps,
                  struct code_map *ret)
{
        struct code_map m = {.modules = NULL};
        size_t kept = 0;
        int r = find_modules(&m, proc_fd, memory, maps);

        for (size_t i = 0; r == 0 && i < m.n_modules; i++)
                r = find_functions(&m, &m.modules[i]);
        if (r < 0) {
                code_map_done(&m);
                return r;
        }
        if (m.n_functions > 0)
                qsort(m.functions, m.n_functions, sizeof(*m.functions), by_address);
        for (size_t i = 0; i < m.n_functions; i++)
                if (kept == 0 || m.functions[i].start != m.functions[kept - 1].start)
                        m.functions[kept++] = m.functions[i];
        m.n_functions = kept;
        *ret = m;
        return 0;
}

void code_map_done(struct code_map *m)
{
        for (size_t i = 0; i < m->n_modules; i++)
                module_view_done(&m->modules[i].view);
        free(m->modules);
        free(m->functions);
        *m = (struct code_map){.modules = NULL};
}

/* --- questions
 * -------------------------------------------------------------------------------------------------- */

const struct code_module *code_map_module(const struct code_map *m, uint64_t pc)
{
        size_t low = 0, high = m->n_modules;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (m->modules[middle].end <= pc)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < m->n_modules && m->modules[low].start <= pc ? &m->modules[low] : NULL;
}

const struct code_function *code_map_function(const struct code_map *m, uint64_t pc)
{
        size_t low = 0, high = m->n_functions;

        /* The last one that begins at or before pc. */
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (m->functions[middle].start <= pc)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low > 0 && pc < m->functions[low - 1].end ? &m->functions[low - 1] : NULL;
}

uint64_t code_map_find(const struct code_map *m, enum code_kind kind, const char *name)
{
        uint64_t found = 0;

        for (size_t i = 0; i < m->n_modules && !found; i++)
                if (m->modules[i].kind == kind)
                        found = module_view_function(&m->modules[i].view, name);
        return found;
}

uint64_t code_map_find_any(const struct code_map *m, const char *name)
{
        uint64_t found = 0;

        for (size_t i = 0; i < m->n_modules && !found; i++)
                if (m->modules[i].kind != CODE_LIBC && m->modules[i].kind != CODE_LOADER)
                        found = module_view_function(&m->modules[i].view, name);
        return found ? found : code_map_find(m, CODE_LIBC, name);
}

const char *code_map_forbids(const struct code_map *m, uint64_t pc)
{
        const struct code_module *module = code_map_module(m, pc);
        const struct code_function *function;

        if (!module)
                return NULL;
        if (module->kind == CODE_LOADER || module->kind == CODE_ALLOCATOR)
                return module->name;
        function = code_map_function(m, pc);
        return function && !function->safe ? function->name : NULL;
}
