/* SPDX-License-Identifier: MIT */
/* replay - run a fuzz target over files without a fuzzer: what it once tripped over, in every `make test`.
 *
 *   build/fuzz/maps tests/fuzz/corpus/fuzz_maps [FILE|DIRECTORY...]
 * The sanitizers end the run at the first fault; the name printed last is the file's.  An empty corpus is a failure:
 * a replay that replays nothing proves nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_fd(int fd)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(INPUT_MAX);
        _cleanup_free_ uint8_t *exact = NULL; /* no byte behind the last: ASan sees a read past it */
        int r = file_read_fd(fd, &b);

        if (r < 0)
                return r;
        exact = malloc(b.len ? b.len : 1);
        if (!exact)
                return -ENOMEM;
        if (b.len > 0)
                memcpy(exact, b.data, b.len);
        LLVMFuzzerTestOneInput(exact, b.len);
        return 1;
}

/* The number of inputs replayed, or -errno. */
static int replay_path(int dirfd, const char *path)
{
        _cleanup_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int n = 0, r;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                printf("  %s\n", path);
                fflush(stdout);
                return replay_fd(fd);
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                r = replay_path(fd, entry->d_name);
                if (r < 0)
                        return r;
                n += r;
        }
        (void)take_fd(&fd); /* the DIR closes it */
        return n;
}

int main(int argc, char **argv)
{
        int total = 0;

        for (int i = 1; i < argc; i++) {
                int r = replay_path(AT_FDCWD, argv[i]);

                if (r < 0) {
                        fprintf(stderr, "replay: %s: %s\n", argv[i], strerror(-r));
                        return 1;
                }
                total += r;
        }
        printf("  %d inputs, no fault\n", total);
        return total > 0 ? 0 : 1;
}
