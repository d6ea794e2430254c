/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/symbols/elf_view.h"
#include "analysis/symbols/function_name.h"

/* Deeper nesting of blocks and inlined functions than any compiler writes. */
#define DEPTH_MAX 256

/* What the questions need of the debug information; the rest is not even inflated. */
static const char *const wanted[] = {"abbrev", "addr",     "aranges", "info",        "line", "line_str",
                                     "ranges", "rnglists", "str",     "str_offsets", NULL};

struct chain { /* the functions around one address, outermost first */
        struct line_query *query;
        Dwarf_Die *functions;
        size_t n, room;
};

static int debug_fd(const struct module_finder *f, struct module *m)
{
        struct module_file *file = module_file_get(f, m);

        if (!file || !file->elf)
                return -1;
        if (elf_has_debug(file->elf, "info"))
                return file->fd;
        return module_debug(f, m) && elf_has_debug(file->debug, "info") ? file->debug_fd : -1;
}

static int chain_push(struct chain *c, const Dwarf_Die *function)
{
        if (c->n == c->room) {
                size_t room = c->room ? 2 * c->room : 8;
                Dwarf_Die *more = reallocarray(c->functions, room, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                c->functions = more;
                c->room = room;
        }
        c->functions[c->n++] = *function;
        return 0;
}

static bool is_function(int tag)
{
        return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* Which entries can hold code, and entries that hold code? */
static bool holds_code(int tag)
{
        return is_function(tag) || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
               tag == DW_TAG_catch_block;
}

/* Rust and C++ write functions inside these. */
static bool holds_functions(int tag)
{
        return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type ||
               tag == DW_TAG_class_type || tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

/* Move those of the n chains whose address the entry covers to the front; how many there are. */
static size_t covered(Dwarf_Die *die, struct chain **chains, size_t n)
{
        Dwarf_Addr base, start, end;
        ptrdiff_t at = 0;
        size_t kept = 0;

        while (kept < n && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0)
                for (size_t i = kept; i < n; i++)
                        if (chains[i]->query->address >= start && chains[i]->query->address < end) {
                                struct chain *c = chains[i];

                                chains[i] = chains[kept];
                                chains[kept++] = c;
                        }
        return kept;
}

/* Find the functions around the n addresses, below `parent`. */
static int descend(Dwarf_Die *parent, struct chain **chains, size_t n, unsigned depth)
{
        Dwarf_Die die;
        int r = dwarf_child(parent, &die);

        for (; r == 0 && depth < DEPTH_MAX; r = dwarf_siblingof(&die, &die)) {
                int tag = dwarf_tag(&die), failed = 0;
                size_t inside = holds_code(tag) ? covered(&die, chains, n) : 0;

                for (size_t i = 0; is_function(tag) && failed == 0 && i < inside; i++)
                        failed = chain_push(chains[i], &die);
                if (failed == 0 && (inside > 0 || holds_functions(tag)))
                        failed = descend(&die, chains, inside > 0 ? inside : n, depth + 1);
                if (failed < 0)
                        return failed;
        }
        return 0;
}

static uint64_t number_of(Dwarf_Die *die, unsigned attribute)
{
        Dwarf_Attribute a;
        Dwarf_Word value;

        return dwarf_formudata(dwarf_attr(die, attribute, &a), &value) == 0 ? value : 0;
}

/* The line that the address itself belongs to. */
static void source_line(Dwarf_Die *unit, uint64_t address, struct pool *pool, struct line_frame *ret)
{
        Dwarf_Line *line = dwarf_getsrc_die(unit, address);
        const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
        int number;

        if (file)
                ret->file = pool_strdup(pool, file);
        if (line && dwarf_lineno(line, &number) == 0 && number > 0)
                ret->line = (uint64_t)number;
}

/* The line from which the inlined function was called: where its caller's frame stands. */
static void call_line(Dwarf_Die *unit, Dwarf_Die *inlined, struct pool *pool, struct line_frame *ret)
{
        uint64_t index = number_of(inlined, DW_AT_call_file);
        Dwarf_Files *files;
        size_t n;

        ret->line = number_of(inlined, DW_AT_call_line);
        if (dwarf_getsrcfiles(unit, &files, &n) == 0 && index < n) {
                const char *file = dwarf_filesrc(files, index, NULL, NULL);

                if (file)
                        ret->file = pool_strdup(pool, file);
        }
}

static int answer(Dwarf_Die *unit, struct chain *c, struct pool *pool)
{
        size_t first = 0, n;
        struct line_frame *frames;

        /* A function inside another one (Ada, nested functions of GNU C) is not inlined into it. */
        for (size_t i = 0; i < c->n; i++)
                if (dwarf_tag(&c->functions[i]) == DW_TAG_subprogram)
                        first = i;
        n = c->n > first ? c->n - first : 1;
        frames = pool_alloc(pool, n * sizeof(*frames));
        if (!frames)
                return -ENOMEM;
        source_line(unit, c->query->address, pool, &frames[0]);
        for (size_t i = 0; c->n > 0 && i < n; i++) {
                Dwarf_Die *die = &c->functions[c->n - 1 - i];

                frames[i].function = function_name(die, pool);
                if (i + 1 < n)
                        call_line(unit, die, pool, &frames[i + 1]);
        }
        c->query->frames = frames;
        c->query->n_frames = n;
        return 0;
}

/* All addresses of one compilation unit. */
static int unit_answer(Dwarf_Die *unit, struct line_query **queries, size_t n, struct pool *pool)
{
        _cleanup_free_ struct chain *chains = calloc(n, sizeof(*chains));
        _cleanup_free_ struct chain **order = calloc(n, sizeof(*order));
        int r = chains && order ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                chains[i].query = queries[i];
                order[i] = &chains[i];
        }
        if (r == 0)
                r = descend(unit, order, n, 0);
        for (size_t i = 0; chains && i < n; i++) {
                if (r == 0)
                        r = answer(unit, &chains[i], pool);
                free(chains[i].functions);
        }
        return r;
}

/* Which unit each address belongs to. */
struct units {
        struct line_query **queries; /* with their units' offsets beside them */
        Dwarf_Off *offsets;
        size_t n;
};

#define NO_UNIT ((Dwarf_Off)-1)

static void units_by_aranges(Dwarf *dwarf, struct units *u)
{
        Dwarf_Aranges *aranges;
        size_t n;

        if (dwarf_getaranges(dwarf, &aranges, &n) < 0)
                return;
        for (size_t i = 0; i < u->n; i++) {
                Dwarf_Arange *range = dwarf_getarange_addr(aranges, u->queries[i]->address);
                Dwarf_Off offset;

                if (range && dwarf_getarangeinfo(range, NULL, NULL, &offset) == 0)
                        u->offsets[i] = offset;
        }
}

static void units_by_ranges(Dwarf *dwarf, struct units *u)
{
        Dwarf_CU *cu = NULL;
        Dwarf_Die die;
        size_t left = 0;

        for (size_t i = 0; i < u->n; i++)
                left += u->offsets[i] == NO_UNIT;
        while (left > 0 && dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0) {
                Dwarf_Addr base, start, end;
                ptrdiff_t at = 0;

                while ((at = dwarf_ranges(&die, at, &base, &start, &end)) > 0)
                        for (size_t i = 0; i < u->n; i++)
                                if (u->offsets[i] == NO_UNIT && u->queries[i]->address >= start &&
                                    u->queries[i]->address < end) {
                                        u->offsets[i] = dwarf_dieoffset(&die);
                                        left--;
                                }
        }
}

static int answer_all(Dwarf *dwarf, struct units *u, struct pool *pool)
{
        for (size_t i = 0; i < u->n; i++) {
                Dwarf_Off offset = u->offsets[i];
                _cleanup_free_ struct line_query **same = NULL;
                Dwarf_Die unit;
                size_t n = 0;
                int r;

                if (offset == NO_UNIT)
                        continue;
                same = calloc(u->n - i, sizeof(struct line_query *));
                if (!same)
                        return -ENOMEM;
                for (size_t k = i; k < u->n; k++)
                        if (u->offsets[k] == offset) {
                                same[n++] = u->queries[k];
                                u->offsets[k] = NO_UNIT;
                        }
                if (!dwarf_offdie(dwarf, offset, &unit))
                        continue;
                r = unit_answer(&unit, same, n, pool);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int dwarf_answer(Dwarf *dwarf, struct line_query *queries, size_t n, struct pool *pool)
{
        _cleanup_free_ struct line_query **order = calloc(n, sizeof(*order));
        _cleanup_free_ Dwarf_Off *offsets = calloc(n, sizeof(*offsets));
        struct units u = {order, offsets, n};

        if (!order || !offsets)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                order[i] = &queries[i];
                offsets[i] = NO_UNIT;
        }
        units_by_aranges(dwarf, &u);
        units_by_ranges(dwarf, &u);
        return answer_all(dwarf, &u, pool);
}

int lines_find(const struct module_finder *f, struct module *m, struct line_query *queries, size_t n)
{
        int fd = n > 0 ? debug_fd(f, m) : -1, r = 0;
        struct elf_view view;
        Dwarf *dwarf;

        if (fd < 0)
                return 0;
        if (f->progress)
                f->progress(f->progress_data, m->path);
        view = elf_view_open(fd, wanted);
        dwarf = view.elf ? dwarf_begin_elf(view.elf, DWARF_C_READ, NULL) : NULL;
        if (dwarf)
                r = dwarf_answer(dwarf, queries, n, f->pool);
        dwarf_end(dwarf);
        elf_view_close(&view);
        return r;
}
