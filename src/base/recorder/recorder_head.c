/* SPDX-License-Identifier: MIT */
#include "base/recorder/recorder_head.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/target.h"

int recorder_head_parse(const void *data, size_t len, struct recorder_header *ret)
{
        struct recorder_header h = {0};
        size_t n = len < sizeof(h) ? len : sizeof(h);

        if (n > 0)
                memcpy(&h, data, n);
        if (n < sizeof(h.magic) || memcmp(h.magic, RECORDER_MAGIC, sizeof(h.magic)) != 0 || n < sizeof(h))
                return -EINVAL;
        if (h.version != RECORDER_VERSION)
                return -ENOTSUP;
        h.boot_id[sizeof(h.boot_id) - 1] = '\0';
        h.exe[sizeof(h.exe) - 1] = '\0';
        h.allocator[sizeof(h.allocator) - 1] = '\0';
        h.dump_reason[sizeof(h.dump_reason) - 1] = '\0';
        *ret = h;
        return 0;
}

/* The kernel's text of this boot, without its newline; "" where it cannot be read. */
static void boot_id(char out[40])
{
        struct buf b = BUF_FIXED(out, 40);

        out[0] = '\0';
        if (file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b) < 0)
                out[0] = '\0';
        out[strcspn(out, "\n")] = '\0';
}

static bool is_alive(const struct recorder_header *h)
{
        char path[48], text[2048];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief brief;

        snprintf(path, sizeof(path), "/proc/%u/stat", h->pid);
        return file_read_at(AT_FDCWD, path, &b) == 0 && stat_brief_parse(b.data, b.len, &brief) == 0 &&
               brief.start_ticks == h->start_ticks && brief.state != 'Z' && brief.state != 'X';
}

enum recorder_fate recorder_fate(const struct recorder_header *h)
{
        char now[40];
        struct stat ns;

        if (h->state == RECORDER_FINISHED)
                return RECORDER_FATE_FINISHED;
        if (h->state == RECORDER_REPLACED)
                return RECORDER_FATE_REPLACED;
        boot_id(now);
        if (now[0] && h->boot_id[0] && strncmp(now, h->boot_id, strcspn(h->boot_id, "\n")) != 0)
                return RECORDER_FATE_REBOOTED;
        if (stat("/proc/self/ns/pid", &ns) < 0 || (h->pid_namespace && h->pid_namespace != ns.st_ino))
                return RECORDER_FATE_UNKNOWN;
        return is_alive(h) ? RECORDER_FATE_ALIVE : RECORDER_FATE_KILLED;
}

const char *recorder_fate_word(enum recorder_fate fate)
{
        static const char *const words[] = {
                [RECORDER_FATE_UNKNOWN] = "unknown",   [RECORDER_FATE_ALIVE] = "alive",
                [RECORDER_FATE_KILLED] = "killed",     [RECORDER_FATE_REBOOTED] = "killed",
                [RECORDER_FATE_REPLACED] = "replaced", [RECORDER_FATE_FINISHED] = "finished",
        };

        return words[fate];
}

uint64_t recorder_realtime(const struct recorder_header *h, uint64_t monotonic_ns)
{
        return monotonic_ns ? h->began_realtime_ns + (monotonic_ns - h->began_monotonic_ns) : 0;
}
