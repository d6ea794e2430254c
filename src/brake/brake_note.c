/* SPDX-License-Identifier: MIT */
#include "brake/brake_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/recorder/recorder_dir.h"
#include "base/scan.h"

#define HEADING "swansong brake 1\n"

static void add_value(struct buf *b, uint64_t value, char end)
{
        if (value == KNOB_MAX)
                buf_str(b, "max");
        else
                buf_printf(b, "%llu", (unsigned long long)value);
        buf_char(b, end);
}

int brake_note_format(const struct brake_note *n, char out[BRAKE_NOTE_TEXT])
{
        struct buf b = BUF_FIXED(out, BRAKE_NOTE_TEXT);

        if (strchr(n->dir, '\n'))
                return -EINVAL;
        buf_printf(&b, HEADING "%s\n", n->dir);
        for (unsigned i = 0; i < n->n; i++) {
                buf_printf(&b, "%s ", n->knobs[i].file);
                add_value(&b, n->knobs[i].original, ' ');
                add_value(&b, n->knobs[i].ours, '\n');
        }
        return (int)b.len;
}

/* "max" or a number, up to `end`. */
static bool scan_value(struct scan *s, const char *end, uint64_t *ret)
{
        struct scan word;

        return scan_until(s, end, &word) && knob_parse(word.at, scan_left(&word), ret) == 0;
}

int brake_note_parse(const char *text, size_t len, struct brake_note *ret)
{
        struct scan s = scan_of(text, len), word;

        ret->n = 0;
        if (!scan_word(&s, HEADING) || !scan_until(&s, "\n", &word) || scan_left(&word) >= sizeof(ret->dir) ||
            word.at == word.end || *word.at != '/' || memchr(word.at, '\0', scan_left(&word)))
                return -EINVAL;
        scan_copy(&word, ret->dir, sizeof(ret->dir));
        while (scan_left(&s) > 0) {
                struct knob *k = &ret->knobs[ret->n];

                if (ret->n == BRAKE_KNOBS || !scan_until(&s, " ", &word))
                        return -EINVAL;
                *k = (struct knob){.file = knob_file(word.at, scan_left(&word)), .fd = -1};
                if (!k->file || !scan_value(&s, " ", &k->original) || !scan_value(&s, "\n", &k->ours))
                        return -EINVAL;
                ret->n++;
        }
        return 0;
}

int brake_notes_open(bool create, struct diag *d)
{
        const char *runtime = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
        char path[PATH_MAX];
        int r = recorder_dir_path(0, geteuid(), runtime, path);

        if (r < 0)
                return diag_set(
                        d, r, "$XDG_RUNTIME_DIR is not set: there is no place to note what a brake changes");
        r = recorder_dir_open(path, geteuid(), create);
        if (r < 0)
                diag_set(d, r, "%s: cannot note there what a brake changes: %s", path,
                         r == -EPERM ? "it belongs to somebody else, or is open to others" : strerror(-r));
        return r;
}

int brake_note_name(int group_fd, char out[BRAKE_NOTE_NAME])
{
        struct stat st;

        if (fstat(group_fd, &st) < 0)
                return -errno;
        snprintf(out, BRAKE_NOTE_NAME, "brake.%llx.%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        return 0;
}

int brake_note_write(int notes_fd, const char *name, const struct brake_note *n)
{
        _cleanup_fd_ int fd = openat(notes_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        char text[BRAKE_NOTE_TEXT], link[64];
        int len = brake_note_format(n, text), r;

        if (len < 0)
                return len;
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, text, (size_t)len);
        if (r < 0)
                return r;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, link, notes_fd, name, AT_SYMLINK_FOLLOW) < 0)
                return -errno;
        return take_fd(&fd);
}

void brake_note_remove(int notes_fd, const char *name, int note_fd)
{
        struct stat ours, there;

        if (fstat(note_fd, &ours) == 0 && fstatat(notes_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
                unlinkat(notes_fd, name, 0);
}
