/* SPDX-License-Identifier: MIT */
#include "base/recorder/recorder_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"

int recorder_dir_path(unsigned i, uid_t uid, const char *runtime, char out[PATH_MAX])
{
        int n;

        if (i == 0) {
                if (!runtime || runtime[0] != '/')
                        return -ENOENT;
                n = snprintf(out, PATH_MAX, "%s/swansong", runtime);
        } else if (i == 1) {
                n = snprintf(out, PATH_MAX, "/dev/shm/swansong-%u", (unsigned)uid);
        } else {
                return -ENOENT;
        }
        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Whatever the umask is, which is the program's and stays as it is. */
static int make_own(const char *path)
{
        if (mkdir(path, 0700) == 0)
                return chmod(path, 0700);
        return errno == EEXIST ? 0 : -1;
}

int recorder_dir_open(const char *path, uid_t uid, bool create)
{
        struct stat st;
        int fd, err = 0;

        if (create && make_own(path) < 0)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                err = -errno;
        else if (st.st_uid != uid || (st.st_mode & 077))
                err = -EPERM;
        if (err) {
                close(fd);
                return err;
        }
        return fd;
}

char *recorder_name_format(pid_t pid, uint64_t start_ticks, char out[RECORDER_NAME_SPACE])
{
        snprintf(out, RECORDER_NAME_SPACE, "swansong.%d.%llu.rec", (int)pid, (unsigned long long)start_ticks);
        return out;
}

int recorder_name_parse(const char *name, pid_t *ret_pid, uint64_t *ret_start_ticks)
{
        const char *p = name, *end = name + strlen(name);
        uint64_t pid, ticks;

        if (strncmp(p, "swansong.", 9) != 0)
                return -EINVAL;
        p += 9;
        if (number_scan(&p, end, 10, &pid) < 0 || pid == 0 || pid > INT_MAX || *p++ != '.' ||
            number_scan(&p, end, 10, &ticks) < 0 || strcmp(p, ".rec") != 0)
                return -EINVAL;
        *ret_pid = (pid_t)pid;
        *ret_start_ticks = ticks;
        return 0;
}
