/* SPDX-License-Identifier: MIT */
#include "cli/beside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int beside_find(const char *name, const char *const installed[], char path[PATH_MAX], struct diag *d)
{
        char self[PATH_MAX - 64];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        if (n < 0)
                return diag_set(d, -errno, "/proc/self/exe: %s", strerror(errno));
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (slash)
                *slash = '\0';
        snprintf(path, PATH_MAX, "%s/%s", self, name);
        for (size_t i = 0; access(path, R_OK) < 0; i++) {
                if (!installed[i])
                        return diag_set(d, -ENOENT,
                                        "%s is neither in %s nor where it is installed: install both", name,
                                        self);
                snprintf(path, PATH_MAX, "%s/%s", self, installed[i]);
        }
        return 0;
}
