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
                return diag_set(d, -EINVAL, "--%s %.40s…: too long", type->option, text);
        *ret = t;
        return 0;
}

bool trigger_dumps(const struct trigger *t, bool snapshot)
{
        enum trigger_effect effect = t->type->ops->effect;

        return effect == TRIGGER_DUMPS || (effect == TRIGGER_FOREWARNS && snapshot);
}

bool trigger_arms(const struct trigger *t)
{
        return t->type->ops->effect != TRIGGER_DUMPS;
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
        const struct trigger_ops *ops = t->type->ops;
        uint64_t level = ops->level ? ops->level(t, w) : 0;
        char text[SIZE_TEXT];

        if (ops->announce)
                ops->announce(t, w, out);
        else if (level == UINT64_MAX)
                buf_printf(out, "--%s %s (never: there is none here)", t->type->option, t->given);
        else
                buf_printf(out, "%s %s", t->type->kind, size_format(level, text));
}
