/* SPDX-License-Identifier: MIT */
/* census_name - what the first words of blocks point to: C++ classes, data and functions of the program's modules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/heap/census.h"
#include "analysis/symbols/symbols.h"

#define VTABLE "vtable for "

/* Whatever else points into modules is in report.json by its offset. */
#define NAMES_MAX 4096

static struct module *find_module(const struct modules *m, uint64_t address)
{
        for (size_t i = 0; i < m->n_modules; i++)
                if (address >= m->modules[i].start && address < m->modules[i].end)
                        return &m->modules[i];
        return NULL;
}

static void give(struct report_type *t, const char *kind, const char *name)
{
        size_t n = strlen(VTABLE);

        t->kind = kind;
        t->name = name;
        if (name && strncmp(name, VTABLE, n) == 0) {
                t->kind = "type";
                t->name = name + n;
        }
}

/* The types of one module, those at `of`, by word: a symbol table is read once for all of them. */
static int name_all(const struct module_finder *finder, struct module *m, struct report_type *const *of,
                    size_t n, struct pool *pool)
{
        _cleanup_free_ struct symbol_query *queries = calloc(2 * n, sizeof(*queries));
        struct symbol_query *functions = queries + n;
        int r;

        if (!queries || !module_file_get(finder, m))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                of[i]->module = m->path;
        if (!m->has_bias)
                return 0;
        for (size_t i = 0; i < n; i++) {
                of[i]->module_offset = of[i]->word - m->bias;
                queries[i].address = functions[i].address = of[i]->module_offset;
        }
        r = symbols_find_data(finder, m, queries, n);
        if (r == 0)
                r = symbols_find(finder, m, functions, n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *raw = queries[i].name ? queries[i].name : functions[i].name;
                const char *name = raw ? symbol_display_name(raw, pool) : NULL;

                if (raw && !name)
                        r = -ENOMEM;
                give(of[i], queries[i].name || !raw ? "data" : "function", name);
        }
        return r;
}

struct place {
        struct module *module;
        struct report_type *type;
};

static int by_module_and_word(const void *a, const void *b)
{
        const struct place *x = a, *y = b;

        if (x->module != y->module)
                return x->module < y->module ? -1 : 1;
        return (x->type->word > y->type->word) - (x->type->word < y->type->word);
}

int census_name(const struct modules *modules, const struct module_finder *finder, struct report *r)
{
        struct report_type *types = (struct report_type *)r->heap.types; /* of our making, in the pool */
        _cleanup_free_ struct place *places = calloc(r->heap.n_types + 1, sizeof(*places));
        _cleanup_free_ struct report_type **of = calloc(r->heap.n_types + 1, sizeof(struct report_type *));
        size_t n = 0;
        int ret = 0;

        if (!places || !of)
                return -ENOMEM;
        for (size_t i = 0; i < r->heap.n_types && n < NAMES_MAX; i++) {
                struct module *m =
                        strcmp(types[i].kind, "data") == 0 ? find_module(modules, types[i].word) : NULL;

                if (m)
                        places[n++] = (struct place){m, &types[i]};
        }
        qsort(places, n, sizeof(*places), by_module_and_word);
        for (size_t i = 0; i < n; i++)
                of[i] = places[i].type;
        for (size_t i = 0, run; ret == 0 && i < n; i += run) {
                for (run = 1; i + run < n && places[i + run].module == places[i].module; run++)
                        ;
                ret = name_all(finder, places[i].module, of + i, run, &r->pool);
        }
        return ret;
}
