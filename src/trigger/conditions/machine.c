/* SPDX-License-Identifier: MIT */
#include "trigger/conditions/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "trigger/poll_interval.h"
#include "trigger/proc_text.h"

#define HOLDS_LONGEST_NS (50 * NS_PER_MS)

/* The part of the available memory that may go unseen. */
#define HOLDS_PART 16

/* MemTotal, MemAvailable, SwapTotal and SwapFree stand within the first 600 bytes, on every kernel since 3.14. */
static int read_meminfo(struct machine *m)
{
        char text[4096];
        ssize_t n = pread(m->meminfo_fd, text, sizeof(text), 0);

        if (n < 0)
                return -errno;
        if (kb_line_parse(text, (size_t)n, "MemTotal:", &m->mem_total) < 0)
                return -ENODATA;
        kb_line_parse(text, (size_t)n, "MemAvailable:", &m->available);
        kb_line_parse(text, (size_t)n, "SwapTotal:", &m->swap_total);
        kb_line_parse(text, (size_t)n, "SwapFree:", &m->swap_free);
        return 0;
}

int machine_open(struct machine *ret, struct diag *d)
{
        struct machine m = {.meminfo_fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC)};
        int r = m.meminfo_fd < 0 ? -errno : read_meminfo(&m);

        if (r < 0) {
                machine_close(&m);
                return diag_set(d, r, "/proc/meminfo: %s", strerror(-r));
        }
        *ret = m;
        return 0;
}

void machine_close(struct machine *m)
{
        fd_closep(&m->meminfo_fd);
}

void machine_refresh(struct machine *m, uint64_t now_ns, uint64_t max_age_ns)
{
        if (now_ns - m->read_ns < max_age_ns)
                return;
        m->read_ns = now_ns;
        read_meminfo(m);
}

uint64_t machine_holds_ns(const struct machine *m)
{
        double ns = (double)m->available / HOLDS_PART / POLL_FASTEST_BYTES_PER_S * NS_PER_S;

        if (ns > HOLDS_LONGEST_NS)
                return HOLDS_LONGEST_NS;
        return ns < POLL_SHORTEST_NS ? POLL_SHORTEST_NS : (uint64_t)ns;
}
