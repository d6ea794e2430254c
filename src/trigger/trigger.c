/* SPDX-License-Identifier: MIT */
#include "trigger/trigger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct trigger_type trigger_types[] = {
#define TRIGGER(name_, option_, letter_, argument_, help_)                                                   \
        {.kind = #name_,                                                                                     \
         .option = option_,                                                                                  \
         .letter = letter_,                                                                                  \
         .argument = argument_,                                                                              \
         .help = help_,                                                                                      \
         .ops = &trigger_##name_},
#include "trigger/triggers.def"
#undef TRIGGER
};

const size_t n_trigger_types = ARRAY_SIZE(trigger_types);

int trigger_parse(const struct trigger_type *type, const char *text, struct trigger *ret, struct diag *d)
{
        struct trigger t = {.type = type};
        int r = type->ops->parse(&t, text, d);

        if (r < 0)
                return r;
        if ((size_t)snprintf(t.given, sizeof(t.given), "%s", text) >= sizeof(t.given))
                return diag_set(d, -EINVAL, "--%s %.40s…: too many digits", type->option, text);
        *ret = t;
        return 0;
}

const struct trigger_type *trigger_type_find(const char *kind)
{
        for (size_t i = 0; i < n_trigger_types; i++)
                if (strcmp(trigger_types[i].kind, kind) == 0)
                        return &trigger_types[i];
        return NULL;
}

void trigger_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        uint64_t level = t->type->ops->level(t, w);
        char text[SIZE_TEXT];

        if (t->type->ops->arms)
                buf_printf(out,
                           level == UINT64_MAX ? "never armed"
                           : level == 0        ? "armed"
                                               : "armed from %s",
                           size_format(level, text));
        else if (level == UINT64_MAX)
                buf_printf(out, "--%s %s (never: there is none here)", t->type->option, t->given);
        else
                buf_printf(out, "%s %s", t->type->kind, size_format(level, text));
}
