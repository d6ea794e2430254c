/* SPDX-License-Identifier: MIT */
#include "base/memory_group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"

#define TEXT_MAX (4 * 1024 * 1024) /* mountinfo of a machine with tens of thousands of mounts */

/* The blank-separated (or comma-separated) word at *p, of at most `end`; *p moves behind it. */
static size_t next_word(const char **p, const char *end, char separator, const char **ret_word)
{
        while (*p < end && **p == separator)
                (*p)++;
        *ret_word = *p;
        while (*p < end && **p != separator)
                (*p)++;
        return (size_t)(*p - *ret_word);
}

static bool list_has(const char *list, size_t len, const char *name)
{
        const char *end = list + len, *word;
        size_t n;

        while ((n = next_word(&list, end, ',', &word)) > 0)
                if (n == strlen(name) && memcmp(word, name, n) == 0)
                        return true;
        return false;
}

static bool is_octal(char c)
{
        return c >= '0' && c <= '7';
}

/* mountinfo's \040 (blank), \011, \012, \134. */
static int octal_unescape(const char *in, size_t len, char out[PATH_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                char c = in[i];

                if (c == '\\' && i + 3 < len && in[i + 1] >= '0' && in[i + 1] <= '3' && is_octal(in[i + 2]) &&
                    is_octal(in[i + 3])) {
                        c = (char)((in[i + 1] - '0') << 6 | (in[i + 2] - '0') << 3 | (in[i + 3] - '0'));
                        i += 3;
                }
                if (n + 1 >= PATH_MAX)
                        return -ENAMETOOLONG;
                out[n++] = c;
        }
        out[n] = '\0';
        return 0;
}

int memory_group_name(const char *text, int *ret_version, char name[PATH_MAX])
{
        int version = 0;

        for (const char *line = text; *line;) {
                const char *end = strchrnul(line, '\n');
                const char *first = memchr(line, ':', (size_t)(end - line));
                const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;

                if (second) {
                        size_t n = (size_t)(end - second - 1);
                        bool v1 = list_has(first + 1, (size_t)(second - first - 1), "memory");
                        bool v2 = second == first + 1;

                        if ((v1 || (v2 && version == 0)) && n > 0 && second[1] == '/') {
                                if (n >= PATH_MAX)
                                        return -ENAMETOOLONG;
                                memcpy(name, second + 1, n);
                                name[n] = '\0';
                                version = v1 ? 1 : 2;
                        }
                }
                line = *end ? end + 1 : end;
        }
        if (version == 0)
                return -ENOENT;
        *ret_version = version;
        return 0;
}

/* One line of mountinfo; 1 if it is the wanted hierarchy and the group lies in the part that is mounted. */
static int try_mount(const char *line, const char *end, struct memory_group *g)
{
        const char *root, *point, *word, *p = line;
        size_t root_len, point_len, n;
        char root_text[PATH_MAX];
        bool right;
        int r;

        for (int i = 0; i < 3; i++)
                next_word(&p, end, ' ', &word);
        root_len = next_word(&p, end, ' ', &root);
        point_len = next_word(&p, end, ' ', &point);
        do
                n = next_word(&p, end, ' ', &word); /* mount options and optional fields, up to "-" */
        while (n > 0 && !(n == 1 && *word == '-'));
        n = next_word(&p, end, ' ', &word);
        if (g->version == 2) {
                right = n == strlen("cgroup2") && memcmp(word, "cgroup2", n) == 0;
        } else {
                right = n == strlen("cgroup") && memcmp(word, "cgroup", n) == 0;
                next_word(&p, end, ' ', &word);
                n = next_word(&p, end, ' ', &word);
                right = right && list_has(word, n, "memory");
        }
        if (!right)
                return 0;
        r = octal_unescape(root, root_len, root_text);
        if (r < 0)
                return r;
        root_len = strcmp(root_text, "/") == 0 ? 0 : strlen(root_text);
        if (strncmp(g->kernel, root_text, root_len) != 0 ||
            (g->kernel[root_len] != '/' && g->kernel[root_len] != '\0'))
                return 0;
        /* What is still above this mount's root has no name below it. */
        if (strncmp(g->kernel + root_len, "/..", 3) == 0 &&
            (g->kernel[root_len + 3] == '/' || g->kernel[root_len + 3] == '\0'))
                return 0;
        r = octal_unescape(point, point_len, g->mount);
        if (r < 0)
                return r;
        strcpy(g->path, g->kernel[root_len] ? g->kernel + root_len : "/");
        return 1;
}

int memory_group_parse(const char *cgroup, const char *mountinfo, struct memory_group *ret)
{
        int r = memory_group_name(cgroup, &ret->version, ret->kernel);

        if (r < 0)
                return r;
        for (const char *line = mountinfo; *line;) {
                const char *end = strchrnul(line, '\n');

                r = try_mount(line, end, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
                line = *end ? end + 1 : end;
        }
        return -ENOENT;
}

int memory_group_find(int proc_fd, struct memory_group *ret)
{
        _cleanup_buf_ struct buf cgroup = BUF_GROWING(65536), mounts = BUF_GROWING(TEXT_MAX);
        int r = file_read_at(proc_fd, "cgroup", &cgroup);

        if (r < 0)
                return r;
        r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", &mounts);
        if (r < 0)
                return r;
        if (!cgroup.data || !mounts.data)
                return -ENOENT;
        return memory_group_parse(cgroup.data, mounts.data, ret);
}

static void strip_last(char *path)
{
        char *slash = strrchr(path, '/');

        if (slash)
                slash[slash == path] = '\0';
}

int memory_group_up(struct memory_group *g)
{
        if (strcmp(g->path, "/") == 0)
                return 0;
        strip_last(g->path);
        strip_last(g->kernel);
        return 1;
}

int memory_group_open(const struct memory_group *g, const char *v1_file, const char *v2_file)
{
        const char *file = g->version == 2 ? v2_file : v1_file;
        char path[2 * PATH_MAX + 64];
        int fd;

        if (!file)
                return -ENOENT;
        snprintf(path, sizeof(path), "%s%s/%s", g->mount, g->path, file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

const struct memory_group_gauge *memory_group_gauges(int version, bool has_swap, size_t *ret_n)
{
        static const struct memory_group_gauge v1[] = {{"memory.limit_in_bytes", "memory.usage_in_bytes", ""},
                                                       {"memory.memsw.limit_in_bytes",
                                                        "memory.memsw.usage_in_bytes", ", with swap"}},
                                               v2[] = {{"memory.max", "memory.current", ""}};

        *ret_n = version == 1 && has_swap ? ARRAY_SIZE(v1) : 1;
        return version == 1 ? v1 : v2;
}

bool memory_group_has_swap(void)
{
        char text[512];
        struct buf b = BUF_FIXED(text, sizeof(text));
        const char *heading_end;

        if (file_read_at(AT_FDCWD, "/proc/swaps", &b) < 0)
                return b.cut; /* so many areas that they did not fit */
        heading_end = memchr(text, '\n', b.len);
        return heading_end && heading_end + 1 < text + b.len;
}

uint64_t memory_group_limit_parse(const char *text)
{
        const char *p = text;
        uint64_t bytes;

        if (number_scan(&p, text + strlen(text), 10, &bytes) < 0)
                return MEMORY_GROUP_UNLIMITED;
        /* v1's "none" is PAGE_COUNTER_MAX pages: just under 2^63 bytes. */
        return bytes >= UINT64_C(1) << 60 ? MEMORY_GROUP_UNLIMITED : bytes;
}

uint64_t memory_group_limit(const struct memory_group *g)
{
        char text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));
        _cleanup_fd_ int fd = memory_group_open(g, "memory.limit_in_bytes", "memory.max");

        if (fd < 0 || file_read_fd(fd, &b) < 0)
                return MEMORY_GROUP_UNLIMITED;
        b.data[b.len] = '\0';
        return memory_group_limit_parse(b.data);
}
