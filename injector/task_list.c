/* SPDX-License-Identifier: MIT */
#include "injector/task_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/number.h"

/* opendir() would allocate. */
struct entry {
        uint64_t ino;
        int64_t off;
        uint16_t reclen;
        uint8_t type;
        char name[];
};

int task_list_open(int proc_fd, struct task_list *ret)
{
        ret->fd = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ret->len = ret->at = 0;
        return ret->fd < 0 ? -errno : 0;
}

void task_list_close(struct task_list *l)
{
        if (l->fd >= 0)
                close(l->fd);
        l->fd = -1;
}

void task_list_rewind(struct task_list *l)
{
        lseek(l->fd, 0, SEEK_SET);
        l->len = l->at = 0;
}

int task_list_next(struct task_list *l, pid_t *ret_tid)
{
        for (;;) {
                const struct entry *e;
                uint64_t tid;

                if (l->at >= l->len) {
                        l->at = 0;
                        l->len = syscall(SYS_getdents64, l->fd, l->entries, sizeof(l->entries));
                        if (l->len <= 0)
                                return 0;
                }
                e = (const struct entry *)(const void *)(l->entries + l->at);
                l->at += e->reclen;
                if (number_parse(e->name, INT32_MAX, &tid) == 0) {
                        *ret_tid = (pid_t)tid;
                        return 1;
                }
        }
}

unsigned task_list_count(const struct task_list *l)
{
        struct stat st;

        return fstat(l->fd, &st) == 0 && st.st_nlink > 2 ? (unsigned)(st.st_nlink - 2) : 0;
}
