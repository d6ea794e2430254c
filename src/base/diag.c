/* SPDX-License-Identifier: MIT */
#include "base/diag.h"

#include <stdarg.h>

#include "base/escape.h"

int diag_set(struct diag *d, int err, const char *format, ...)
{
        char raw[sizeof(d->text)];
        va_list args;

        if (!d)
                return err;
        va_start(args, format);
        vsnprintf(raw, sizeof(raw), format, args);
        va_end(args);
        escape_text(raw, strlen(raw), d->text, sizeof(d->text));
        return err;
}
