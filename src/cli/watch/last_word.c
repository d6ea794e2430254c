/* SPDX-License-Identifier: MIT */
#include "cli/watch/last_word.h"

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/number.h"

/* include/uapi/linux/pidfd.h of Linux 6.15; the first published size, which later kernels accept. */
struct pidfd_info_v0 {
        __u64 mask, cgroupid;
        __u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        __s32 exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "PIDFD_INFO_SIZE_VER0");

#define PIDFD_INFO_EXIT_BIT (UINT64_C(1) << 3)
#define PIDFD_GET_INFO_V0   _IOWR(0xFF, 11, struct pidfd_info_v0)

static int status_from_pidfd(int pidfd, int *ret_status)
{
        struct pidfd_info_v0 info = {.mask = PIDFD_INFO_EXIT_BIT};

        if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO_V0, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT_BIT))
                return -ENODATA;
        *ret_status = info.exit_code;
        return 0;
}

int stat_exit_code_parse(const char *text, size_t len, int *ret_status)
{
        const char *p = len ? memrchr(text, ')', len) : NULL, *end = text + len;
        uint64_t value = 0;

        if (!p || end - p < 4)
                return -EINVAL;
        if (p[2] != 'Z' && p[2] != 'X')
                return -EAGAIN;
        p += 3;
        for (int field = 4; field <= 52; field++) {
                if (p >= end || *p++ != ' ')
                        return -EINVAL;
                if (p < end && *p == '-')
                        p++;
                if (number_scan(&p, end, 10, &value) < 0)
                        return -EINVAL;
        }
        *ret_status = (int)value;
        return 0;
}

/* "Uid:\t1000\t1000\t1000\t1000": are the first three all `id`? */
static bool ids_are(const char *status, const char *key, uint64_t id)
{
        const char *p = strstr(status, key);
        const char *end = status + strlen(status);
        uint64_t value;

        if (!p)
                return false;
        p += strlen(key);
        for (int i = 0; i < 3; i++) {
                while (*p == '\t')
                        p++;
                if (number_scan(&p, end, 10, &value) < 0 || value != id)
                        return false;
        }
        return true;
}

/* Would the kernel show us its exit code?  It asks for ptrace's permission to read. */
static bool exit_code_is_shown(int proc_fd)
{
        char text[4096];
        struct buf b = BUF_FIXED(text, sizeof(text));

        if (geteuid() == 0)
                return true;
        return file_read_at(proc_fd, "status", &b) == 0 && ids_are(b.data, "\nUid:", geteuid()) &&
               ids_are(b.data, "\nGid:", getegid());
}

static int status_from_stat(int proc_fd, int *ret_status)
{
        char text[2048];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int status;

        if (file_read_at(proc_fd, "stat", &b) < 0 || stat_exit_code_parse(b.data, b.len, &status) < 0)
                return -ENODATA;
        if (status == 0 && !exit_code_is_shown(proc_fd))
                return -ENODATA;
        *ret_status = status;
        return 0;
}

bool last_word_by_pidfd(void)
{
        _cleanup_fd_ int pidfd = -1;
        pid_t child = fork();
        int status;

        if (child == 0)
                _exit(0);
        if (child < 0)
                return false;
        pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        return status_from_pidfd(pidfd, &status) == 0;
}

int last_word_status(const struct target *t, struct exit_events *events, int *ret_status)
{
        if (status_from_pidfd(t->pidfd, ret_status) == 0 || status_from_stat(t->proc_fd, ret_status) == 0 ||
            status_from_pidfd(t->pidfd, ret_status) == 0)
                return 0;
        return exit_events_find(events, t->pid, ret_status);
}

void last_word(const struct target *t, struct exit_events *events, struct buf *out)
{
        const char *name;
        int status;

        if (last_word_status(t, events, &status) < 0) {
                buf_str(out, "has ended; how could not be seen");
        } else if (WIFSIGNALED(status)) {
                name = sigabbrev_np(WTERMSIG(status));
                buf_printf(out, "was killed by signal %d", WTERMSIG(status));
                if (name)
                        buf_printf(out, " (SIG%s)", name);
        } else {
                buf_printf(out, "exited with status %d", WEXITSTATUS(status));
        }
}
