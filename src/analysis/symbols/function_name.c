/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/function_name.h"

#include <dwarf.h>
#include <string.h>

#include "analysis/symbols/symbols.h"
#include "base/buf.h"

/* Longer names than this are cut; templates come near it. */
#define NAME_MAX_BYTES 65536

/* How many references a copy may be away from its declaration: code, abstract instance, declaration in a class. */
#define ORIGINS_MAX 8

/* Only these say nothing about namespaces in DW_AT_name itself (Go and Rust do, or have linkage names). */
static bool is_cplusplus(Dwarf_Die *function)
{
        Dwarf_Die unit;

        if (!dwarf_diecu(function, &unit, NULL, NULL))
                return false;
        switch (dwarf_srclang(&unit)) {
        case DW_LANG_C_plus_plus:
        case DW_LANG_C_plus_plus_03:
        case DW_LANG_C_plus_plus_11:
        case DW_LANG_C_plus_plus_14:
                return true;
        default:
                return false;
        }
}

/* Where the function was first declared: there it stands inside its namespaces and classes. */
static Dwarf_Die declaration_of(Dwarf_Die *function)
{
        static const unsigned references[] = {DW_AT_abstract_origin, DW_AT_specification};
        Dwarf_Die die = *function;

        for (unsigned hops = 0; hops < ORIGINS_MAX; hops++) {
                Dwarf_Attribute attribute;
                Dwarf_Die next;
                bool found = false;

                for (size_t i = 0; !found && i < ARRAY_SIZE(references); i++)
                        found = dwarf_attr(&die, references[i], &attribute) &&
                                dwarf_formref_die(&attribute, &next);
                if (!found)
                        break;
                die = next;
        }
        return die;
}

/* What a scope adds in front of the names inside it; NULL: nothing. */
static const char *scope_name(Dwarf_Die *scope)
{
        const char *name = dwarf_diename(scope);

        switch (dwarf_tag(scope)) {
        case DW_TAG_namespace:
                return name ? name : "(anonymous namespace)";
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_interface_type:
        case DW_TAG_module:
                return name;
        default:
                return NULL;
        }
}

static const char *qualified(Dwarf_Die *declaration, const char *name, struct pool *pool)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(NAME_MAX_BYTES);
        _cleanup_free_ Dwarf_Die *scopes = NULL;
        int n = dwarf_getscopes_die(declaration, &scopes), outermost;

        /* From the innermost scope outwards: a function around it ends the name. */
        for (outermost = 1; outermost < n; outermost++)
                if (dwarf_tag(&scopes[outermost]) == DW_TAG_subprogram)
                        break;
        while (--outermost > 0) {
                const char *scope = scope_name(&scopes[outermost]);

                if (scope) {
                        buf_str(&b, scope);
                        buf_str(&b, "::");
                }
        }
        buf_str(&b, name);
        return b.data ? pool_strndup(pool, b.data, b.len) : NULL;
}

const char *function_name(Dwarf_Die *function, struct pool *pool)
{
        static const unsigned linkage[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name};
        Dwarf_Attribute attribute;
        Dwarf_Die declaration;
        const char *name;

        for (size_t i = 0; i < ARRAY_SIZE(linkage); i++) {
                name = dwarf_formstring(dwarf_attr_integrate(function, linkage[i], &attribute));
                if (name)
                        return symbol_display_name(name, pool);
        }
        name = dwarf_formstring(dwarf_attr_integrate(function, DW_AT_name, &attribute));
        if (!name || !is_cplusplus(function))
                return name ? symbol_display_name(name, pool) : NULL;
        declaration = declaration_of(function);
        return qualified(&declaration, name, pool);
}
