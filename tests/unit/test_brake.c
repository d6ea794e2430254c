/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "brake/brake_note.h"
#include "brake/guard.h"

Test(brake, reads_the_kernels_texts)
{
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                {"max\n", 0, KNOB_MAX},
                {"67108864\n", 0, 67108864},
                {"9223372036854771712\n", 0, 9223372036854771712u}, /* v1: no limit */
                {"oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", 0, 1},
                {"oom_kill_disable 0\nunder_oom 1\n", 0, 0}, /* before Linux 4.13 */
                {"", -EINVAL, 0},
                {"oom_kill_disable \n", -EINVAL, 0},
                {"-1\n", -EINVAL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t value = 0;

                cr_expect_eq(knob_parse(cases[i].text, strlen(cases[i].text), &value), cases[i].r, "%s",
                             cases[i].text);
                cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
        }
}

static const struct brake_note sample = {
        .dir = "/sys/fs/cgroup/memory/with a blank",
        .n = 2,
        .knobs = {{.file = "memory.high", .fd = -1, .original = KNOB_MAX, .ours = 4096},
                  {.file = "memory.limit_in_bytes", .fd = -1, .original = 67108864, .ours = 71303168}}};

Test(brake, a_note_comes_back_as_it_was)
{
        char text[BRAKE_NOTE_TEXT];
        struct brake_note back;
        int len = brake_note_format(&sample, text);

        cr_assert_str_eq(text, "swansong brake 1\n/sys/fs/cgroup/memory/with a blank\nmemory.high max 4096\n"
                               "memory.limit_in_bytes 67108864 71303168\n");
        cr_assert_eq(brake_note_parse(text, (size_t)len, &back), 0);
        cr_expect_str_eq(back.dir, sample.dir);
        cr_assert_eq(back.n, 2);
        for (unsigned i = 0; i < 2; i++) {
                cr_expect_str_eq(back.knobs[i].file, sample.knobs[i].file);
                cr_expect_eq(back.knobs[i].original, sample.knobs[i].original);
                cr_expect_eq(back.knobs[i].ours, sample.knobs[i].ours);
                cr_expect_eq(back.knobs[i].fd, -1);
        }
}

Test(brake, a_note_cut_anywhere_is_refused_or_shorter_by_whole_lines)
{
        char text[BRAKE_NOTE_TEXT];
        struct brake_note back;
        int len = brake_note_format(&sample, text);

        for (int cut = 0; cut < len; cut++)
                if (brake_note_parse(text, (size_t)cut, &back) == 0)
                        cr_expect_eq(text[cut - 1], '\n', "accepted at %d", cut);
}

Test(brake, a_note_that_names_another_file_is_refused)
{
        static const char *const texts[] = {
                "swansong brake 1\n/sys/fs/cgroup/x\n../../../etc/passwd 0 1\n",
                "swansong brake 1\n/sys/fs/cgroup/x\ncgroup.procs 0 1\n",
                "swansong brake 1\nrelative\nmemory.high 0 1\n",
                "swansong brake 1\n/x\nmemory.high 1 2\nmemory.high 1 2\nmemory.high 1 2\nmemory.high 1 2\n",
                "swansong brake 2\n/sys/fs/cgroup/x\nmemory.high 0 1\n",
        };
        struct brake_note back;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                cr_expect_eq(brake_note_parse(texts[i], strlen(texts[i]), &back), -EINVAL, "%s", texts[i]);
}

Test(brake, a_group_with_a_newline_in_its_name_is_not_braked)
{
        static struct brake_note n = {.dir = "/sys/fs/cgroup/a\nb"};
        char text[BRAKE_NOTE_TEXT];

        cr_expect_eq(brake_note_format(&n, text), -EINVAL);
}

Test(brake, one_note_for_a_group_locked_while_its_writer_lives)
{
        char dir[] = "/tmp/swansong-unit.XXXXXX", text[64] = "";
        struct stat st;
        int fd, other, note;

        cr_assert(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY);
        note = brake_note_write(fd, "brake.1.2", &sample);
        cr_assert_geq(note, 0);
        cr_expect_eq(brake_note_write(fd, "brake.1.2", &sample), -EEXIST);
        other = openat(fd, "brake.1.2", O_RDONLY);
        cr_assert_geq(other, 0);
        cr_assert_eq(fstat(other, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600u);
        cr_expect_gt(read(other, text, sizeof(text)), 0);
        cr_expect_eq(strncmp(text, "swansong brake 1\n", 17), 0);
        cr_expect_eq(flock(other, LOCK_EX | LOCK_NB), -1);
        close(note);
        cr_expect_eq(flock(other, LOCK_EX | LOCK_NB), 0);
        /* A newer one of that name is not removed for an old one. */
        cr_assert_eq(unlinkat(fd, "brake.1.2", 0), 0);
        note = brake_note_write(fd, "brake.1.2", &sample);
        cr_assert_geq(note, 0);
        brake_note_remove(fd, "brake.1.2", other);
        cr_expect_eq(faccessat(fd, "brake.1.2", F_OK, 0), 0);
        brake_note_remove(fd, "brake.1.2", note);
        cr_expect_eq(faccessat(fd, "brake.1.2", F_OK, 0), -1);
        close(note);
        close(other);
        close(fd);
        cr_expect_eq(rmdir(dir), 0);
}

/* An ordinary file behaves as a control file does, but for the kernel's opinion. */
static void make_file(int dirfd, const char *text)
{
        int fd = openat(dirfd, "memory.high", O_WRONLY | O_CREAT | O_TRUNC, 0600);

        cr_assert_eq(file_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

Test(brake, what_somebody_else_has_set_is_left_alone)
{
        char dir[] = "/tmp/swansong-unit.XXXXXX";
        struct knob k;
        uint64_t now;
        int fd;

        cr_assert(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY);
        make_file(fd, "8000\n");
        cr_assert_eq(knob_open(fd, "memory.high", &k), 0);
        k.ours = 4000;
        cr_expect_eq(knob_apply(&k), 0);
        cr_expect(knob_read(&k, &now) == 0 && now == 4000);
        cr_expect_eq(knob_apply(&k), -ESTALE); /* no longer what it was */
        cr_expect_eq(knob_restore(&k), 0);
        cr_expect(knob_read(&k, &now) == 0 && now == 8000);
        cr_expect_eq(knob_apply(&k), 0);
        make_file(fd, "5000\n");
        cr_expect_eq(knob_restore(&k), 0);
        cr_expect(knob_read(&k, &now) == 0 && now == 5000);
        knob_close(&k);
        unlinkat(fd, "memory.high", 0);
        close(fd);
        cr_expect_eq(rmdir(dir), 0);
}

Test(brake, counts_how_often_memory_high_was_passed)
{
        static const char text[] = "low 0\nhigh 17\nmax 3\noom 0\noom_kill 0\n";

        cr_expect_eq(guard_high_count(text, strlen(text)), 17);
        cr_expect_eq(guard_high_count("low 0\n", 6), 0);
        cr_expect_eq(guard_high_count("", 0), 0);
}
