/* SPDX-License-Identifier: MIT */
#include "cli/survive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/file.h"

#define LATER_BYTES ((size_t)512 << 20)

static int original_adj;
static bool original_known;

static int read_oom_score(void)
{
        char text[16];
        struct buf b = BUF_FIXED(text, sizeof(text));

        return file_read_at(AT_FDCWD, "/proc/self/oom_score_adj", &b) < 0 ? 0 : atoi(b.data);
}

int survive_set_oom_score(int adj)
{
        _cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        char text[16];

        if (fd < 0)
                return -errno;
        return file_write_all(fd, text, (size_t)snprintf(text, sizeof(text), "%d\n", adj));
}

int survive_lower_oom_score(void)
{
        if (!original_known) {
                original_adj = read_oom_score();
                original_known = true;
        }
        /* Without CAP_SYS_RESOURCE nothing below what a privileged process has set is permitted: 0, as a rule.
         */
        if (survive_set_oom_score(-1000) < 0 && original_adj > 0)
                survive_set_oom_score(0);
        return read_oom_score();
}

int survive_original_oom_score(void)
{
        return original_known ? original_adj : read_oom_score();
}

/* With MCL_FUTURE each later mapping counts against RLIMIT_MEMLOCK as a whole, and is refused beyond it: captures
 * need hundreds of MiB of address space. */
static bool can_still_map(void)
{
        void *memory = mmap(NULL, LATER_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return memory != MAP_FAILED && munmap(memory, LATER_BYTES) == 0;
}

int survive_lock_memory(struct diag *d)
{
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) {
                if (can_still_map())
                        return 0;
                munlockall();
                errno = ENOMEM;
        }
        if (errno == EINVAL && mlockall(MCL_CURRENT) == 0)
                return 0;
        return diag_set(d, -errno,
                        "memory cannot be locked (%s): it needs CAP_IPC_LOCK or a larger RLIMIT_MEMLOCK; "
                        "going on without",
                        strerror(errno));
}

static void (*original_file_size)(int) = SIG_ERR;

void survive_file_size(void)
{
        if (original_file_size == SIG_ERR)
                original_file_size = signal(SIGXFSZ, SIG_IGN);
}

void survive_original_file_size(void)
{
        if (original_file_size != SIG_ERR)
                signal(SIGXFSZ, original_file_size);
}

static struct rlimit original_files;

void survive_raise_files(void)
{
        struct rlimit raised;

        if (getrlimit(RLIMIT_NOFILE, &original_files) < 0)
                return;
        raised = original_files;
        raised.rlim_cur = raised.rlim_max;
        setrlimit(RLIMIT_NOFILE, &raised);
}

void survive_original_files(void)
{
        if (original_files.rlim_max > 0)
                setrlimit(RLIMIT_NOFILE, &original_files);
}
