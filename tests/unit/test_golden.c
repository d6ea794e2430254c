/* SPDX-License-Identifier: MIT */
/* Whole reports against the files in tests/golden, byte by byte.  `make golden` writes them anew; then look at the
 * difference before you commit it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>

#include "base/file.h"
#include "fixture_report.h"
#include "fixture_system.h"
#include "render/renderer.h"

#define PATH "tests/golden/%s"

static void refresh(const char *path, const struct buf *is)
{
        _cleanup_file_ FILE *f = fopen(path, "we");

        cr_assert_not_null(f, "%s cannot be written", path);
        cr_assert_eq(fwrite(is->data, 1, is->len, f), is->len);
}

static void compare(const char *name, const char *format, struct report r, struct render_style style)
{
        _cleanup_buf_ struct buf is = BUF_GROWING(1 << 20), should = BUF_GROWING(1 << 20);
        char path[128];
        size_t same = 0;

        snprintf(path, sizeof(path), PATH, name);
        setlocale(LC_CTYPE, "C.UTF-8");
        renderer_find(format)(&r, &style, &is);
        cr_assert(!is.cut);
        if (getenv("GOLDEN_REFRESH")) {
                refresh(path, &is);
                return;
        }
        cr_assert_eq(file_read_at(AT_FDCWD, path, &should), 0, "%s: run the tests from the top directory",
                     path);
        while (same < is.len && same < should.len && is.data[same] == should.data[same])
                same++;
        cr_expect(is.len == should.len && same == is.len,
                  "%s differs from byte %zu on: is '%.60s', should be '%.60s'", path, same, is.data + same,
                  should.data + same);
}

Test(golden, a_leak_on_a_narrow_terminal)
{
        compare("leak.80.txt", "text", fixture_leak(), (struct render_style){.width = 80});
}

Test(golden, a_leak_on_a_wide_terminal)
{
        compare("leak.140.txt", "text", fixture_leak(), (struct render_style){.width = 140});
}

Test(golden, a_leak_in_color)
{
        compare("leak.color.txt", "text", fixture_leak(), (struct render_style){.width = 100, .color = true});
}

Test(golden, a_leak_as_json)
{
        compare("leak.json", "json", fixture_leak(), (struct render_style){.width = 100});
}

Test(golden, a_kill)
{
        compare("killed.80.txt", "text", fixture_killed(), (struct render_style){.width = 80});
}

Test(golden, a_kill_as_json)
{
        compare("killed.json", "json", fixture_killed(), (struct render_style){.width = 80});
}

Test(golden, the_machine_alone)
{
        compare("machine.80.txt", "text", fixture_machine(), (struct render_style){.width = 80});
}

Test(golden, the_machine_alone_as_json)
{
        compare("machine.json", "json", fixture_machine(), (struct render_style){.width = 80});
}

Test(golden, a_recorded_heap)
{
        compare("recorded.80.txt", "text", fixture_recorded(), (struct render_style){.width = 80});
}

Test(golden, a_recorded_heap_as_json)
{
        compare("recorded.json", "json", fixture_recorded(), (struct render_style){.width = 80});
}

Test(golden, nothing_known)
{
        compare("unknown.txt", "text", fixture_unknown(), (struct render_style){.width = 80});
}

Test(golden, nothing_known_as_json)
{
        compare("unknown.json", "json", fixture_unknown(), (struct render_style){.width = 80});
}

Test(golden, bytes_that_would_do_harm)
{
        compare("hostile.txt", "text", fixture_hostile(), (struct render_style){.width = 80});
}

Test(golden, bytes_that_would_do_harm_as_json)
{
        compare("hostile.json", "json", fixture_hostile(), (struct render_style){.width = 80});
}
