/* SPDX-License-Identifier: MIT */
/* capture_only - the groups of files that --only selects. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/collect.h"

#define STACKS "stacks" /* also what is taken before the table begins */

bool collect_wants(const char *only, const char *group)
{
        size_t n = strlen(group);

        if (!only)
                return true;
        for (const char *p = only; p; p = strchr(p, ',')) {
                p += *p == ',';
                if (strncmp(p, group, n) == 0 && (p[n] == ',' || p[n] == '\0'))
                        return true;
        }
        return false;
}

/* "stacks,process,machine,...": each group once, in the order of the table. */
static void groups_list(char *out, size_t size)
{
        size_t n = (size_t)snprintf(out, size, STACKS);

        for (size_t i = 0; i < n_collectors; i++)
                if (!collect_wants(out, collectors[i].group))
                        n += (size_t)snprintf(out + n, size - n, ",%s", collectors[i].group);
}

int capture_only_check(const char *only, struct diag *d)
{
        char known[256];

        groups_list(known, sizeof(known));
        for (const char *p = only; p; p = strchr(p, ',')) {
                char word[32];

                p += *p == ',';
                snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, ","), p);
                if (strlen(word) != strcspn(p, ",") || !collect_wants(known, word))
                        return diag_set(d, -EINVAL, "'%s' is no group of files; there are %s", word, known);
        }
        return 0;
}
