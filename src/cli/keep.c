/* SPDX-License-Identifier: MIT */
#include "cli/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_out.h"
#include "base/number.h"

#define SUFFIX   ".swansong"
#define TIME_LEN 16 /* 20261121T050000Z */

static bool is_time(const char *s, size_t n)
{
        static const char form[] = "ddddddddTddddddZ";

        if (n != TIME_LEN)
                return false;
        for (size_t i = 0; i < n; i++)
                if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
                        return false;
        return true;
}

/* Cut the part behind the last dot off the text; its beginning, or NULL when there is no dot. */
static char *cut_last(char *text)
{
        char *dot = strrchr(text, '.');

        if (!dot)
                return NULL;
        *dot = '\0';
        return dot + 1;
}

int bundle_label_parse(const char *name, struct bundle_label *ret)
{
        struct bundle_label l = {.number = 1};
        size_t n = strlen(name);
        char text[256], *part;
        uint64_t number;

        if (n <= strlen(SUFFIX) || n >= sizeof(text) || strcmp(name + n - strlen(SUFFIX), SUFFIX) != 0)
                return -EINVAL;
        memcpy(text, name, n);
        text[n - strlen(SUFFIX)] = '\0';
        part = cut_last(text);
        if (part && !is_time(part, strlen(part))) {
                if (number_parse(part, 1000000, &number) < 0 || number < 2 || *part == '0')
                        return -EINVAL;
                l.number = (unsigned)number;
                part = cut_last(text);
        }
        if (!part || !is_time(part, strlen(part)) || strlen(text) >= sizeof(l.target))
                return -EINVAL;
        strcpy(l.time, part);
        strcpy(l.target, text);
        part = cut_last(text);
        if (!part || *part == '0' || number_parse(part, INT32_MAX, &number) < 0 || *text == '\0' ||
            strlen(text) >= sizeof(l.comm) || strchr(text, '/'))
                return -EINVAL;
        strcpy(l.comm, text);
        *ret = l;
        return 0;
}

int bundle_label_compare(const struct bundle_label *a, const struct bundle_label *b)
{
        int r = strcmp(a->time, b->time);

        return r ? r : (a->number > b->number) - (a->number < b->number);
}

bool bundle_names_exe(int dirfd, const char *name, const char *exe)
{
        _cleanup_fd_ int dir = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_fd_ int fd = dir < 0 ? -1 : openat(dir, "manifest.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_buf_ struct buf text = BUF_GROWING(65536), wanted = BUF_GROWING(65536);
        struct json_out j = {.buf = &wanted};

        json_put_string(&j, "exe", exe);
        return fd >= 0 && !wanted.cut && file_read_fd(fd, &text) == 0 && text.data &&
               memmem(text.data, text.len, wanted.data, wanted.len);
}

bool bundle_is_ours(int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
               st.st_uid == geteuid();
}

static bool is_same_target(int dirfd, const char *name, const struct bundle_label *l,
                           const struct bundle_label *newest, const char *exe)
{
        if (strcmp(l->target, newest->target) != 0 &&
            (!exe || strcmp(l->comm, newest->comm) != 0 || !bundle_names_exe(dirfd, name, exe)))
                return false;
        return bundle_is_ours(dirfd, name);
}

static bool is_busy(const struct keep *keep, const char *name)
{
        for (const char *const *busy = keep->busy; busy && *busy; busy++)
                if (strcmp(name, *busy) == 0)
                        return true;
        return false;
}

/* The oldest bundle of the target that may be removed, "" if there is none, and how many there are. */
static int find_oldest(int dirfd, const struct bundle_label *newest, const struct keep *keep,
                       char oldest[256], unsigned *ret_n)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct bundle_label first = {0};
        struct dirent *entry;
        unsigned n = 0;
        int r = dir_open_at(dirfd, ".", &dir);

        if (r < 0)
                return r;
        oldest[0] = '\0';
        while ((entry = readdir(dir))) {
                struct bundle_label l;

                if (bundle_label_parse(entry->d_name, &l) < 0 ||
                    !is_same_target(dirfd, entry->d_name, &l, newest, keep->exe))
                        continue;
                n++;
                if (keep->spare && keep->most > 1 && strcmp(entry->d_name, keep->spare) == 0)
                        continue;
                if (!oldest[0] || bundle_label_compare(&l, &first) < 0) {
                        first = l;
                        snprintf(oldest, 256, "%s", entry->d_name);
                }
        }
        *ret_n = n;
        return 0;
}

int keep_newest(int dirfd, const char *newest_name, const struct keep *keep, struct diag *d)
{
        struct bundle_label newest;
        char oldest[256];
        unsigned n = 0;
        int removed = 0, r = bundle_label_parse(newest_name, &newest);

        if (r < 0)
                return diag_set(d, r, "%s: not a bundle's name", newest_name);
        for (;;) {
                r = find_oldest(dirfd, &newest, keep, oldest, &n);
                if (r < 0)
                        return diag_set(d, r, "looking for older bundles: %s", strerror(-r));
                if (n <= keep->most || !oldest[0] || is_busy(keep, oldest))
                        return removed;
                r = dir_remove_tree(dirfd, oldest);
                if (r < 0)
                        return diag_set(d, r, "%s: cannot remove this older bundle: %s", oldest,
                                        strerror(-r));
                removed++;
        }
}
