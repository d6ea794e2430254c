/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_so/options.h"
#include "agent_so/preload.h"

static char warned[256];

/* Words that were not understood, one behind the other; those of no option with a '!'. */
static void remember(const char *word, size_t length, const char *reason, void *arg)
{
        size_t n = strlen(warned);

        cr_assert_eq(arg, warned);
        snprintf(warned + n, sizeof(warned) - n, "%s%.*s;", reason[0] ? "" : "!", (int)length, word);
}

static struct agent_options parsed(const char *text)
{
        struct agent_options o;

        warned[0] = '\0';
        options_default(&o);
        options_parse(text, &o, remember, warned);
        return o;
}

Test(agent_options, are_words_divided_by_commas)
{
        struct agent_options o =
                parsed("sample=64K,keep,dir=/run/x,,size=16M,thread=off,children=no,signal=off");

        cr_assert_str_eq(warned, "");
        cr_assert_eq(o.mean, 64 << 10);
        cr_assert_eq(o.size, 16 << 20);
        cr_assert(o.keep && !o.thread && !o.children);
        cr_assert_eq(o.signal, 0);
        cr_assert_str_eq(o.dir, "/run/x");
}

Test(agent_options, what_is_not_understood_is_named_and_the_default_stays)
{
        static const struct {
                const char *text, *warned, *why;
        } cases[] = {
                {"", "", "nothing"},
                {",,,", "", "no word between the commas"},
                {"sample=", "sample=;", "no size"},
                {"sample=0", "sample=0;", "zero"},
                {"sample=2G", "sample=2G;", "above the largest"},
                {"sample=50%", "sample=50%;", "a percentage of nothing"},
                {"sample", "sample;", "a size is needed"},
                {"samples=1K", "!samples=1K;", "no such option"},
                {"=1", "!=1;", "no name"},
                {"Sample=1K", "!Sample=1K;", "names are small letters"},
                {"keep=perhaps", "keep=perhaps;", "neither yes nor no"},
                {"dir=relative", "dir=relative;", "not absolute"},
                {"size=1K", "size=1K;", "smaller than any recorder"},
                {"signal=9", "signal=9;", "no real-time signal"},
                {"signal=on", "signal=on;", "on is no number"},
                {"thread=off=1", "thread=off=1;", "two equals signs"},
                {"rain,keep=maybe,sun", "!rain;keep=maybe;!sun;", "each for itself, in their order"},
        };
        struct agent_options plain = parsed("");

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct agent_options o = parsed(cases[i].text);

                cr_assert_str_eq(warned, cases[i].warned, "%s: %s", cases[i].text, cases[i].why);
                cr_assert_arr_eq(&o, &plain, sizeof(o), "%s", cases[i].text);
        }
}

Test(agent_options, the_last_of_two_counts)
{
        cr_assert_eq(parsed("sample=1,sample=1M").mean, 1 << 20);
        cr_assert(!parsed("keep,keep=no").keep);
}

Test(agent_options, a_word_longer_than_any_path_is_refused)
{
        static char text[3 * PATH_MAX];
        struct agent_options o;

        memset(text, 'x', sizeof(text) - 1);
        memcpy(text, "dir=/", 5);
        o = parsed(text);
        cr_assert_neq(warned[0], '\0');
        cr_assert_str_eq(o.dir, "");
}

Test(agent_options, real_time_signals_are_given_by_number)
{
        char text[32];

        snprintf(text, sizeof(text), "signal=%d", SIGRTMIN + 3);
        cr_assert_eq(parsed(text).signal, SIGRTMIN + 3);
        cr_assert_str_eq(warned, "");
}

Test(agent_options, shedding_takes_only_the_agent_out_of_the_preload)
{
        static const struct {
                const char *before, *after;
        } cases[] = {
                {"/usr/lib/libswansong.so", ""},
                {"libswansong.so", ""},
                {"/a/libx.so:/b/libswansong.so", "/a/libx.so"},
                {"/b/libswansong.so:/a/libx.so", ":/a/libx.so"},
                {"/a/libx.so /b/libswansong.so /a/liby.so", "/a/libx.so /a/liby.so"},
                {"/a/libx.so", "/a/libx.so"},
                {"/libswansong.so/liby.so", "/libswansong.so/liby.so"},
                {"", ""},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char *text = strdup(cases[i].before);

                preload_shed_text(text);
                cr_assert_str_eq(text, cases[i].after, "of \"%s\"", cases[i].before);
                free(text);
        }
}
