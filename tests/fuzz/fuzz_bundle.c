/* SPDX-License-Identifier: MIT */
/* A whole bundle out of any bytes, through the analysis and every renderer.
 *
 * The input is the bundle as one text, each file behind a line that names it:
 *   === proc/4711/maps
 *   55d0c9a00000-55d0c9c21000 rw-p 00000000 00:00 0 [heap]
 * A name is made harmless (no "..", no leading '/'); the bytes behind it are as they come.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/key_value.h"
#include "analysis/report_build.h"
#include "base/file.h"
#include "render/renderer.h"

#define MARK        "=== "
#define FILES_MAX   64
#define PATH_LENGTH 128
#define OUTPUT_MAX  (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only what a bundle's names are made of, so that nothing leaves the scratch directory. */
static bool is_harmless(const char *path)
{
        return *path && *path != '/' &&
               strspn(path, "abcdefghijklmnopqrstuvwxyz_0123456789/.@*") == strlen(path) &&
               !strstr(path, "..");
}

static void write_file(int dirfd, char *path, struct scan bytes)
{
        _cleanup_fd_ int fd = -1;

        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                mkdirat(dirfd, path, 0700);
                *slash = '/';
        }
        fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd >= 0)
                (void)file_write_all(fd, bytes.at, scan_left(&bytes));
}

static void write_bundle(int dirfd, struct scan input)
{
        struct scan line;

        for (int n = 0; n < FILES_MAX && line_next(&input, &line);) {
                char path[PATH_LENGTH];
                struct scan rest = input, content = input, next = {input.end, input.end};

                if (!scan_word(&line, MARK))
                        continue;
                if (scan_find(&rest, "\n" MARK))
                        next.at = rest.at - strlen(MARK);
                content.end = next.at;
                input = (struct scan){next.at, input.end};
                scan_copy(&line, path, sizeof(path));
                if (is_harmless(path))
                        write_file(dirfd, path, content);
                n++;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct render_style style = {.width = 100};
        static const struct report_options options = {0};
        _cleanup_buf_ struct buf out = BUF_GROWING(OUTPUT_MAX);
        char dir[] = "/tmp/swansong-fuzz-XXXXXX";
        _cleanup_fd_ int fd = -1;
        struct report r;
        struct diag d;

        if (!mkdtemp(dir))
                abort();
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                abort();
        write_bundle(fd, scan_of((const char *)data, size));
        if (report_build(dir, &options, &r, &d) == 0) {
                if (!r.verdict.sentence || !r.verdict.cause)
                        abort();
                render_text(&r, &style, &out);
                render_json(&r, &style, &out);
                report_done(&r);
        }
        if (dir_remove_tree(AT_FDCWD, dir) < 0)
                abort();
        return 0;
}
