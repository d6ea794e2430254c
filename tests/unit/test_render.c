/* SPDX-License-Identifier: MIT */
/* What holds for every report, whatever is in it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>
#include <string.h>

#include "fixture_report.h"
#include "render/renderer.h"
#include "render/text/text.h"

#define LARGE 3000

static void render(const char *format, const struct report *r, struct render_style style, struct buf *out)
{
        setlocale(LC_CTYPE, "C.UTF-8");
        renderer_find(format)(r, &style, out);
        cr_assert(!out->cut);
}

static void each_line(const char *text, void (*check)(const char *line, size_t n, void *data), void *data)
{
        while (*text) {
                size_t n = strcspn(text, "\n");

                check(text, n, data);
                text += n + (text[n] == '\n');
        }
}

static void check_width(const char *line, size_t n, void *data)
{
        size_t width = *(size_t *)data;

        cr_expect_leq(text_columns(line, n), width, "%zu columns: %.*s", width, (int)n, line);
}

Test(render, no_line_is_wider_than_the_terminal)
{
        struct report large = fixture_large(300),
                      reports[] = {fixture_leak(), fixture_killed(), fixture_unknown(), large};

        for (size_t width = 80; width <= 160; width += 7)
                for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
                        _cleanup_buf_ struct buf out = BUF_GROWING(16 << 20);

                        render("text", &reports[i], (struct render_style){.width = (unsigned)width}, &out);
                        each_line(out.data, check_width, &width);
                }
        pool_free(&large.pool);
}

static void count_line(const char *line, size_t n, void *data)
{
        (void)line;
        (void)n;
        ++*(size_t *)data;
}

Test(render, the_first_screen_is_one_screen)
{
        struct report r = fixture_leak();
        _cleanup_buf_ struct buf out = BUF_GROWING(1 << 20);
        const struct render_style style = {.width = 80};
        size_t lines = 0;

        text_first_screen(&(struct text){&r, &style, &out});
        each_line(out.data, count_line, &lines);
        cr_expect_leq(lines, 30u, "%zu lines", lines);
}

/* Only newlines, printable ASCII and UTF-8 above C1. */
static bool is_harmless(const char *s)
{
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;

                if ((c < 0x20 && c != '\n') || c == 0x7f || (c == 0xc2 && (unsigned char)s[1] < 0xa0))
                        return false;
        }
        return true;
}

Test(render, nothing_from_outside_drives_the_terminal)
{
        struct report r = fixture_hostile();
        _cleanup_buf_ struct buf out = BUF_GROWING(1 << 20);

        render("text", &r, (struct render_style){.width = 80}, &out);
        cr_expect(is_harmless(out.data));
        cr_expect(mbstowcs(NULL, out.data, 0) != (size_t)-1, "the text is not UTF-8");
        cr_expect_null(strstr(out.data, "\nVerdict   all is well"), "a forged line");
        cr_expect_null(strstr(out.data, "\xe2\x80\xae"), "a right-to-left override");
}

Test(render, colour_is_the_only_difference_between_a_terminal_and_a_file)
{
        struct report r = fixture_leak();
        _cleanup_buf_ struct buf plain = BUF_GROWING(1 << 20), color = BUF_GROWING(1 << 20),
                                 stripped = BUF_GROWING(1 << 20);

        render("text", &r, (struct render_style){.width = 100}, &plain);
        render("text", &r, (struct render_style){.width = 100, .color = true}, &color);
        for (const char *s = color.data; *s; s++)
                if (*s == '\x1b')
                        s = strchr(s, 'm');
                else
                        buf_char(&stripped, *s);
        cr_expect_gt(color.len, plain.len);
        cr_expect_str_eq(stripped.data, plain.data);
}

Test(render, an_unknown_number_is_never_printed_as_one)
{
        static const char *const numbers[] = {"18446744073709551615",
                                              "16.0 EiB",
                                              "4294967295",
                                              "-2147483648",
                                              "nan",
                                              " inf",
                                              ":nan",
                                              ":inf"};
        struct report r = fixture_unknown();

        for (size_t f = 0; f < 2; f++) {
                _cleanup_buf_ struct buf out = BUF_GROWING(1 << 20);

                render(f ? "json" : "text", &r, (struct render_style){.width = 80}, &out);
                for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                        cr_expect_null(strstr(out.data, numbers[i]), "%s", numbers[i]);
        }
}

Test(render, a_cut_list_says_how_many_rows_are_not_there)
{
        struct report r = fixture_large(LARGE);
        _cleanup_buf_ struct buf cut = BUF_GROWING(64 << 20), all = BUF_GROWING(64 << 20);

        render("text", &r, (struct render_style){.width = 100}, &cut);
        cr_expect_not_null(
                strstr(cut.data, "… 2,800 more mappings: --all shows them, report.json has them\n"));
        cr_expect_not_null(strstr(cut.data, "… 2,900 more sockets:"));
        cr_expect_not_null(strstr(cut.data, "… 1,301 more stacks:"));
        cr_expect_not_null(strstr(cut.data, "… 11,976 more samples:"));
        cr_expect_not_null(strstr(cut.data, "  … 2,960 more descriptors:"));
        cr_expect_null(strstr(cut.data, "/srv/data/part-2799\n"), "not among the 200 largest mappings");

        render("text", &r, (struct render_style){.width = 100, .all = true}, &all);
        cr_expect_null(strstr(all.data, " more "));
        for (size_t i = 0; i < LARGE; i++) {
                char path[64];

                snprintf(path, sizeof(path), " /srv/data/part-%zu\n", i);
                cr_expect_not_null(strstr(all.data, path), "%s", path);
        }
        pool_free(&r.pool);
}

Test(render, the_first_screen_names_what_is_large_in_a_heap_and_nothing_else)
{
        static const struct report_type types[] = {
                {"type", "Order", "/srv/shop", 0, 1, 96, 30 << 20, 400000, NULL},
                {"other", NULL, NULL, REPORT_UNKNOWN, 2, 73728, 64 << 20, 838860, NULL},
                {"text", NULL, NULL, REPORT_UNKNOWN, 3, 64, 1 << 20, 1, NULL},
                {"type", "Tiny", "/srv/shop", 0, 1, 48, 48, 1, NULL}};
        static const struct report_heap_type objects[] = {{"str", 44 << 20, 721514}, {"code", 1 << 10, 7}};
        static const struct report_size_class sizes[] = {{128, 20 << 20, 163840}, {4096, 4096, 1}};
        static const struct report_other_heap heaps[] = {{.name = "CPython",
                                                          .kind = "runtime",
                                                          .system = 50 << 20,
                                                          .in_use = 45 << 20,
                                                          .types = objects,
                                                          .n_types = 2},
                                                         {.name = "jemalloc",
                                                          .kind = "malloc",
                                                          .system = 30 << 20,
                                                          .in_use = 20 << 20,
                                                          .sizes = sizes,
                                                          .n_sizes = 2}};
        struct report r = fixture_leak();
        _cleanup_buf_ struct buf out = BUF_GROWING(16 << 20);
        char *end;

        r.memory.rss = UINT64_C(200) << 20;
        r.heap.live_bytes = 100 << 20;
        r.heap.types = types;
        r.heap.n_types = ARRAY_SIZE(types);
        r.heaps = heaps;
        r.n_heaps = ARRAY_SIZE(heaps);
        r.census.layout = "2.27 or later";
        render("text", &r, (struct render_style){.width = 140}, &out);
        cr_expect_not_null(strstr(out.data, "  1 x block that begins with text, at most 64 B\n"));
        cr_expect_not_null(strstr(out.data, "  1 block of 4.00 KiB\n"));
        end = strstr(out.data, "\nMappings");
        cr_assert_not_null(end);
        *end = '\0';
        cr_expect_not_null(strstr(out.data, "  400,000 x Order, each at most 96 B"));
        cr_expect_not_null(strstr(
                out.data, "838,860 x blocks that begin with some other value, 80 B on average, at most"));
        cr_expect_not_null(strstr(out.data, "44.0 MiB  22 %  721,514 x str\n"));
        cr_expect_not_null(strstr(out.data, "20.0 MiB  10 %  163,840 blocks of 128 B\n"));
        cr_expect_null(strstr(out.data, "Tiny"));
        cr_expect_null(strstr(out.data, " x code"));
        cr_expect_null(strstr(out.data, "begins with text"));
}

static json_t *parsed(const struct report *r)
{
        _cleanup_buf_ struct buf out = BUF_GROWING(256 << 20);
        json_error_t error;
        json_t *root;

        render("json", r, (struct render_style){.width = 80}, &out);
        for (size_t i = 0; i < out.len; i++)
                cr_assert((out.data[i] >= 0x20 && out.data[i] < 0x7f) || out.data[i] == '\n',
                          "byte %zu is no ASCII", i);
        root = json_loadb(out.data, out.len, 0, &error);
        cr_assert_not_null(root, "line %d: %s", error.line, error.text);
        return root;
}

Test(render, json_of_hostile_bytes_is_json)
{
        struct report r = fixture_hostile();
        json_t *root = parsed(&r);
        const char *comm = json_string_value(json_object_get(json_object_get(root, "process"), "comm"));

        /* What is UTF-8 comes back byte for byte, what is not as text. */
        cr_assert_not_null(comm);
        cr_expect_eq(
                strncmp(comm,
                        "\x1b[2J\x1b]0;pwned\a\r\nVerdict   all is well\xe2\x80\xae\\xff\\xc3(\"}],\\\t\x7f",
                        60),
                0, "%s", comm);
        json_decref(root);
}

Test(render, json_has_every_row_of_every_list)
{
        static const char *const lists[] = {"threads", "maps", "sockets", "fds", "missing"};
        struct report r = fixture_large(LARGE);
        json_t *root = parsed(&r), *threads = json_object_get(root, "threads");

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                cr_expect_eq(json_array_size(json_object_get(root, lists[i])), (size_t)LARGE, "%s", lists[i]);
        cr_expect_eq(json_array_size(json_object_get(root, "history")), (size_t)(4 * LARGE));
        /* Stacks that are shared are written out for each thread. */
        for (size_t i = 0; i < LARGE; i++)
                cr_expect_eq(json_array_size(json_object_get(json_array_get(threads, i), "frames")),
                             (size_t)7, "thread %zu", i);
        json_decref(root);
        pool_free(&r.pool);
}

Test(render, addresses_in_json_keep_all_their_bits)
{
        struct report r = fixture_hostile();
        json_t *root = parsed(&r), *map = json_array_get(json_object_get(root, "maps"), 0);

        cr_expect_str_eq(json_string_value(json_object_get(map, "start")), "0xfffffffffffffffe");
        json_decref(root);
}

Test(render, output_that_does_not_fit_says_so)
{
        struct report r = fixture_large(100);
        const struct render_style style = {.width = 80};

        for (size_t max = 0; max < 20000; max += 501) {
                _cleanup_buf_ struct buf text = BUF_GROWING(max), json = BUF_GROWING(max);

                render_text(&r, &style, &text);
                render_json(&r, &style, &json);
                cr_expect(text.cut && text.len <= max);
                cr_expect(json.cut && json.len <= max);
        }
        pool_free(&r.pool);
}

Test(render, every_format_is_named_in_messages_and_help)
{
#define RENDERER(name, purpose)                                                                              \
        cr_expect_not_null(renderer_find(#name));                                                            \
        cr_expect_not_null(strstr(renderer_names(), #name));                                                 \
        cr_expect_not_null(strstr(renderer_help(), purpose));
#include "render/renderers.def"
#undef RENDERER
        cr_expect_null(renderer_find("xml"));
        cr_expect_null(renderer_find(""));
}
