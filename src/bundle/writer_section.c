/* SPDX-License-Identifier: MIT */
/* writer_section - the files of a bundle: begin, write, end, and what becomes of one whose writer died.
 *
 * A section's bytes are gathered in the ledger's `pending` and written 64 KiB at a time, so a small file
 * costs one write(). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "bundle/writer_internal.h"

/* mkdir -p.  Mostly only the last directory is new, and tried first. */
static int dir_make(int dirfd, char *path)
{
        if (mkdirat(dirfd, path, 0700) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdirat(dirfd, path, 0700) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return mkdirat(dirfd, path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Make the directory with all those above it, and keep it open: the next section is mostly there too. */
static int dir_enter(struct bundle_writer *w, const char *path, size_t len)
{
        char part[PATH_MAX];
        int fd, r;

        if (len == w->dir_len && w->dir_fd >= 0 && memcmp(path, w->dir_path, len) == 0)
                return 0;
        if (len >= sizeof(part))
                return -ENAMETOOLONG;
        memcpy(part, path, len);
        part[len] = '\0';
        r = dir_make(w->fd, part);
        if (r < 0)
                return r;
        fd = openat(w->fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        fd_closep(&w->dir_fd);
        w->dir_fd = fd;
        w->dir_len = len;
        memcpy(w->dir_path, part, len);
        return 0;
}

int section_file_make(struct bundle_writer *w, const char *path)
{
        const char *slash = strrchr(path, '/');
        int r;

        if (!slash)
                return bundle_file_make(w->fd, path);
        r = dir_enter(w, path, (size_t)(slash - path));
        return r < 0 ? r : bundle_file_make(w->dir_fd, slash + 1);
}

/* The file itself is made with its first bytes: what cannot be read leaves none behind. */
static void section_open(struct bundle_writer *w, struct section_family *family, const char *path,
                         bool optional)
{
        w->family = family;
        w->section_error = 0;
        ledger_open(w->ledger, path, family ? family->path : NULL, optional, clock_monotonic_ns());
}

void section_begin(struct bundle_writer *w, const char *path, bool optional)
{
        section_open(w, NULL, path, optional);
}

void section_begin_in(struct bundle_writer *w, struct section_family *family, const char *path)
{
        section_open(w, family, path, family->optional);
}

static int file_flush(struct bundle_writer *w)
{
        struct ledger *l = w->ledger;
        struct stat st;
        int r;

        if (w->section_fd < 0) {
                r = section_file_make(w, l->current.path);
                if (r < 0)
                        return r;
                w->section_fd = r;
        }
        r = file_write_all(w->section_fd, l->pending, l->pending_len);
        if (r == 0)
                l->current.bytes += l->pending_len;
        else if (fstat(w->section_fd, &st) == 0)
                l->current.bytes = (uint64_t)st.st_size; /* a full disk took the first of them */
        return r;
}

static int spool_flush(struct bundle_writer *w)
{
        struct ledger *l = w->ledger;
        int r = spool_add(w->spool, l->current.path, l->pending, l->pending_len);

        if (r == 0)
                l->current.bytes += l->pending_len;
        return r;
}

static void section_flush(struct bundle_writer *w)
{
        int r;

        if (w->section_error == 0) {
                r = w->spool ? spool_flush(w) : file_flush(w);
                w->section_error = -r;
        }
        w->ledger->pending_len = 0;
}

void section_write(struct bundle_writer *w, const void *data, size_t n)
{
        struct ledger *l = w->ledger;
        const char *p = data;

        while (n > 0 && w->section_error == 0) {
                size_t step = sizeof(l->pending) - l->pending_len;

                if (step > n)
                        step = n;
                memcpy(l->pending + l->pending_len, p, step);
                l->pending_len += step;
                p += step;
                n -= step;
                if (l->pending_len == sizeof(l->pending))
                        section_flush(w);
        }
}

void section_end(struct bundle_writer *w, enum section_status status, int err, const char *reason)
{
        struct ledger *l = w->ledger;
        struct ledger_row row;

        if (status == SECTION_MISSING && w->section_fd < 0)
                l->pending_len = 0;
        if (l->pending_len > 0 || status == SECTION_OK)
                section_flush(w);
        if (w->section_error) {
                status = SECTION_CUT;
                err = w->section_error;
                reason = NULL;
        }
        if (status == SECTION_CUT && l->current.bytes == 0) {
                if (w->section_fd >= 0)
                        unlinkat(w->fd, l->current.path, 0);
                status = SECTION_MISSING;
        }
        row = (struct ledger_row){
                .path = l->current.path,
                .status = status,
                .err = err,
                .reason = reason,
                .optional = l->current.optional,
                .bytes = l->current.bytes,
                .begin_ns = l->current.begin_ns,
                .end_ns = clock_monotonic_ns(),
        };
        fd_closep(&w->section_fd);
        if (w->family)
                family_add(w->family, &row);
        else
                ledger_add(l, &row);
        ledger_close(l);
        w->family = NULL;
}

void section_cancel(struct bundle_writer *w)
{
        ledger_close(w->ledger);
        w->family = NULL;
}

static void section_note(struct bundle_writer *w, const char *path, enum section_status status, bool optional,
                         int err, const char *reason)
{
        uint64_t now = clock_monotonic_ns();

        ledger_add(w->ledger, &(struct ledger_row){.path = path,
                                                   .status = status,
                                                   .err = err,
                                                   .reason = reason,
                                                   .optional = optional,
                                                   .begin_ns = now,
                                                   .end_ns = now});
}

void section_died(struct bundle_writer *w, const char *path, bool optional)
{
        section_note(w, path, SECTION_TARGET_DIED, optional, ESRCH, "the process had ended");
}

void section_missing(struct bundle_writer *w, const char *path, bool optional, int err, const char *reason)
{
        section_note(w, path, SECTION_MISSING, optional, err, reason);
}

void section_put(struct bundle_writer *w, const char *path, const void *data, size_t n)
{
        section_begin(w, path, false);
        section_write(w, data, n);
        section_end(w, SECTION_OK, 0, NULL);
}

void section_missing_in(struct section_family *family, int err, const char *reason)
{
        uint64_t now = clock_monotonic_ns();

        family_add(family, &(struct ledger_row){.status = SECTION_MISSING,
                                                .err = err,
                                                .reason = reason,
                                                .begin_ns = now,
                                                .end_ns = now});
}

void family_end(struct bundle_writer *w, const struct section_family *family, enum section_status status,
                int err, const char *reason)
{
        struct ledger_row row;
        char failures[128];

        if (status == SECTION_OK && family->seen == 0)
                return;
        family_row(family, &row, failures, sizeof(failures));
        if (status != SECTION_OK) {
                row.status = status == SECTION_CUT && family->files == 0 ? SECTION_MISSING : status;
                row.err = err;
                row.reason = reason;
        }
        ledger_add(w->ledger, &row);
}

/* What the killed process had not yet written is in `pending`; how much of its last write() still reached the
 * file, the file's size tells. */
static int abandoned_flush(struct bundle_writer *w)
{
        struct ledger *l = w->ledger;
        _cleanup_fd_ int fd = openat(w->fd, l->current.path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        uint64_t written;
        int r;

        if (fd < 0 && errno == ENOENT) {
                fd = section_file_make(w, l->current.path);
                if (fd < 0)
                        return fd;
        }
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        written = (uint64_t)st.st_size - l->current.bytes;
        if ((uint64_t)st.st_size < l->current.bytes || written > l->pending_len)
                return -EIO;
        r = file_write_all(fd, l->pending + written, l->pending_len - written);
        if (r == 0)
                l->current.bytes += l->pending_len;
        return r;
}

bool section_abandon(struct bundle_writer *w, enum section_status status, int err, const char *reason)
{
        struct ledger *l = w->ledger;
        int r = 0;

        if (!l->current.open)
                return false;
        if (l->pending_len > 0)
                r = abandoned_flush(w);
        if (l->current.bytes == 0 && status == SECTION_CUT)
                status = SECTION_MISSING;
        if (r < 0 && err == 0)
                err = -r;
        ledger_add(l, &(struct ledger_row){.path = l->current.family[0] ? l->current.family : l->current.path,
                                           .status = status,
                                           .err = err,
                                           .reason = reason,
                                           .optional = l->current.optional,
                                           .bytes = l->current.bytes,
                                           .begin_ns = l->current.begin_ns,
                                           .end_ns = clock_monotonic_ns()});
        ledger_close(l);
        return true;
}
