/* SPDX-License-Identifier: MIT */
#include "base/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/number.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

int stat_brief_parse(const char *text, size_t len, struct stat_brief *ret)
{
        const char *open = len ? memchr(text, '(', len) : NULL;
        const char *close = len ? memrchr(text, ')', len) : NULL;
        const char *end = text + len, *p;
        struct stat_brief s = {0};
        size_t n;

        if (!open || !close || close <= open || end - close < 4)
                return -EINVAL;
        n = (size_t)(close - open - 1);
        if (n >= sizeof(s.comm))
                n = sizeof(s.comm) - 1;
        memcpy(s.comm, open + 1, n);
        p = close + 2;
        s.state = *p++;
        for (unsigned field = 4; field <= 28; field++) {
                uint64_t value;

                if (field > 24 && (p >= end || *p != ' '))
                        break;
                if (p >= end || *p++ != ' ')
                        return -EINVAL;
                if (p < end && *p == '-') /* tpgid and nice may be negative; none of ours is */
                        p++;
                if (number_scan(&p, end, 10, &value) < 0)
                        return -EINVAL;
                if (field == 4)
                        s.ppid = (pid_t)value;
                else if (field == 9)
                        s.flags = value;
                else if (field == 20)
                        s.n_threads = (unsigned)value;
                else if (field == 22)
                        s.start_ticks = value;
                else if (field == 24)
                        s.rss_pages = value;
                else if (field == 28)
                        s.start_stack = value;
        }
        *ret = s;
        return 0;
}

static int read_brief(int proc_fd, struct stat_brief *ret)
{
        char text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int r = file_read_at(proc_fd, "stat", &b);

        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        return stat_brief_parse(b.data, b.len, ret);
}

/* "Name:\t...\nTgid:\t123\n...": the number after `key`, its nth field (0-based). */
static int status_number(const struct buf *b, const char *key, unsigned nth, uint64_t *ret)
{
        const char *p = strstr(b->data, key);
        const char *end = b->data + b->len;

        if (!p)
                return -ENODATA;
        p += strlen(key);
        for (;; nth--) {
                while (p < end && (*p == '\t' || *p == ' '))
                        p++;
                if (number_scan(&p, end, 10, ret) < 0)
                        return -ENODATA;
                if (nth == 0)
                        return 0;
        }
}

int target_open(pid_t pid, struct target *ret, struct diag *d)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        _cleanup_buf_ struct buf status = BUF_GROWING(65536);
        struct stat_brief brief;
        char path[32];
        uint64_t value;
        int r;

        t.pid = pid;
        snprintf(path, sizeof(path), "/proc/%d", pid);
        t.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (t.pidfd < 0 && errno != ENOSYS && errno != EINVAL && errno != ENOENT)
                return diag_set(d, -errno,
                                errno == ESRCH ? "PID %d: no such process" : "PID %d: pidfd_open: %m", pid);
        t.proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (t.proc_fd < 0)
                return diag_set(d, errno == ENOENT ? -ESRCH : -errno,
                                errno == ENOENT ? "PID %d: no such process" : "PID %d: /proc: %m", pid);
        r = read_brief(t.proc_fd, &brief);
        if (r < 0)
                return diag_set(d, r,
                                r == -ESRCH ? "PID %d: no such process" : "PID %d: cannot read its stat: %s",
                                pid, strerror(-r));
        r = file_read_at(t.proc_fd, "status", &status);
        if (r < 0)
                return diag_set(d, r == -ENOENT ? -ESRCH : r, "PID %d: cannot read its status: %s", pid,
                                strerror(-r));
        if (status_number(&status, "\nTgid:", 0, &value) == 0 && (pid_t)value != pid)
                return diag_set(d, -ESRCH, "%d is a thread of PID %d, not a process; give -p %d", pid,
                                (pid_t)value, (pid_t)value);
        t.uid = status_number(&status, "\nUid:", 1, &value) == 0 ? (uid_t)value : (uid_t)-1;
        t.start_ticks = brief.start_ticks;
        t.ppid = brief.ppid;
        t.state = brief.state;
        t.n_threads = brief.n_threads;
        t.kernel_thread = brief.flags & PF_KTHREAD;
        memcpy(t.comm, brief.comm, sizeof(t.comm));
        *ret = t;
        t = TARGET_NONE;
        return 0;
}

void target_close(struct target *t)
{
        fd_closep(&t->pidfd);
        fd_closep(&t->proc_fd);
}

int target_check(const struct target *t)
{
        struct stat_brief brief;
        int r = read_brief(t->proc_fd, &brief);

        if (r < 0)
                return r;
        return brief.start_ticks == t->start_ticks ? 0 : -ESRCH;
}

static bool has_ended(const struct stat_brief *brief)
{
        return brief->state == 'Z' || brief->state == 'X';
}

int target_as_seen(const struct target *t, struct target *ret)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct stat_brief brief;
        struct dirent *entry;
        int r = read_brief(t->proc_fd, &brief);

        if (r < 0)
                return r;
        if (!has_ended(&brief))
                return -ENOENT;
        r = dir_open_at(t->proc_fd, "task", &dir);
        while (r == 0 && (entry = readdir(dir))) {
                _cleanup_fd_ int fd = -1;

                if (entry->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 || read_brief(fd, &brief) < 0 || has_ended(&brief))
                        continue;
                *ret = *t;
                ret->proc_fd = take_fd(&fd);
                return 0;
        }
        return r < 0 ? r : -ENOENT;
}

uint64_t target_start_stack(const struct target *t)
{
        struct stat_brief brief;

        return read_brief(t->proc_fd, &brief) < 0 ? 0 : brief.start_stack;
}
