/* SPDX-License-Identifier: MIT */
#include "agent_so/preload.h"

#include <string.h>
#include <unistd.h>

static int is_agent_path(const char *path, size_t length)
{
        static const char name[] = "libswansong.so";
        const char *slash = memrchr(path, '/', length), *base = slash ? slash + 1 : path;
        size_t left = length - (size_t)(base - path);

        return left >= sizeof(name) - 1 && memcmp(base, name, sizeof(name) - 1) == 0;
}

void preload_shed_text(char *value)
{
        char *out = value, *in = value;

        while (*in) {
                size_t separators = strspn(in, " :"), length = strcspn(in + separators, " :");

                if (!is_agent_path(in + separators, length)) {
                        memmove(out, in, separators + length);
                        out += separators + length;
                }
                in += separators + length;
        }
        *out = '\0';
}

void preload_shed(void)
{
        static const char variable[] = "LD_PRELOAD=";

        for (char **e = environ; e && *e; e++)
                if (strncmp(*e, variable, sizeof(variable) - 1) == 0)
                        preload_shed_text(*e + sizeof(variable) - 1);
}
