/* SPDX-License-Identifier: MIT */
/* Who it is, in full: what a second look at the process, or at its executable, needs. */
#include "base/clock.h"
#include "render/text/text.h"

#define COMMAND_MAX 4000 /* columns; the kernel's own bound is 32 pages and more */

/* A fact with its name before it; nothing for one that is not known. */
static void add_fact(const struct text *t, const char *name, const char *value)
{
        size_t begin = text_begin(t);

        if (!value || *value == '\0')
                return;
        buf_printf(t->out, "  %-12s ", name);
        text_escaped(t, value, t->style->all ? SIZE_MAX : COMMAND_MAX);
        text_wrap(t, begin, 15);
}

static void add_namespaces(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);

        if (r->process.n_namespaces == 0)
                return;
        buf_printf(t->out, "  %-12s", "namespaces");
        for (size_t i = 0; i < r->process.n_namespaces; i++) {
                buf_printf(t->out, "%s ", i ? "," : "");
                text_escaped(t, r->process.namespaces[i].name, 40);
                buf_char(t->out, ' ');
                text_escaped(t, r->process.namespaces[i].value, 40);
        }
        text_wrap(t, begin, 15);
}

void text_process(const struct text *t)
{
        const struct report *r = t->r;
        char number[24], time[CLOCK_TEXT];

        text_title(t, "PROCESS", NULL);
        add_fact(t, "executable", r->process.exe);
        add_fact(t, "build ID", r->process.build_id);
        add_fact(t, "arguments", r->process.cmdline);
        if (r->process.start_time_ns != REPORT_UNKNOWN)
                add_fact(t, "started", clock_rfc3339(r->process.start_time_ns, time));
        if (r->process.ppid > 0) {
                snprintf(number, sizeof(number), "%d", r->process.ppid);
                add_fact(t, "parent PID", number);
        }
        add_fact(t, "group", r->process.group);
        add_namespaces(t);
        add_fact(t, "bundle", r->bundle);
        add_fact(t, "swansong", r->swansong_version);
}
