/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "bundle/writer.h"
#include "bundle/writer_name.h"
#include "fixture_disk.h"

#define TIME_NS UINT64_C(1795239761000000000) /* 2026-11-21T05:42:41Z */

static char root[] = "/tmp/swansong-test-writer.XXXXXX";
static int root_fd;

static void make_root(void)
{
        cr_assert_not_null(mkdtemp(root));
        root_fd = open(root, O_RDONLY | O_DIRECTORY);
}

static void remove_root(void)
{
        close(root_fd);
        dir_remove_tree(AT_FDCWD, root);
}

TestSuite(writer, .init = make_root, .fini = remove_root);

static struct bundle_writer *create(void)
{
        struct bundle_writer *w = NULL;
        struct diag d;

        cr_assert_eq(bundle_create(root_fd, root, "my db", 4711, TIME_NS, &w, &d), 0, "%s", d.text);
        return w;
}

static void finish(struct bundle_writer *w)
{
        struct diag d;

        cr_assert_eq(bundle_write_manifest(w, "{\"format\":1", 11), 0);
        cr_assert_eq(bundle_finish(w, &d), 0, "%s", d.text);
}

/* The manifest's entry for `path`; a borrowed reference. */
static json_t *entry(const struct bundle_writer *w, const char *path)
{
        static json_t *manifest;
        char name[512];
        json_t *row;
        size_t i;

        snprintf(name, sizeof(name), "%s/manifest.json", bundle_path(w));
        json_decref(manifest);
        manifest = json_load_file(name, 0, NULL);
        cr_assert_not_null(manifest, "the manifest is not JSON");
        json_array_foreach(json_object_get(manifest, "sections"), i,
                           row) if (strcmp(json_string_value(json_object_get(row, "path")), path) ==
                                    0) return row;
        return NULL;
}

static const char *text(json_t *row, const char *key)
{
        const char *s = json_string_value(json_object_get(row, key));

        return s ? s : "(null)";
}

static long long number(json_t *row, const char *key)
{
        return json_integer_value(json_object_get(row, key));
}

Test(writer, a_name_holds_no_byte_that_could_lead_elsewhere)
{
        static const struct {
                const char *comm, *name;
        } cases[] = {
                {"redis-server", "redis-server.1.20261121T054241Z.swansong"},
                {"a/../b", "a_.._b.1.20261121T054241Z.swansong"},
                {"..", "__.1.20261121T054241Z.swansong"},
                {".hidden.", "_hidden_.1.20261121T054241Z.swansong"},
                {"g++ x", "g++_x.1.20261121T054241Z.swansong"},
                {"new\nline\x1b[0m\xff", "new_line__0m_.1.20261121T054241Z.swansong"},
                {"", "_.1.20261121T054241Z.swansong"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct bundle_name n;

                bundle_name_make(cases[i].comm, 1, TIME_NS, 1, &n);
                cr_expect_str_eq(n.final, cases[i].name);
        }
}

Test(writer, a_section_is_a_file_of_ours_alone_and_a_line_of_the_manifest)
{
        struct bundle_writer *w = create();
        struct stat st;
        char path[512];

        section_put(w, "proc/4711/task/4712/stat", "hello", 5);
        finish(w);
        snprintf(path, sizeof(path), "%s/proc/4711/task/4712/stat", bundle_path(w));
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0600);
        cr_expect_eq(st.st_size, 5);
        cr_assert_eq(stat(bundle_path(w), &st), 0);
        cr_expect_eq(st.st_mode & 07777, 0700);
        cr_expect_str_eq(text(entry(w, "proc/4711/task/4712/stat"), "status"), "ok");
        cr_expect_eq(number(entry(w, "proc/4711/task/4712/stat"), "bytes"), 5);
        cr_expect_not(bundle_incomplete(w));
        bundle_writer_free(w);
}

Test(writer, partial_until_finished)
{
        struct bundle_writer *w = create();

        cr_expect(strstr(bundle_path(w), "/my_db.4711.20261121T054241Z.swansong.partial"), "%s",
                  bundle_path(w));
        finish(w);
        cr_expect_str_eq(strrchr(bundle_path(w), '.'), ".swansong");
        cr_expect_eq(access(bundle_path(w), F_OK), 0);
        bundle_writer_free(w);
}

Test(writer, bundles_of_the_same_second_do_not_touch_each_other)
{
        struct bundle_writer *a = create(), *b = create(), *c;

        cr_expect_str_neq(bundle_path(a), bundle_path(b));
        finish(a);
        finish(b);
        c = create();
        finish(c);
        cr_expect(strstr(bundle_path(b), "41Z.2.swansong"), "%s", bundle_path(b));
        cr_expect(strstr(bundle_path(c), "41Z.3.swansong"), "%s", bundle_path(c));
        bundle_writer_free(a);
        bundle_writer_free(b);
        bundle_writer_free(c);
}

Test(writer, a_number_is_not_given_out_again)
{
        struct bundle_writer *a = create(), *b, *c;

        finish(a);
        b = create();
        finish(b);
        cr_assert_eq(dir_remove_tree(AT_FDCWD, bundle_path(a)), 0);
        c = create();
        finish(c);
        cr_expect(strstr(bundle_path(c), "41Z.3.swansong"), "%s", bundle_path(c));
        bundle_writer_free(a);
        bundle_writer_free(b);
        bundle_writer_free(c);
}

Test(writer, a_number_comes_after_that_of_a_bundle_of_its_stem)
{
        static const struct {
                const char *other;
                unsigned number;
        } cases[] = {
                {"x.1.20261121T054241Z.swansong", 2},
                {"x.1.20261121T054241Z.7.swansong", 8},
                {"x.1.20261121T054241Z.7.swansong.partial", 8},
                {"x.1.20261121T054242Z.7.swansong", 1},
                {"x.1.20261121T054241Z.", 1},
                {"x.1.20261121T054241Z", 1},
                {"x.1.20261121T054241Z.99999999999999999999.swansong", 1},
                {"", 1},
        };
        struct bundle_name n;

        bundle_name_make("x", 1, TIME_NS, 1, &n);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect_eq(bundle_name_after(&n, cases[i].other), cases[i].number, "%s", cases[i].other);
}

Test(writer, a_name_taken_meanwhile_is_not_overwritten)
{
        struct bundle_writer *w = create();
        char taken[512];

        snprintf(taken, sizeof(taken), "%s/my_db.4711.20261121T054241Z.swansong", root);
        cr_assert_eq(mkdir(taken, 0700), 0);
        finish(w);
        cr_expect(strstr(bundle_path(w), "41Z.2.swansong"), "%s", bundle_path(w));
        bundle_writer_free(w);
}

Test(writer, what_could_not_be_had_says_why_and_leaves_no_file)
{
        struct bundle_writer *w = create();
        char path[512];

        section_begin(w, "proc/1/io", false);
        section_end(w, SECTION_MISSING, EACCES, NULL);
        section_missing(w, "proc/allocinfo", true, ENOENT, NULL);
        finish(w);
        snprintf(path, sizeof(path), "%s/proc/1/io", bundle_path(w));
        cr_expect_eq(access(path, F_OK), -1);
        cr_expect_str_eq(text(entry(w, "proc/1/io"), "status"), "missing");
        cr_expect_eq(number(entry(w, "proc/1/io"), "errno"), EACCES);
        cr_expect_str_eq(text(entry(w, "proc/allocinfo"), "reason"), "No such file or directory");
        cr_expect(bundle_incomplete(w));
        bundle_writer_free(w);
}

Test(writer, an_optional_loss_leaves_the_bundle_complete)
{
        struct bundle_writer *w = create();

        section_missing(w, "proc/allocinfo", true, ENOENT, NULL);
        cr_expect_not(bundle_incomplete(w));
        bundle_discard(w);
        bundle_writer_free(w);
}

Test(writer, a_family_is_one_line_however_many_files)
{
        struct section_family f = {.path = "proc/1/task/*/stat"};
        struct bundle_writer *w = create();

        for (int i = 0; i < 100; i++) {
                char path[64];

                snprintf(path, sizeof(path), "proc/1/task/%d/stat", i);
                section_begin_in(w, &f, path);
                section_write(w, "0123456789", 10);
                section_end(w, SECTION_OK, 0, NULL);
        }
        section_missing_in(&f, EACCES, NULL);
        family_end(w, &f, SECTION_OK, 0, NULL);
        finish(w);
        cr_expect_eq(number(entry(w, f.path), "files"), 100);
        cr_expect_eq(number(entry(w, f.path), "bytes"), 1000);
        cr_expect_str_eq(text(entry(w, f.path), "status"), "cut");
        cr_expect_str_eq(text(entry(w, f.path), "reason"), "1 of 101: Permission denied");
        cr_expect_null(entry(w, "proc/1/task/5/stat"));
        bundle_writer_free(w);
}

Test(writer, a_section_whose_writer_was_killed_keeps_every_byte)
{
        static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct bundle_writer *w = create();
                char path[512];
                struct stat st;
                pid_t child = fork();

                if (child == 0) {
                        section_begin(w, "proc/1/smaps", false);
                        for (size_t n = 0; n < sizes[i]; n++)
                                section_write(w, "x", 1);
                        kill(getpid(), SIGKILL);
                }
                waitpid(child, NULL, 0);
                cr_expect(section_abandon(w, SECTION_CUT, ETIME, "the read did not return"));
                finish(w);
                cr_expect_str_eq(text(entry(w, "proc/1/smaps"), "status"), sizes[i] ? "cut" : "missing");
                cr_expect_eq(number(entry(w, "proc/1/smaps"), "bytes"), (long long)sizes[i]);
                snprintf(path, sizeof(path), "%s/proc/1/smaps", bundle_path(w));
                cr_expect_eq(stat(path, &st) == 0 ? st.st_size : 0, (off_t)sizes[i]);
                bundle_writer_free(w);
        }
}

Test(writer, hostile_text_leaves_the_manifest_json)
{
        static const char path[] = "sys/fs/cgroup/a\"b\\c\n\x1b\xff";
        struct bundle_writer *w = create();

        section_put(w, path, "x", 1);
        section_missing(w, "x", true, 0, "because \"\n\xc3");
        finish(w);
        cr_expect_not_null(entry(w, "x"));
        bundle_writer_free(w);
}

Test(writer, a_full_disk_cuts_the_sections_and_not_the_manifest)
{
        struct bundle_writer *w = NULL;
        char chunk[4096] = {1};
        struct diag d;
        struct small_disk disk;

        small_disk_make(&disk);
        cr_expect_eq(bundle_create(disk.dir, disk.path, "x", 1, TIME_NS, &w, &d), 0, "%s", d.text);
        cr_expect_eq(bundle_write_manifest(w, "{\"format\":1", 11), 0);
        section_begin(w, "core", false);
        for (int i = 0; i < 1000; i++)
                section_write(w, chunk, sizeof(chunk));
        section_end(w, SECTION_OK, 0, NULL);
        section_put(w, "proc/1/stat", "y", 1);
        finish(w);
        cr_expect_str_eq(text(entry(w, "core"), "status"), "cut");
        cr_expect_eq(number(entry(w, "core"), "errno"), ENOSPC);
        cr_expect_str_eq(text(entry(w, "proc/1/stat"), "status"), "missing");
        cr_expect(bundle_incomplete(w));
        bundle_writer_free(w);
        small_disk_done(&disk);
}

Test(writer, a_bundle_with_one_manifest_has_it_on_a_full_disk)
{
        struct bundle_writer *w = NULL;
        struct diag d;
        struct small_disk disk;

        small_disk_make(&disk);
        cr_expect_eq(bundle_create(disk.dir, disk.path, "x", 1, TIME_NS, &w, &d), 0, "%s", d.text);
        small_disk_fill(&disk, 0);
        section_put(w, "maps", "y", 1);
        finish(w);
        cr_expect_str_eq(text(entry(w, "maps"), "status"), "missing");
        cr_expect_eq(faccessat(bundle_fd(w), "manifest.json.first", F_OK, 0), -1);
        bundle_writer_free(w);
        small_disk_done(&disk);
}

Test(writer, what_still_fitted_of_a_small_section_is_kept)
{
        static const char data[6 * 4096] = {1};
        struct bundle_writer *w = NULL;
        struct diag d;
        struct stat st;
        struct small_disk disk;

        small_disk_make(&disk);
        cr_expect_eq(bundle_create(disk.dir, disk.path, "x", 1, TIME_NS, &w, &d), 0, "%s", d.text);
        small_disk_fill(&disk, 2 * 4096);
        section_put(w, "recorder", data, sizeof(data));
        finish(w);
        cr_expect_str_eq(text(entry(w, "recorder"), "status"), "cut");
        cr_expect_eq(fstatat(bundle_fd(w), "recorder", &st, 0), 0);
        cr_expect_gt(st.st_size, 0);
        cr_expect_eq(number(entry(w, "recorder"), "bytes"), (long long)st.st_size);
        bundle_writer_free(w);
        small_disk_done(&disk);
}

Test(writer, sections_from_memory_that_do_not_fit_are_said)
{
        static const char data[6 * 4096] = {1};
        struct bundle_writer *w = NULL;
        struct diag d;
        struct small_disk disk;

        small_disk_make(&disk);
        cr_expect_eq(bundle_create_in_memory(1 << 20, 4096, &w), 0);
        section_put(w, "a", "x", 1);
        section_put(w, "b", data, sizeof(data));
        section_put(w, "c", data, sizeof(data));
        small_disk_fill(&disk, 2 * 4096 + 65536);
        cr_expect_eq(bundle_write_out(w, disk.dir, disk.path, "x", 1, TIME_NS, &d), -ENOSPC);
        finish(w);
        cr_expect_str_eq(text(entry(w, "*"), "status"), "cut");
        cr_expect_eq(number(entry(w, "*"), "errno"), ENOSPC);
        cr_expect_eq(number(entry(w, "*"), "files"), 1);
        cr_expect_str_eq(text(entry(w, "*"), "reason"), "2 of 3 files could not be written in full");
        cr_expect_eq(faccessat(bundle_fd(w), "c", F_OK, 0), -1);
        cr_expect(bundle_incomplete(w));
        bundle_writer_free(w);
        small_disk_done(&disk);
}

Test(writer, nothing_is_left_when_nothing_can_be_made)
{
        struct bundle_writer *w = NULL;
        struct diag d;
        int null = open("/dev/null", O_RDONLY);

        cr_expect_eq(bundle_create(null, "/dev/null", "x", 1, TIME_NS, &w, &d), -ENOTDIR);
        cr_expect(strstr(d.text, "/dev/null"), "%s", d.text);
        cr_expect_null(w);
        close(null);
}

Test(writer, without_descriptors_nothing_is_left)
{
        struct rlimit was, few;
        struct bundle_writer *w = NULL;
        struct diag d;
        _cleanup_fd_ int dir = open(root, O_RDONLY | O_DIRECTORY);
        int left = dup(dir); /* room for one more: the directory's own, and none for the bundle's */

        cr_assert_geq(left, 0);
        close(left);
        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
        few = was;
        few.rlim_cur = (rlim_t)left + 1;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        cr_expect_eq(bundle_create(dir, root, "my db", 4711, TIME_NS, &w, &d), -EMFILE);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
        cr_expect_eq(rmdir(root), 0, "nothing in it");
        cr_assert_eq(mkdir(root, 0700), 0);
}

Test(writer, a_discarded_bundle_leaves_nothing)
{
        struct bundle_writer *w = create();
        char path[512];

        snprintf(path, sizeof(path), "%s", bundle_path(w));
        section_put(w, "a/b/c", "x", 1);
        bundle_discard(w);
        bundle_writer_free(w);
        cr_expect_eq(access(path, F_OK), -1);
}
