/* SPDX-License-Identifier: MIT */
#include "cli/permissions.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/oom/kmsg.h"
#include "base/number.h"
#include "base/scan.h"
#include "cli/options.h"

/* The PID of the tracer, 0 if there is none. */
static uint64_t tracer_of(const struct target *t)
{
        char text[4096];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct scan s;
        uint64_t pid = 0;

        file_read_at(t->proc_fd, "status", &b);
        s = scan_of(text, b.len);
        if (scan_find(&s, "\nTracerPid:\t"))
                scan_number(&s, &pid);
        return pid;
}

/* Opening its memory asks the kernel the question of PTRACE_SEIZE (PTRACE_MODE_ATTACH, Yama included), and no
 * more.  A process may have one tracer. */
static int check_attach(const struct target *t, struct diag *d)
{
        _cleanup_fd_ int fd = openat(t->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
        uint64_t tracer = tracer_of(t);

        if (fd < 0)
                return diag_set(d, -errno, "/proc/%d/mem: %s", t->pid, strerror(errno));
        if (tracer)
                return diag_set(d, -EPERM, "it is traced by PID %d", (int)tracer);
        return 0;
}

static int check_kernel_log(const struct target *t, struct diag *d)
{
        struct kmsg k;
        int r = kmsg_open(&k, KMSG_FROM_NOW, d);

        (void)t;
        if (r < 0)
                return r;
        kmsg_close(&k);
        if (!pid_namespace_is_initial())
                return diag_set(d, -EPERM, "/dev/kmsg names PIDs of another PID namespace");
        return 0;
}

/* In a child, which ends: nothing of ours is changed. */
static int try_in_child(int (*try)(void))
{
        pid_t child = fork();
        int status;

        if (child < 0)
                return -errno;
        if (child == 0)
                _exit(try() < 0 ? errno : 0);
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int try_lock(void)
{
        return mlockall(MCL_CURRENT | MCL_FUTURE);
}

static int check_lock(const struct target *t, struct diag *d)
{
        int r = try_in_child(try_lock);

        (void)t;
        return r < 0 ? diag_set(d, r, "mlockall(): %s", strerror(-r)) : 0;
}

static int try_fifo(void)
{
        return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
}

static int check_priority(const struct target *t, struct diag *d)
{
        int r = try_in_child(try_fifo);

        (void)t;
        return r < 0 ? diag_set(d, r, "SCHED_FIFO: %s", strerror(-r)) : 0;
}

const struct permission permissions[] = {
        [PERMISSION_ATTACH] = {"attach to it", "it is not armed, and no stacks are captured", check_attach},
        [PERMISSION_KERNEL_LOG] = {"read the kernel's log",
                                   "a kill by the kernel cannot be told from one by hand", check_kernel_log},
        [PERMISSION_LOCK] = {"lock memory", "the capture may have to wait for memory", check_lock},
        [PERMISSION_PRIORITY] = {"run before all others", "the capture competes for the CPU", check_priority},
};
const size_t n_permissions = ARRAY_SIZE(permissions);
