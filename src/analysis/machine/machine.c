/* SPDX-License-Identifier: MIT */
#include "analysis/machine/machine.h"

#include <errno.h>
#include <math.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"

#define TEXT_MAX 65536

/* "avg10=12.34": the kernel prints two digits of fraction, always. */
static double scan_avg10(struct scan line)
{
        uint64_t whole, hundredths;

        if (!scan_find(&line, "avg10=") || !scan_number(&line, &whole) || !scan_word(&line, ".") ||
            !scan_number(&line, &hundredths) || whole > 100 || hundredths > 99)
                return NAN;
        return (double)whole + (double)hundredths / 100;
}

void pressure_parse(const char *text, size_t len, struct pressure *ret)
{
        struct scan s = scan_of(text, len), line;
        struct pressure p = {NAN, NAN};

        while (line_next(&s, &line))
                if (scan_word(&line, "some "))
                        p.some = scan_avg10(line);
                else if (scan_word(&line, "full "))
                        p.full = scan_avg10(line);
        *ret = p;
}

static void read_pressure(struct source *s, struct buf *b, struct report_system *system)
{
        static const char *const resources[] = {"memory", "io", "cpu"};

        for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
                struct pressure p;

                if (source_read(s, b, true, "proc/pressure/%s", resources[i]) < 0)
                        continue;
                pressure_parse(b->data, b->len, &p);
                system->pressure[system->n_pressure++] =
                        (struct report_pressure){resources[i], p.some, p.full};
        }
}

int machine_fill(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(TEXT_MAX);

        r->memory.mem_total = r->memory.mem_available = REPORT_UNKNOWN;
        read_pressure(s, &b, &r->system);
        if (source_read(s, &b, false, "proc/meminfo") < 0)
                return 0;
        if (key_value_list(b.data, b.len, s->pool, &r->system.meminfo, &r->system.n_meminfo) < 0)
                return -ENOMEM;
        r->memory.mem_total = key_value_get(r->system.meminfo, r->system.n_meminfo, "MemTotal");
        r->memory.mem_available = key_value_get(r->system.meminfo, r->system.n_meminfo, "MemAvailable");
        return 0;
}
