/* SPDX-License-Identifier: MIT */
#include "analysis/machine.h"

#include <errno.h>
#include <math.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/size.h"

#define TEXT_MAX 65536

/* What the verdict calls short.  A kill comes when the free memory of a zone falls below its minimum, which on the
 * machines measured was at 2 to 3 % available. */
#define AVAILABLE_LOW  0.10
#define AVAILABLE_NONE 0.04
#define SWAP_FULL      0.95
#define PRESSURE_HIGH  10.0 /* percent */

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

static const char *machine_verdict(const struct report *r, const struct pressure *p, struct pool *pool)
{
        uint64_t swap_total = key_value_get(r->system.meminfo, r->system.n_meminfo, "SwapTotal"),
                 swap_free = key_value_get(r->system.meminfo, r->system.n_meminfo, "SwapFree"),
                 total = r->memory.mem_total, available = r->memory.mem_available;
        double share = amount_share(available, total);
        char a[SIZE_TEXT], b[SIZE_TEXT], text[256];
        struct buf out = BUF_FIXED(text, sizeof(text));

        if (!amount_known(total) || !amount_known(available))
                return NULL;
        buf_str(&out, share < AVAILABLE_NONE  ? "the machine is out of memory: "
                      : share < AVAILABLE_LOW ? "the machine is short of memory: "
                                              : "the machine has memory left: ");
        buf_printf(&out, "%s of %s available (%.0f %%)", size_format(available, a), size_format(total, b),
                   100 * share);
        if (swap_total == 0)
                buf_str(&out, ", no swap");
        else if (amount_known(swap_total) && amount_known(swap_free))
                buf_printf(&out, ", swap %s: %s of %s free",
                           amount_share(swap_free, swap_total) < 1 - SWAP_FULL ? "is full" : "has room",
                           size_format(swap_free, a), size_format(swap_total, b));
        if (p->some >= PRESSURE_HIGH)
                buf_printf(&out, "; tasks waited for memory %.0f %% of the last 10 s", p->some);
        return pool_strdup(pool, text);
}

int machine_fill(struct source *s, struct report *r)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(TEXT_MAX);
        struct pressure pressure = {NAN, NAN};

        r->memory.mem_total = r->memory.mem_available = REPORT_UNKNOWN;
        if (source_read(s, &b, true, "proc/pressure/memory") == 0)
                pressure_parse(b.data, b.len, &pressure);
        if (source_read(s, &b, false, "proc/meminfo") < 0)
                return 0;
        if (key_value_list(b.data, b.len, s->pool, &r->system.meminfo, &r->system.n_meminfo) < 0)
                return -ENOMEM;
        r->memory.mem_total = key_value_get(r->system.meminfo, r->system.n_meminfo, "MemTotal");
        r->memory.mem_available = key_value_get(r->system.meminfo, r->system.n_meminfo, "MemAvailable");
        r->system.verdict = machine_verdict(r, &pressure, s->pool);
        return 0;
}
