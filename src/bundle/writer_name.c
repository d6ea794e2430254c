/* SPDX-License-Identifier: MIT */
#include "bundle/writer_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"

#define SUFFIX   ".swansong"
#define COMM_MAX 63 /* TASK_COMM_LEN is 16; a kernel thread's name in /proc may be longer */

static bool name_byte_allowed(const char *comm, size_t i, size_t n)
{
        char c = comm[i];

        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '+' || c == '-' || (c == '.' && i > 0 && i + 1 < n);
}

static void name_complete(struct bundle_name *name, unsigned try)
{
        char number[16] = "";

        name->try = try;
        if (try > 1)
                snprintf(number, sizeof(number), ".%u", try);
        snprintf(name->final, sizeof(name->final), "%s%s" SUFFIX, name->stem, number);
        snprintf(name->partial, sizeof(name->partial), "%s.partial", name->final);
}

void bundle_name_make(const char *comm, pid_t pid, uint64_t realtime_ns, unsigned try,
                      struct bundle_name *ret)
{
        size_t n = strnlen(comm, COMM_MAX);
        char clean[COMM_MAX + 1] = "_", when[CLOCK_TEXT];

        for (size_t i = 0; i < n; i++)
                clean[i] = name_byte_allowed(comm, i, n) ? comm[i] : '_';
        if (n > 0)
                clean[n] = '\0';
        clock_compact(realtime_ns, when);
        if (pid > 0)
                snprintf(ret->stem, sizeof(ret->stem), "%s.%d.%.20s", clean, pid, when);
        else
                snprintf(ret->stem, sizeof(ret->stem), "%s.%.20s", clean, when);
        name_complete(ret, try);
}

unsigned bundle_name_after(const struct bundle_name *name, const char *other)
{
        size_t n = strlen(name->stem);
        const char *end = other + strlen(other), *rest = other + n + 1;
        uint64_t number = 1;

        if (strncmp(other, name->stem, n) != 0 || other[n] != '.')
                return 1;
        if (number_scan(&rest, end, 10, &number) < 0)
                rest = other + n;
        return strncmp(rest, SUFFIX, strlen(SUFFIX)) == 0 && number < BUNDLE_NUMBER_MAX ? (unsigned)number + 1
                                                                                        : 1;
}

void bundle_name_retry(const struct bundle_name *name, unsigned try, struct bundle_name *ret)
{
        memmove(ret->stem, name->stem, sizeof(ret->stem));
        name_complete(ret, try);
}
