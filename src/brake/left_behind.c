/* SPDX-License-Identifier: MIT */
#include "brake/left_behind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "brake/brake_note.h"

/* Put back what the note says.  -ENOENT: there is no such group any more. */
static int restore(struct brake_note *note, const char *name)
{
        _cleanup_fd_ int dir = open(note->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        char now[BRAKE_NOTE_NAME];
        int first = 0, r = dir < 0 ? -errno : brake_note_name(dir, now);

        if (r < 0)
                return r;
        if (strcmp(now, name) != 0) /* another group has that name now */
                return -ENOENT;
        for (unsigned i = note->n; i-- > 0;) {
                struct knob *k = &note->knobs[i], opened;

                r = knob_open(dir, k->file, &opened);
                if (r == 0) {
                        k->fd = opened.fd;
                        r = knob_restore(k);
                        knob_close(k);
                }
                if (first == 0)
                        first = r;
        }
        return first;
}

static void undo(int notes_fd, const char *name, void (*say)(const struct diag *d))
{
        _cleanup_fd_ int fd = openat(notes_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        static struct brake_note note;
        char text[BRAKE_NOTE_TEXT];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat st;
        struct diag d;
        int r;

        /* Locked: somebody looks after it. */
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return;
        /* Removed by its owner just before his end: it has been undone. */
        if (fstat(fd, &st) < 0 || st.st_nlink == 0)
                return;
        r = file_read_fd(fd, &b);
        if (r == 0)
                r = brake_note_parse(text, b.len, &note);
        if (r < 0) {
                diag_set(&d, 0, "%s: not a brake's note; remove it from swansong's runtime directory", name);
                say(&d);
                return;
        }
        r = restore(&note, name);
        if (r == 0 || r == -ENOENT)
                brake_note_remove(notes_fd, name, fd);
        if (r == -ENOENT)
                return;
        diag_set(&d, 0,
                 r == 0 ? "a brake was left behind when swansong was killed, and is undone now: %s"
                        : "a brake was left behind when swansong was killed, and cannot be undone: %s: %s",
                 note.dir, strerror(-r));
        say(&d);
}

void left_behind_undo(void (*say)(const struct diag *d))
{
        _cleanup_fd_ int notes_fd = brake_notes_open(false, NULL);
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;

        if (notes_fd < 0 || dir_open_at(notes_fd, ".", &dir) < 0)
                return;
        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, "brake.", 6) == 0)
                        undo(notes_fd, entry->d_name, say);
}
