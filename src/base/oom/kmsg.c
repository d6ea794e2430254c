/* SPDX-License-Identifier: MIT */
#include "base/oom/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scan.h"

#define LEVEL_BITS 3 /* LOG_PRIMASK of syslog(2) */

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* Undo \xNN in place; the new length.  A backslash that begins no such escape stays (the kernel writes none).
 */
static size_t unescape(char *s, size_t len)
{
        size_t out = 0;

        for (size_t i = 0; i < len; i++) {
                int high, low;

                if (len - i >= 4 && s[i] == '\\' && s[i + 1] == 'x' && (high = hex_value(s[i + 2])) >= 0 &&
                    (low = hex_value(s[i + 3])) >= 0) {
                        s[out++] = (char)(high << 4 | low);
                        i += 3;
                } else {
                        s[out++] = s[i];
                }
        }
        return out;
}

int kmsg_record_parse(char *raw, size_t len, struct kmsg_record *ret)
{
        static const char caller_key[] = "caller=";
        struct kmsg_record r = {0};
        struct scan s = scan_of(raw, len), fields;
        uint64_t priority, time_us;
        char *text, *end;

        if (!scan_number(&s, &priority) || !scan_word(&s, ",") || !scan_number(&s, &r.seq) ||
            !scan_word(&s, ",") || !scan_number(&s, &time_us) || !scan_until(&s, ";", &fields))
                return -EINVAL;
        if (priority > UINT16_MAX || time_us > UINT64_MAX / NS_PER_US)
                return -EINVAL;
        r.facility = (unsigned)priority >> LEVEL_BITS;
        r.level = (unsigned)priority & ((1U << LEVEL_BITS) - 1);
        r.time_ns = time_us * NS_PER_US;
        if (scan_find(&fields, caller_key)) {
                struct scan caller = fields;

                scan_until(&fields, ",", &caller);
                r.caller = caller.at;
                r.caller_len = scan_left(&caller);
        }
        /* A line break inside the text is escaped, so the first real one ends it. */
        text = raw + (s.at - raw);
        end = memchr(text, '\n', scan_left(&s));
        r.text = text;
        r.text_len = unescape(text, end ? (size_t)(end - text) : scan_left(&s));
        *ret = r;
        return 0;
}

int kmsg_open(struct kmsg *k, enum kmsg_start start, struct diag *d)
{
        int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0 && (errno == EPERM || errno == EACCES))
                return diag_set(
                        d, -errno,
                        "the kernel's log (/dev/kmsg) may not be read: %s; run as root, give CAP_SYSLOG, or "
                        "set kernel.dmesg_restrict to 0",
                        strerror(errno));
        if (fd < 0)
                return diag_set(
                        d, -errno,
                        "/dev/kmsg: %s; in a container, pass the host's /dev/kmsg in, or run on the host",
                        strerror(errno));
        /* Opening stands at the oldest record already. */
        if (start == KMSG_FROM_NOW && lseek(fd, 0, SEEK_END) < 0) {
                int err = -errno;

                close(fd);
                return diag_set(d, err, "/dev/kmsg: cannot go to its end: %s", strerror(-err));
        }
        k->fd = fd;
        k->next_seq = UINT64_MAX;
        return 0;
}

void kmsg_close(struct kmsg *k)
{
        fd_closep(&k->fd);
}

int kmsg_read(struct kmsg *k, struct kmsg_record *ret)
{
        for (;;) {
                struct kmsg_record r;
                ssize_t n = read(k->fd, k->raw, sizeof(k->raw) - 1);

                /* EPIPE: the record we stood at was overwritten; the next read goes on at the oldest one. */
                if (n < 0 && (errno == EINTR || errno == EPIPE))
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                if (n == 0)
                        return 0;
                if (kmsg_record_parse(k->raw, (size_t)n, &r) < 0)
                        continue;
                if (k->next_seq != UINT64_MAX && r.seq > k->next_seq)
                        r.lost = r.seq - k->next_seq;
                k->next_seq = r.seq + 1;
                *ret = r;
                return 1;
        }
}

int kmsg_copy(struct buf *out)
{
        _cleanup_fd_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char raw[KMSG_RECORD_MAX];

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = read(fd, raw, sizeof(raw));
                const char *end;

                if (n < 0 && (errno == EINTR || errno == EPIPE))
                        continue;
                if (n <= 0)
                        return n == 0 || errno == EAGAIN ? 0 : -errno;
                end = memchr(raw, '\n', (size_t)n);
                buf_add(out, raw, end ? (size_t)(end - raw) : (size_t)n);
                buf_char(out, '\n');
        }
}
