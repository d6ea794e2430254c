/* SPDX-License-Identifier: MIT */
#include "analysis/source.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "base/size.h"
#include "bundle/reader.h"

int source_read(struct source *s, struct buf *b, bool optional, const char *format, ...)
{
        char path[PATH_MAX], size[SIZE_TEXT];
        va_list args;
        bool not_taken;
        int r;

        va_start(args, format);
        r = vsnprintf(path, sizeof(path), format, args);
        va_end(args);
        if (r < 0 || r >= (int)sizeof(path))
                return -ENAMETOOLONG;
        buf_reset(b);
        if (s->bundle < 0)
                return -ENOENT;
        optional = optional || s->remains;
        r = section_read(s->bundle, path, b);
        if (r == 0 && b->cut)
                missing_add(&s->missing, path, optional, "longer than %s: the rest was not read",
                            size_format(b->max, size));
        not_taken = r == -ENOENT && manifest_left_out(&s->manifest, path);
        if (r == -ENOENT && !optional)
                missing_add(&s->missing, path, not_taken,
                            not_taken ? MANIFEST_LEFT_OUT : "not in the bundle");
        else if (r == -ELOOP)
                missing_add(&s->missing, path, optional, "is a symbolic link in this bundle: not followed");
        else if (r < 0 && r != -ENOENT)
                missing_add(&s->missing, path, optional, "cannot be read from this bundle: %s", strerror(-r));
        return r;
}

int32_t source_read_int(int dirfd, const char *path, int32_t least, int32_t most)
{
        char text[32];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int32_t value;
        struct scan s;

        if (section_read(dirfd, path, &b) < 0)
                return REPORT_UNKNOWN_INT;
        s = scan_of(b.data, b.len);
        return scan_int_in(&s, least, most, &value) ? value : REPORT_UNKNOWN_INT;
}
