/* SPDX-License-Identifier: MIT */
#include "trigger/conditions/psi_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"

/* Beyond what the kernel takes, so that such a time is told from one that cannot be read. */
#define LONGEST_NS (3600 * NS_PER_S)

static int time_parse(const char *text, size_t len, uint64_t *ret_us)
{
        char copy[24];
        uint64_t ns;
        int r;

        if (len >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, text, len);
        copy[len] = '\0';
        r = duration_parse(copy, LONGEST_NS, &ns);
        if (r == 0)
                *ret_us = ns / NS_PER_US;
        return r;
}

int psi_trigger_parse(const char *text, struct psi_trigger *ret)
{
        struct psi_trigger t = {0};
        const char *slash;
        int r;

        t.full = strncmp(text, "full", 4) == 0;
        if (t.full || strncmp(text, "some", 4) == 0) {
                text += 4;
                if (*text++ != ' ')
                        return -EINVAL;
                while (*text == ' ')
                        text++;
        }
        slash = strchr(text, '/');
        if (!slash)
                return -EINVAL;
        r = time_parse(text, (size_t)(slash - text), &t.stall_us);
        if (r == 0)
                r = time_parse(slash + 1, strlen(slash + 1), &t.window_us);
        if (r < 0)
                return r;
        if (t.window_us < PSI_WINDOW_MIN_US || t.window_us > PSI_WINDOW_MAX_US || t.stall_us == 0 ||
            t.stall_us > t.window_us)
                return -ERANGE;
        *ret = t;
        return 0;
}

char *psi_trigger_format(const struct psi_trigger *t, char out[PSI_TRIGGER_TEXT])
{
        snprintf(out, PSI_TRIGGER_TEXT, "%s %" PRIu64 " %" PRIu64, t->full ? "full" : "some", t->stall_us,
                 t->window_us);
        return out;
}
