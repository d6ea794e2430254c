/* SPDX-License-Identifier: MIT */
/* symbol_name - how a function's name is shown. */
#include "analysis/symbols/symbols.h"

#include <ctype.h>
#include <string.h>

/* Behind our own headers: it has an ARRAY_SIZE of its own, which says the same. */
#include <libiberty/demangle.h>

/* What GCC, LLVM and Go append to the name of a part, a copy or a variant of a function; all but the last two
 * may be followed by ".NUMBER", and several may be chained. */
static const char *const suffixes[] = {".constprop",  ".isra", ".part", ".cold",       ".lto_priv",
                                       ".localalias", ".llvm", ".abi0", ".abiinternal"};

static bool is_suffix(const char *s, size_t n)
{
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (strlen(suffixes[i]) == n && memcmp(suffixes[i], s, n) == 0)
                        return true;
        return false;
}

/* Length of the name without the last ".suffix" or ".suffix.NUMBER"; n if there is none. */
static size_t without_suffix(const char *name, size_t n)
{
        const char *dot = memrchr(name, '.', n);
        size_t digits = n;

        while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
                digits--;
        if (digits > 1 && digits < n && name[digits - 1] == '.') {
                n = digits - 1;
                dot = memrchr(name, '.', n);
        }
        return dot && dot > name && is_suffix(dot, n - (size_t)(dot - name)) ? (size_t)(dot - name) : 0;
}

static size_t plain_length(const char *name)
{
        size_t n = strcspn(name, "@"), shorter;

        /* A name that begins with '@' is nothing that we know. */
        n = n ? n : strlen(name);
        while ((shorter = without_suffix(name, n)) > 0)
                n = shorter;
        return n;
}

static bool is_mangled(const char *name)
{
        return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || name[1] == 'D');
}

const char *symbol_display_name(const char *raw, struct pool *pool)
{
        const char *plain = pool_strndup(pool, raw, plain_length(raw));
        _cleanup_free_ char *demangled = NULL;

        if (!plain || !is_mangled(plain))
                return plain;
        /* Without DMGL_PARAMS: a frame's arguments are not its name, and gdb shows none here either. */
        demangled = cplus_demangle(plain, DMGL_ANSI);
        return demangled ? pool_strdup(pool, demangled) : plain;
}
