/* SPDX-License-Identifier: MIT */
#include "agent_so/options.h"

#include <signal.h>
#include <string.h>

#include "base/size.h"

void options_default(struct agent_options *o)
{
        *o = (struct agent_options){
                .mean = 512 << 10, .signal = SIGRTMAX - 2, .thread = true, .children = true};
}

static bool parse_bool(const char *value, bool *ret)
{
        static const char *const yes[] = {"", "yes", "on", "1", "true"}, *const no[] = {"no", "off", "0",
                                                                                        "false"};

        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
                if (strcmp(value, yes[i]) == 0)
                        return *ret = true, true;
        for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
                if (strcmp(value, no[i]) == 0)
                        return *ret = false, true;
        return false;
}

static bool parse_size(const char *value, uint64_t least, uint64_t most, uint64_t *ret)
{
        struct size_spec spec;

        if (size_parse(value, &spec) < 0 || spec.is_percent || spec.bytes < least || spec.bytes > most)
                return false;
        *ret = spec.bytes;
        return true;
}

static bool set_sample(struct agent_options *o, const char *value)
{
        return parse_size(value, 1, UINT64_C(1) << 30, &o->mean);
}

static bool set_keep(struct agent_options *o, const char *value)
{
        return parse_bool(value, &o->keep);
}

static bool set_dir(struct agent_options *o, const char *value)
{
        size_t n = strlen(value);

        if (value[0] != '/' || n >= sizeof(o->dir))
                return false;
        memcpy(o->dir, value, n + 1);
        return true;
}

static bool set_size(struct agent_options *o, const char *value)
{
        return parse_size(value, 1 << 20, RECORDER_SIZE_MAX, &o->size);
}

static bool set_signal(struct agent_options *o, const char *value)
{
        uint64_t number;
        bool on;

        if (parse_bool(value, &on) && !on) {
                o->signal = 0;
                return true;
        }
        if (!parse_size(value, (uint64_t)SIGRTMIN, (uint64_t)SIGRTMAX, &number))
                return false;
        o->signal = (int)number;
        return true;
}

static bool set_thread(struct agent_options *o, const char *value)
{
        return parse_bool(value, &o->thread);
}

static bool set_children(struct agent_options *o, const char *value)
{
        return parse_bool(value, &o->children);
}

static const struct {
        const char *name;
        bool (*set)(struct agent_options *, const char *value);
        const char *right;
} options[] = {
#define OPTION(name_, set_, right_) {name_, set_, right_},
#include "agent_so/options.def"
#undef OPTION
};

/* NULL when the word is understood, else what is wrong with it. */
static const char *parse_word(const char *word, size_t length, struct agent_options *o)
{
        static char value[PATH_MAX]; /* the constructor is alone */
        const char *equals = memchr(word, '=', length);
        size_t name_length = equals ? (size_t)(equals - word) : length;
        size_t value_length = equals ? length - name_length - 1 : 0;

        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
                if (strlen(options[i].name) != name_length || memcmp(options[i].name, word, name_length) != 0)
                        continue;
                if (value_length >= sizeof(value))
                        return options[i].right;
                memcpy(value, equals ? equals + 1 : "", value_length);
                value[value_length] = '\0';
                return options[i].set(o, value) ? NULL : options[i].right;
        }
        return "";
}

void options_parse(const char *text, struct agent_options *o,
                   void (*warn)(const char *word, size_t length, const char *reason, void *arg), void *arg)
{
        while (*text) {
                size_t length = strcspn(text, ",");
                const char *reason = length ? parse_word(text, length, o) : NULL;

                if (reason)
                        warn(text, length, reason, arg);
                text += length;
                text += *text == ',';
        }
}
