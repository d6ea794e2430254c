/* SPDX-License-Identifier: MIT */
/* How it stays whole: the rows of the manifest (writer_ledger.h) and the bytes that are not yet in a file
 * live in a shared mapping, so that the process which collects may be killed while it hangs in the kernel,
 * and the one that waits for it still has everything (section_abandon).
 *
 * Nothing is fsync'ed.  The page cache outlives the target, us, and the OOM killer; only a machine that goes
 * down within the next seconds would lose it, while an fsync on a disk that is busy swapping blocks for as
 * long as it likes, at the very moment when there is no time.
 *
 * File names below the bundle are made with O_EXCL and O_NOFOLLOW through directory fds: a bundle in a
 * directory that others can write to leads nowhere else. */
#include "bundle/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "bundle/writer_internal.h"

#define MANIFEST       "manifest.json"
#define MANIFEST_NEW   "manifest.json.new"
#define MANIFEST_FIRST "manifest.json.first" /* for a moment */

/* Room on the disk that is kept for the last manifest: it must be written even when the sections filled the
 * disk. A manifest has about 200 rows of 170 bytes. */
#define MANIFEST_RESERVE_BYTES 65536

static int path_update(struct bundle_writer *w)
{
        size_t n = strlen(w->parent_name);
        char *path;

        if (asprintf(&path, "%s%s%s", w->parent_name, n > 0 && w->parent_name[n - 1] == '/' ? "" : "/",
                     w->partial ? w->name.partial : w->name.final) < 0)
                return -ENOMEM;
        free(w->path);
        w->path = path;
        return 0;
}

/* The reserve is best effort: not every file system can promise room (EOPNOTSUPP), and on a nearly full one
 * the evidence is worth more. */
static void manifest_reserve(struct bundle_writer *w)
{
        _cleanup_fd_ int fd = bundle_file_make(w->fd, MANIFEST_NEW);

        if (fd >= 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, MANIFEST_RESERVE_BYTES) < 0)
                unlinkat(w->fd, MANIFEST_NEW, 0);
}

static int writer_new(struct bundle_writer **ret)
{
        struct bundle_writer *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->parent_fd = w->fd = w->section_fd = w->dir_fd = -1;
        w->ledger = ledger_new();
        if (!w->ledger) {
                bundle_writer_free(w);
                return -ENOMEM;
        }
        *ret = w;
        return 0;
}

/* The number behind those of the bundles that there are: 1 in a directory that may not be read. */
static unsigned first_number(int dirfd, const struct bundle_name *name)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        unsigned first = 1;

        if (dir_open_at(dirfd, ".", &dir) < 0)
                return first;
        while ((entry = readdir(dir))) {
                unsigned after = bundle_name_after(name, entry->d_name);

                first = after > first ? after : first;
        }
        return first;
}

/* Make the directory under its .partial name and open it. */
static int bundle_place(struct bundle_writer *w, int dirfd, const char *dir_name, const char *comm, pid_t pid,
                        uint64_t realtime_ns, struct diag *d)
{
        int r;

        w->parent_name = strdup(dir_name);
        w->parent_fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
        r = w->parent_fd < 0 ? -errno : w->parent_name ? 0 : -ENOMEM;
        bundle_name_make(comm, pid, realtime_ns, 1, &w->name);
        if (r == 0)
                bundle_name_retry(&w->name, first_number(w->parent_fd, &w->name), &w->name);
        for (unsigned tries = 0; r == 0; tries++) {
                struct stat st;

                if (fstatat(w->parent_fd, w->name.final, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        errno = EEXIST;
                else if (mkdirat(w->parent_fd, w->name.partial, 0700) == 0)
                        break;
                if (errno != EEXIST || tries >= BUNDLE_NAME_TRIES)
                        r = -errno;
                bundle_name_retry(&w->name, w->name.try + 1, &w->name);
        }
        if (r < 0)
                return diag_set(d, r, "%s: cannot make a bundle there: %s", dir_name, strerror(-r));
        w->partial = true;
        w->fd = openat(w->parent_fd, w->name.partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = w->fd < 0 ? -errno : path_update(w);
        if (r < 0) {
                diag_set(d, r, "%s: cannot open the new bundle: %s", dir_name, strerror(-r));
                bundle_discard(w);
                return r;
        }
        manifest_reserve(w);
        return 0;
}

int bundle_create(int dirfd, const char *dir_name, const char *comm, pid_t pid, uint64_t realtime_ns,
                  struct bundle_writer **ret, struct diag *d)
{
        struct bundle_writer *w;
        int r = writer_new(&w);

        if (r < 0)
                return diag_set(d, r, "%s", strerror(-r));
        r = bundle_place(w, dirfd, dir_name, comm, pid, realtime_ns, d);
        if (r < 0) {
                bundle_writer_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

int bundle_create_in_memory(size_t most_bytes, size_t touched_bytes, struct bundle_writer **ret)
{
        struct bundle_writer *w;
        int r = writer_new(&w);

        if (r < 0)
                return r;
        r = spool_make(most_bytes, touched_bytes, &w->spool);
        if (r < 0) {
                bundle_writer_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

/* What the disk did not take. */
struct write_out {
        unsigned files, lost;
        int error; /* -errno of the first */
};

/* One file did not get all its bytes: of one that has none, nothing is left. */
static void file_lost(struct bundle_writer *w, const char *path, int error, struct write_out *o,
                      struct diag *d)
{
        struct stat st;

        o->lost++;
        if (w->section_fd >= 0 && fstat(w->section_fd, &st) == 0 && st.st_size == 0)
                unlinkat(w->fd, path, 0);
        if (o->error == 0)
                o->error = diag_set(d, error, "%s/%s: %s", w->path, path, strerror(-error));
}

/* The rows say what was had in memory, this one what became of it. */
static void losses_note(struct bundle_writer *w, const struct write_out *o)
{
        uint64_t now = clock_monotonic_ns();
        char reason[96];

        snprintf(reason, sizeof(reason), "%u of %u files could not be written in full", o->lost, o->files);
        ledger_add(w->ledger, &(struct ledger_row){.path = "*",
                                                   .status = SECTION_CUT,
                                                   .err = -o->error,
                                                   .reason = reason,
                                                   .is_family = true,
                                                   .files = o->files - o->lost,
                                                   .begin_ns = now,
                                                   .end_ns = now});
}

int bundle_write_out(struct bundle_writer *w, int dirfd, const char *dir_name, const char *comm, pid_t pid,
                     uint64_t realtime_ns, struct diag *d)
{
        _cleanup_spool_ struct spool *spool = take_ptr(w->spool);
        struct write_out out = {0};
        struct spool_piece piece;
        size_t at = 0;
        int r = bundle_place(w, dirfd, dir_name, comm, pid, realtime_ns, d);

        if (r < 0)
                return r;
        /* Pieces of one section follow each other; after one that was lost, the rest of the file would lie at a
         * wrong offset. */
        while (spool_next(spool, &at, &piece)) {
                if (!piece.continues) {
                        out.files++;
                        fd_closep(&w->section_fd);
                        w->section_fd = section_file_make(w, piece.path);
                        r = w->section_fd < 0 ? w->section_fd : 0;
                } else if (r < 0) {
                        continue;
                }
                if (r == 0)
                        r = file_write_all(w->section_fd, piece.data, piece.len);
                if (r < 0)
                        file_lost(w, piece.path, r, &out, d);
        }
        fd_closep(&w->section_fd);
        if (out.lost > 0)
                losses_note(w, &out);
        return out.error;
}

static int manifest_put(struct bundle_writer *w, int fd, const char *name, const char *head, size_t head_len)
{
        static const char sections[] = ",\n\"sections\":[", end[] = "\n]}\n";
        int r = file_write_all(fd, head, head_len);

        if (r == 0)
                r = file_write_all(fd, sections, strlen(sections));
        if (r == 0)
                r = file_write_all(fd, w->ledger->rows, w->ledger->rows_len);
        if (r == 0)
                r = file_write_all(fd, end, strlen(end));
        if (r == 0 && renameat(w->fd, name, w->fd, MANIFEST) < 0)
                r = -errno;
        return r;
}

/* A file of its own, which leaves the room that was kept to a later one. */
static int manifest_put_first(struct bundle_writer *w, const char *head, size_t head_len)
{
        _cleanup_fd_ int fd = bundle_file_make(w->fd, MANIFEST_FIRST);
        int r;

        if (fd < 0)
                return fd;
        r = manifest_put(w, fd, MANIFEST_FIRST, head, head_len);
        if (r < 0)
                unlinkat(w->fd, MANIFEST_FIRST, 0);
        return r;
}

int bundle_write_manifest(struct bundle_writer *w, const char *head, size_t head_len)
{
        _cleanup_fd_ int fd = -1;

        if (faccessat(w->fd, MANIFEST, F_OK, 0) < 0 && manifest_put_first(w, head, head_len) == 0)
                return 0;
        /* Not O_TRUNC: it would give the room back. */
        fd = openat(w->fd, MANIFEST_NEW, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : manifest_put(w, fd, MANIFEST_NEW, head, head_len);
}

bool bundle_incomplete(const struct bundle_writer *w)
{
        return w->ledger->incomplete;
}

uint64_t bundle_bytes(const struct bundle_writer *w)
{
        return w->ledger->bytes;
}

int bundle_fd(const struct bundle_writer *w)
{
        return w->fd;
}

const char *bundle_path(const struct bundle_writer *w)
{
        return w->path;
}

/* rename() would silently replace an empty directory.  RENAME_NOREPLACE is Linux 3.15, and EINVAL on file
 * systems that lack it (some network ones). */
static int rename_noreplace(int dirfd, const char *from, const char *to)
{
        struct stat st;

        if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        if (fstatat(dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

int bundle_finish(struct bundle_writer *w, struct diag *d)
{
        int r;

        /* Left over only when the last manifest could not be written. */
        unlinkat(w->fd, MANIFEST_NEW, 0);
        for (unsigned n = w->name.try, most = n + BUNDLE_NAME_TRIES;; n++) {
                struct bundle_name name;

                bundle_name_retry(&w->name, n, &name);
                r = rename_noreplace(w->parent_fd, w->name.partial, name.final);
                if (r == 0) {
                        memcpy(w->name.final, name.final, sizeof(name.final));
                        break;
                }
                if (r != -EEXIST || n >= most)
                        return diag_set(d, r, "%s: cannot give the finished bundle its name: %s", w->path,
                                        strerror(-r));
        }
        w->partial = false;
        return path_update(w);
}

void bundle_discard(struct bundle_writer *w)
{
        /* An empty one, without a descriptor: there may be none left. */
        if (w->fd < 0 &&
            unlinkat(w->parent_fd, w->partial ? w->name.partial : w->name.final, AT_REMOVEDIR) == 0)
                return;
        dir_remove_tree(w->parent_fd, w->partial ? w->name.partial : w->name.final);
}

void bundle_writer_free(struct bundle_writer *w)
{
        if (!w)
                return;
        fd_closep(&w->section_fd);
        fd_closep(&w->dir_fd);
        fd_closep(&w->fd);
        fd_closep(&w->parent_fd);
        spool_free(w->spool);
        ledger_free(w->ledger);
        free(w->parent_name);
        free(w->path);
        free(w);
}
