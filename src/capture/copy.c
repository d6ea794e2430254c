/* SPDX-License-Identifier: MIT */
/* copy - one file of /proc or /sys into one section, through a buffer that is used again and again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "capture/collect.h"

bool collect_target_died(struct collect *c)
{
        struct pollfd p = {.fd = c->target->pidfd, .events = POLLIN};

        if (c->progress->target_died)
                return true;
        /* A pidfd becomes readable when the last thread has exited, before anybody has reaped the process. */
        if (p.fd >= 0 ? poll(&p, 1, 0) == 1 : target_check(c->process ?: c->target) == -ESRCH)
                c->progress->target_died = true;
        return c->progress->target_died;
}

/* Fill the buffer with as many read()s as it takes: they come a page at a time.  Bytes, 0 at the end of the
 * file; *ret_err is what ended it early (positive errno, ETIME for the deadline). */
static size_t fill(const struct collect *c, int fd, size_t size, int *ret_err, bool *ret_end)
{
        size_t n = 0;

        while (n < size) {
                ssize_t r = read(fd, c->buffer + n, size - n);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        *ret_err = errno;
                if (r <= 0) {
                        *ret_end = true;
                        break;
                }
                n += (size_t)r;
                if (collect_late(c)) {
                        *ret_err = ETIME;
                        *ret_end = true;
                        break;
                }
        }
        return n;
}

/* The thread, process or group (ENODEV) has ended. */
static bool is_gone(int err)
{
        return err == ESRCH || err == ENOENT || err == ENODEV;
}

struct copied {
        uint64_t bytes;
        int err; /* positive errno */
        bool capped;
        bool pieces; /* more than one buffer: the file may have changed between them */
};

static void copy_bytes(struct collect *c, int fd, const struct collector *row, struct copied *ret)
{
        struct copied done = {0};
        bool end = false;

        while (!end && !done.capped) {
                size_t want = COLLECT_BUFFER, n;

                /* One byte more than the cap tells whether there would have been more. */
                if (want > row->cap - done.bytes)
                        want = row->cap - done.bytes + 1;
                n = fill(c, fd, want, &done.err, &end);
                if (n > row->cap - done.bytes) {
                        n = row->cap - done.bytes;
                        done.capped = true;
                }
                section_write(c->writer, c->buffer, n);
                done.pieces = done.bytes > 0;
                done.bytes += n;
        }
        *ret = done;
}

static int note_unreadable(struct collect *c, const char *path, const struct collector *row,
                           struct section_family *family, int err)
{
        if (family && is_gone(err))
                return -err;
        if (family)
                section_missing_in(family, err, NULL);
        else if (row->scope == SCOPE_PROCESS && is_gone(err) && collect_target_died(c))
                section_died(c->writer, path, row->optional);
        else
                section_missing(c->writer, path, row->optional, err, NULL);
        return -err;
}

int copy_fd(struct collect *c, int fd, const char *path, const struct collector *row,
            struct section_family *family)
{
        struct copied done;

        if (family)
                section_begin_in(c->writer, family, path);
        else
                section_begin(c->writer, path, row->optional);
        copy_bytes(c, fd, row, &done);
        if (done.err && done.bytes == 0) {
                section_cancel(c->writer);
                return note_unreadable(c, path, row, family, done.err);
        }
        if (done.capped)
                section_end(c->writer, SECTION_CUT, 0, "longer than is kept of one file");
        else if (done.err == ETIME)
                section_end(c->writer, SECTION_CUT, ETIME, "took too long to read");
        else if (row->scope == SCOPE_PROCESS && (done.err || done.pieces || done.bytes == 0) &&
                 collect_target_died(c))
                section_end(c->writer, SECTION_TARGET_DIED, done.err, "the process ended meanwhile");
        else if (done.err)
                section_end(c->writer, SECTION_CUT, done.err, NULL);
        else
                section_end(c->writer, SECTION_OK, 0, NULL);
        return 0;
}

int copy_file(struct collect *c, int dirfd, const char *name, const char *path, const struct collector *row,
              struct section_family *family)
{
        _cleanup_fd_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return note_unreadable(c, path, row, family, errno);
        return copy_fd(c, fd, path, row, family);
}
