/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "trigger/pressure_watch.h"
#include "trigger/conditions/psi_text.h"

Test(psi_text, takes_what_the_kernel_takes)
{
        static const struct {
                const char *text;
                int r;
                const char *kernel;
        } cases[] = {
                {"some 100ms/1s", 0, "some 100000 1000000"},
                {"full 50ms/2s", 0, "full 50000 2000000"},
                {"100ms/1s", 0, "some 100000 1000000"},
                {"some  1s/1s", 0, "some 1000000 1000000"},
                {"some 0.5ms/500ms", 0, "some 500 500000"},
                {"some 100ms/0.4s", -ERANGE, NULL},
                {"some 100ms/11s", -ERANGE, NULL},
                {"some 2s/1s", -ERANGE, NULL},
                {"some 0ms/1s", -ERANGE, NULL},
                {"some 100/1", -EINVAL, NULL},
                {"some 100 ms/1s", -EINVAL, NULL},
                {"some", -EINVAL, NULL},
                {"some100ms/1s", -EINVAL, NULL},
                {"most 100ms/1s", -EINVAL, NULL},
                {"some 100ms", -EINVAL, NULL},
                {"some 100ms/1s/1s", -EINVAL, NULL},
                {"some 100000000000000000000000ms/1s", -EINVAL, NULL},
                {"", -EINVAL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct psi_trigger t;
                char text[PSI_TRIGGER_TEXT];

                cr_assert_eq(psi_trigger_parse(cases[i].text, &t), cases[i].r, "'%s'", cases[i].text);
                if (cases[i].r == 0)
                        cr_expect_str_eq(psi_trigger_format(&t, text), cases[i].kernel);
        }
}

Test(pressure_watch, refuses_what_is_no_path_or_no_base64)
{
        static const struct {
                const char *path, *bytes;
                int r;
                size_t n;
        } cases[] = {
                {"/a/memory.pressure", "c29tZSAyMDAwMDAgMjAwMDAwMAA=", 0, 20},
                {"/a/memory.pressure", NULL, 0, 0},
                {"/a/memory.pressure", "", 0, 0},
                {"/dev/null", "not base64 at all", 0, 0},
                {"memory.pressure", NULL, -EINVAL, 0},
                {"", NULL, -EINVAL, 0},
                {"/a", "c29tZ", -EINVAL, 0},
                {"/a", "\x1b[2J", -EINVAL, 0},
        };
        struct pressure_watch w;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct diag d = {0};

                cr_assert_eq(pressure_watch_parse(cases[i].path, cases[i].bytes, &w, &d), cases[i].r, "%zu",
                             i);
                cr_expect_eq(d.text[0] == '\0', cases[i].r == 0, "%zu", i);
                cr_expect(!strchr(d.text, '\x1b'));
                if (cases[i].r == 0)
                        cr_expect_eq(w.n_bytes, cases[i].n, "%zu", i);
        }
}

Test(pressure_watch, refuses_more_than_it_can_hold)
{
        static char path[PATH_MAX + 8], bytes[4096];
        struct pressure_watch w;
        struct diag d;

        memset(path, '/', sizeof(path) - 1);
        memset(bytes, 'A', sizeof(bytes) - 4);
        cr_expect_eq(pressure_watch_parse(path, NULL, &w, &d), -EINVAL);
        cr_expect_eq(pressure_watch_parse("/a", bytes, &w, &d), -EINVAL);
}

static char name[] = "/tmp/swansong-pressure.XXXXXX";

static void set_up(void)
{
        cr_assert(mkdtemp(name));
        cr_assert_eq(chdir(name), 0);
}

static void tear_down(void)
{
        unlink("fifo");
        unlink("socket");
        cr_expect_eq(rmdir(name), 0);
}

TestSuite(pressure_watch_open, .init = set_up, .fini = tear_down);

static int open_it(const char *file, struct event_source *ret)
{
        static struct pressure_watch w;
        struct diag d;
        char path[64];

        snprintf(path, sizeof(path), "%s/%s", name, file);
        cr_assert_eq(pressure_watch_parse(path, "aGk=", &w, &d), 0);
        return pressure_watch_open(&w, ret, &d);
}

Test(pressure_watch_open, tells_the_other_side_of_a_fifo_and_hears_it)
{
        struct event_source s;
        char bytes[8];
        int other;

        cr_assert_eq(mkfifo("fifo", 0600), 0);
        cr_assert_eq(open_it("fifo", &s), 0);
        cr_expect_eq(s.kind, EVENT_BYTES);
        other = open("fifo", O_RDONLY | O_NONBLOCK);
        cr_expect_eq(read(other, bytes, sizeof(bytes)), 2);
        cr_expect_eq(memcmp(bytes, "hi", 2), 0);
        close(other);
        close(s.fd);
}

Test(pressure_watch_open, connects_to_a_socket)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
        int ours = socket(AF_UNIX, SOCK_STREAM, 0), other;
        struct event_source s;
        char bytes[8];

        cr_assert_eq(bind(ours, (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(listen(ours, 1), 0);
        cr_assert_eq(open_it("socket", &s), 0);
        cr_expect_eq(s.kind, EVENT_BYTES);
        other = accept(ours, NULL, NULL);
        cr_expect_eq(read(other, bytes, sizeof(bytes)), 2);
        close(other);
        close(ours);
        close(s.fd);
}

Test(pressure_watch_open, refuses_a_directory_and_what_is_not_there)
{
        struct event_source s;

        cr_expect_eq(open_it("none", &s), -ENOENT);
        cr_expect_eq(open_it("", &s), -EINVAL);
}
