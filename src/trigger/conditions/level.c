/* SPDX-License-Identifier: MIT */
#include "trigger/conditions/level.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* No process has less, no machine is left with less: the unit was forgotten. */
#define LEAST_BYTES 4096

int level_check_unit(const struct trigger *t, const char *text, struct diag *d)
{
        if (t->size.is_percent || t->size.bytes >= LEAST_BYTES)
                return 0;
        return diag_set(d, -EINVAL,
                        "--%s %.40s: less than a page; with a unit it would be a level: 512M, 2G or 90%%",
                        t->type->option, text);
}

int level_parse(struct trigger *t, const char *text, struct diag *d)
{
        int r = size_parse(text, &t->size);

        if (r == -ERANGE && strchr(text, '%'))
                return diag_set(d, -EINVAL, "--%s %.40s: a percentage is above 0 and at most 100",
                                t->type->option, text);
        if (r == -ERANGE)
                return diag_set(d, -EINVAL, "--%s %.40s: the size is out of range", t->type->option, text);
        if (r < 0)
                return diag_set(d, -EINVAL, "--%s %.40s: not a size; write 512M, 2G or 90%%", t->type->option,
                                text);
        return level_check_unit(t, text, d);
}

uint64_t level_of_limit(const struct trigger *t, const struct trigger_wholes *w)
{
        return size_resolve(&t->size, w->limit.bytes);
}

uint64_t level_end_limit(const struct trigger_wholes *w)
{
        return w->limit.bytes;
}

static void explain(const struct trigger *t, const char *noun, uint64_t value, const char *verb,
                    uint64_t whole, const char *whole_name, struct buf *out)
{
        char value_text[SIZE_TEXT], level_text[SIZE_TEXT];

        size_format(value, value_text);
        if (t->size.is_percent)
                buf_printf(out, "%s %s %s %g %% of the %s of %s", noun, value_text, verb, t->size.percent,
                           size_format(whole, level_text), whole_name);
        else
                buf_printf(out, "%s %s %s %s", noun, value_text, verb,
                           size_format(t->size.bytes, level_text));
        if (t->type->letter)
                buf_printf(out, " (-%c %s)", t->type->letter, t->given);
        else
                buf_printf(out, " (--%s %s)", t->type->option, t->given);
}

void level_explain(const struct trigger *t, const char *noun, uint64_t value, uint64_t whole,
                   const char *whole_name, struct buf *out)
{
        explain(t, noun, value, "reached", whole, whole_name, out);
}

void level_explain_fall(const struct trigger *t, const char *noun, uint64_t value, uint64_t whole,
                        const char *whole_name, struct buf *out)
{
        explain(t, noun, value, "is down to", whole, whole_name, out);
}

void level_caveat_no_group_limit(const struct trigger *t, const struct limit_reader *l, struct buf *out)
{
        char looked[600];

        for (unsigned i = 0; i < l->n; i++)
                if (l->levels[i].usage_fd >= 0)
                        return;
        if (!l->dir)
                snprintf(looked, sizeof(looked), "no memory controller of its group is mounted here");
        else if (l->error)
                snprintf(looked, sizeof(looked), "%.*s/%s cannot be read: %s", (int)l->error_len, l->dir,
                         limit_file(l), strerror(-l->error));
        else
                snprintf(looked, sizeof(looked), "%s/%s, and those of the groups above, limit nothing",
                         l->dir, limit_file(l));
        buf_printf(out, "--%s: %s: this machine's memory is used instead\n", t->type->option, looked);
}
