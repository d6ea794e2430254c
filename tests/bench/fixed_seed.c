/* SPDX-License-Identifier: MIT */
/* fixed_seed - a preload under which redis draws the same hash seed each time: its /dev/urandom is /dev/zero. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static FILE *open_as(const char *name, const char *path, const char *mode)
{
        FILE *(*next)(const char *, const char *) = (FILE * (*)(const char *, const char *))dlsym(RTLD_NEXT, name);

        return next(strcmp(path, "/dev/urandom") == 0 ? "/dev/zero" : path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
        return open_as("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
        return open_as("fopen64", path, mode);
}
