/* SPDX-License-Identifier: MIT */
#include "cli/kill_log.h"

#include <poll.h>

#include "base/clock.h"
#include "base/oom/oom_report.h"

/* The log's clock and ours differ by so much at most. */
#define CLOCK_SLACK_NS (50 * NS_PER_MS)

/* As the kernel hands it out: PRIORITY,SEQUENCE,MICROSECONDS,-;TEXT with everything unprintable as \xNN. */
static void add_record(struct buf *out, const struct kmsg_record *r)
{
        buf_printf(out, "%u,%llu,%llu,-;", r->facility * 8 + r->level, (unsigned long long)r->seq,
                   (unsigned long long)(r->time_ns / NS_PER_US));
        for (size_t i = 0; i < r->text_len; i++) {
                unsigned char byte = (unsigned char)r->text[i];

                if (byte >= 0x20 && byte < 0x7f && byte != '\\')
                        buf_char(out, (char)byte);
                else
                        buf_printf(out, "\\x%02x", byte);
        }
        buf_char(out, '\n');
}

void kill_log_keep(struct buf *text, const struct kmsg_record *record)
{
        if (record->facility != KMSG_FACILITY_KERNEL)
                return;
        if (oom_line_kind(scan_of(record->text, record->text_len)) == OOM_LINE_INVOKED)
                buf_reset(text);
        add_record(text, record);
}

struct oom_kill *kill_log_find(struct kmsg *k, pid_t pid, uint64_t since_ns, uint64_t wait_ns,
                               struct buf *text)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        uint64_t until = clock_monotonic_ns() + wait_ns;
        struct kmsg_record record;
        struct oom_log_event event;

        for (;;) {
                struct pollfd p = {.fd = k->fd, .events = POLLIN};
                int r = kmsg_read(k, &record);

                if (r < 0 || (r == 0 && clock_monotonic_ns() >= until))
                        return NULL;
                if (r == 0) {
                        poll(&p, 1, 10);
                        continue;
                }
                kill_log_keep(text, &record);
                if (oom_log_feed(&log, &record) < 0)
                        return NULL;
                while (oom_log_next(&log, &event)) {
                        if (event.kind == OOM_EVENT_KILL && event.kill->pid == pid &&
                            event.time_ns + CLOCK_SLACK_NS >= since_ns)
                                return event.kill;
                        oom_kill_free(event.kill);
                }
        }
}
