/* SPDX-License-Identifier: MIT */
#include "analysis/missing.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "analysis/amount.h"
#include "base/size.h"
#include "bundle/reader.h"

void missing_add(struct missing *m, const char *section, bool optional, const char *format, ...)
{
        char reason[512];
        va_list args;

        if (m->n == MISSING_MAX)
                return;
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->list[i].section, section) == 0)
                        return;
        va_start(args, format);
        vsnprintf(reason, sizeof(reason), format, args);
        va_end(args);
        m->list = pool_grow(m->pool, m->list, m->n, m->n + 1, &m->room, sizeof(*m->list));
        if (m->list)
                m->list[m->n] = (struct report_missing){
                        .section = pool_strdup(m->pool, section),
                        .reason = pool_strdup(m->pool, reason),
                        .optional = optional,
                };
        if (m->list && m->list[m->n].section && m->list[m->n].reason)
                m->n++;
        else
                m->failed = true;
}

static const char *reason_of(const struct manifest_section *s)
{
        if (s->reason)
                return s->reason;
        return s->err > 0 && s->err < INT_MAX ? strerror((int)s->err) : NULL;
}

/* A section that the manifest calls whole: is it there, and as long as it was? */
static void check_file(struct missing *m, const struct manifest_section *s, int bundle_fd)
{
        _cleanup_fd_ int fd = -1;
        char is_text[SIZE_TEXT], was_text[SIZE_TEXT];
        uint64_t size;

        if (strchr(s->path, '*'))
                return;
        fd = section_open(bundle_fd, s->path, &size);
        if (fd == -ENOENT)
                missing_add(m, s->path, s->optional, "was captured, but is not in the bundle any more");
        else if (fd == -ELOOP)
                missing_add(m, s->path, s->optional, "is a symbolic link in this bundle: not followed");
        else if (fd < 0)
                missing_add(m, s->path, s->optional, "cannot be opened in this bundle: %s", strerror(-fd));
        else if (amount_known(s->bytes) && size < s->bytes)
                missing_add(m, s->path, s->optional, "damaged: %s of %s are there",
                            size_format(size, is_text), size_format(s->bytes, was_text));
}

void missing_of_manifest(struct missing *m, const struct manifest *manifest, int bundle_fd)
{
        for (size_t i = 0; i < manifest->n_sections && m->n < MISSING_MAX; i++) {
                const struct manifest_section *s = &manifest->sections[i];
                const char *status = s->status ? s->status : "unknown", *reason = reason_of(s);
                char size[SIZE_TEXT];

                /* Of a family of files the reason says how many, and all the others are whole. */
                if (strcmp(status, "cut") == 0 && strchr(s->path, '*') && reason)
                        status = "missing";
                if (strcmp(status, "ok") == 0)
                        check_file(m, s, bundle_fd);
                else if (strcmp(status, "missing") == 0)
                        missing_add(m, s->path, s->optional, "%s",
                                    reason ? reason : "missing, no reason given");
                else if (strcmp(status, "cut") == 0)
                        missing_add(m, s->path, s->optional, "cut after %s: %s",
                                    amount_known(s->bytes) ? size_format(s->bytes, size) : "some bytes",
                                    reason ? reason : "no reason given");
                else if (strcmp(status, "target-died") == 0)
                        missing_add(m, s->path, s->optional, "the process was gone before this was read%s%s",
                                    reason ? ": " : "", reason ? reason : "");
                else
                        missing_add(m, s->path, s->optional, "of unknown status '%s'", status);
        }
}
