/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_so/recorder/live_table.h"
#include "base/unwind/unwind_machine.h"
#include "agent_so/recorder/recorder_old.h"
#include "agent_so/recorder/recorder_sections.h"
#include "agent_so/recorder/self.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/recorder/recorder_dir.h"

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

#define NAMES_TRIED 16
#define AHEAD_BYTES (1 << 20) /* of each section */

#define RETRY_NS NS_PER_S /* a full file system may have room again */

/* What recorder_finish() removes: only this very file. */
static struct {
        char path[PATH_MAX + RECORDER_NAME_SPACE];
        dev_t dev;
        ino_t ino;
} file;

static int dir_error; /* why it does not lie in agent_options.dir */

/* The file that is named after us, and its name.  fd, or -errno. */
static int create_file(int dirfd, char name[RECORDER_NAME_SPACE])
{
        uint64_t ticks = self_start_ticks();

        for (unsigned i = 0; i < NAMES_TRIED; i++) {
                int fd;

                recorder_name_format(getpid(), ticks, name);
                fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd >= 0 || errno != EEXIST)
                        return fd < 0 ? -errno : fd;
                if (recorder_old_is_foreign(dirfd, name))
                        ticks++; /* who started with us in another container; the header has the true time */
                else
                        unlinkat(dirfd, name,
                                 0); /* our own, from before an execve(): PID and start time stay */
        }
        return -EEXIST;
}

/* -errno, or the file's fd: below the first directory that takes it. */
static int create_in(const char *dir, uint64_t size, bool all_now)
{
        char name[RECORDER_NAME_SPACE];
        _cleanup_fd_ int dirfd = -1, fd = -1;
        struct stat st;
        int err;

        dirfd = recorder_dir_open(dir, geteuid(), true);
        if (dirfd < 0)
                return dirfd;
        /* Not while somebody's thread has been borrowed: the next program that starts with the agent does it. */
        if (!agent_late)
                recorder_old_remove(dirfd);
        fd = create_file(dirfd, name);
        if (fd < 0)
                return fd;
        /* (The umask is the program's.) */
        err = fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)size) < 0 || fstat(fd, &st) < 0 ? -errno : 0;
        /* The first page, or all of it: never a page that the file system has no room for. */
        if (!err && fallocate(fd, 0, 0, all_now ? (off_t)size : RECORDER_HEADER_SPACE) < 0)
                err = -errno;
        if (err) {
                unlinkat(dirfd, name, 0);
                return err;
        }
        snprintf(file.path, sizeof(file.path), "%s/%s", dir, name);
        file.dev = st.st_dev;
        file.ino = st.st_ino;
        return take_fd(&fd);
}

static int create_by_default(uint64_t size, bool all_now)
{
        static char dir[PATH_MAX]; /* one thread is here at a time, perhaps on a small stack */
        int fd = -ENOENT;

        for (unsigned i = 0; i < RECORDER_DIRS && fd < 0; i++)
                if (recorder_dir_path(i, geteuid(), secure_getenv("XDG_RUNTIME_DIR"), dir) == 0)
                        fd = create_in(dir, size, all_now);
        return fd;
}

/* Where the options say, or, where that cannot be had (it is not there, or not ours: a worker that has another user by now), by
 * default.  Who injects is told instead. */
static int create_anywhere(uint64_t size, bool all_now)
{
        int fd, by_default;

        dir_error = 0;
        if (!agent_options.dir[0])
                return create_by_default(size, all_now);
        fd = create_in(agent_options.dir, size, all_now);
        if (fd >= 0 || agent_late)
                return fd;
        by_default = create_by_default(size, all_now);
        if (by_default < 0)
                return fd;
        dir_error = fd;
        return by_default;
}

int recorder_dir_error(void)
{
        return dir_error;
}

/* Beyond RLIMIT_FSIZE ftruncate() would send SIGXFSZ. */
static bool size_allowed(uint64_t size)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
                return false;
        /* Of a bounded address space a sixteenth. */
        return getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
               size <= limit.rlim_cur / 16;
}

/* Can pages be taken one by one without an fd?  (The program may close all descriptors: none is kept.) */
static bool populate_works(void *map)
{
        return madvise(map, RECORDER_HEADER_SPACE, MADV_POPULATE_WRITE) == 0;
}

static void fill_header(struct recorder_header *h)
{
        ssize_t n;

        h->version = RECORDER_VERSION;
        h->header_size = sizeof(*h);
        h->machine = MACHINE_ELF;
        h->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
        h->pid = (uint32_t)getpid();
        h->uid = geteuid();
        h->pid_namespace = self_pid_namespace();
        h->start_ticks = self_start_ticks();
        self_boot_id(h->boot_id, sizeof(h->boot_id));
        h->began_monotonic_ns = clock_monotonic_ns();
        h->began_realtime_ns = clock_realtime_ns();
        h->mean_asked = h->mean = agent_options.mean;
        n = readlink("/proc/self/exe", h->exe, sizeof(h->exe));
        if (n < 0)
                h->exe[0] = '\0';
        h->state = RECORDER_RUNNING;
        h->module_generation = 1;
        h->updated_ns = h->began_monotonic_ns;
        h->exit_status = -1;
}

static int map_file(int fd, uint64_t size, uint8_t **ret)
{
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (map == MAP_FAILED)
                return -errno;
        madvise(map, size, MADV_DONTFORK); /* a child makes its own */
        madvise(map, size, MADV_DONTDUMP);
        *ret = map;
        return 0;
}

static void take_sections(uint8_t *map, const struct recorder_header *sections)
{
        struct recorder_header *h = (struct recorder_header *)map;

        memcpy(h->section, sections->section, sizeof(h->section));
        h->n_sections = sections->n_sections;
        h->file_size = sections->file_size;
        agent.map = map;
        agent.header = h;
        agent.live_keys = recorder_entries(RECORDER_LIVE_KEYS);
        agent.live = recorder_entries(RECORDER_LIVE_RECORDS);
        agent.stacks = recorder_entries(RECORDER_STACKS);
        agent.frames = recorder_entries(RECORDER_FRAMES);
        agent.live_buckets = (uint32_t)(h->section[RECORDER_LIVE_KEYS].count / LIVE_TABLE_BUCKET);
        agent.n_stacks = (uint32_t)h->section[RECORDER_STACKS].count;
        agent.live_levels = agent.stack_levels = 1;
}

static uint8_t chunk_shift(uint64_t file_size)
{
        uint8_t shift = 14; /* 16 KiB */

        while (((uint64_t)CHUNKS_MAX << shift) < file_size)
                shift++;
        return shift;
}

int recorder_create(const char **ret_why)
{
        uint64_t size = agent_options.size ? agent_options.size : recorder_size_default(agent_options.mean);
        struct recorder_header sections;
        uint8_t *map = NULL;
        int err, old_kernel;

        for (old_kernel = 0; old_kernel < 2; old_kernel++) {
                _cleanup_fd_ int fd = -1;

                for (;; size /= 2) {
                        if (size < RECORDER_SIZE_MIN) {
                                *ret_why = "a resource limit leaves no room for its recorder";
                                return -EFBIG;
                        }
                        recorder_sections(size, &sections);
                        if (size_allowed(sections.file_size))
                                break;
                }
                fd = create_anywhere(sections.file_size, old_kernel);
                if (fd < 0) {
                        *ret_why = "the recorder cannot be made";
                        return fd;
                }
                err = map_file(fd, sections.file_size, &map);
                if (err) {
                        unlink(file.path);
                        *ret_why = "the recorder cannot be mapped";
                        return err;
                }
                if (old_kernel || populate_works(map))
                        break;
                munmap(map, sections.file_size);
                unlink(file.path);
                if (size > 16 << 20)
                        size = 16 << 20; /* all of it is taken at once */
        }
        take_sections(map, &sections);
        agent.all_there = old_kernel;
        agent.chunk_shift = chunk_shift(sections.file_size);
        fill_header(agent.header);
        /* Stack 0 is counted to without being looked for. */
        if (!recorder_reserve(agent.stacks, sizeof(*agent.stacks)))
                header_flag(RECORDER_NO_MEMORY);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        memcpy(agent.header->magic, RECORDER_MAGIC, sizeof(agent.header->magic));
        return 0;
}

bool recorder_reserve_slow(const void *p, size_t n)
{
        uint64_t first = recorder_chunk_of(p), last = recorder_chunk_of((const uint8_t *)p + n - 1);

        if (agent_sealed)
                return false;
        if (__atomic_load_n(&agent.header->updated_ns, __ATOMIC_RELAXED) <
            __atomic_load_n(&agent.retry_ns, __ATOMIC_RELAXED))
                return false;
        for (uint64_t chunk = first; chunk <= last; chunk++) {
                uint64_t from = chunk << agent.chunk_shift, most = UINT64_C(1) << agent.chunk_shift;
                uint64_t size = agent.header->file_size - from;

                if (__atomic_load_n(&agent_reserved[chunk / 64], __ATOMIC_RELAXED) >> (chunk % 64) & 1)
                        continue;
                if (size > most)
                        size = most;
                if (madvise(agent.map + from, size, MADV_POPULATE_WRITE) < 0) {
                        header_flag(RECORDER_NO_MEMORY);
                        __atomic_store_n(&agent.retry_ns, clock_monotonic_ns() + RETRY_NS, __ATOMIC_RELAXED);
                        return false;
                }
                __atomic_fetch_or(&agent_reserved[chunk / 64], UINT64_C(1) << (chunk % 64), __ATOMIC_RELAXED);
        }
        return true;
}

void recorder_reserve_ahead(void)
{
        for (int i = 0; i < RECORDER_N_SECTIONS; i++) {
                const struct recorder_section *s = &agent.header->section[i];
                uint64_t size = s->count * s->entry_size;

                /* Not recorder_reserve(), which is for what lies in two chunks at most. */
                if (!recorder_reserve_slow(agent.map + s->offset, size < AHEAD_BYTES ? size : AHEAD_BYTES))
                        return;
        }
}

void recorder_finish(int exit_status)
{
        struct recorder_header *h = agent.header;
        struct stat st;

        /* (Sealed, who asks for the PID may be killed; then a child of vfork() that ends is taken for its parent.) */
        if ((agent.state != AGENT_ON && agent.state != AGENT_DETACHED) ||
            (!agent_sealed && getpid() != agent.pid))
                return;
        __atomic_store_n(&agent.state, AGENT_OFF, __ATOMIC_RELEASE);
        h->finished_ns = clock_monotonic_ns();
        h->exit_status = exit_status;
        __atomic_store_n(&h->state, RECORDER_FINISHED, __ATOMIC_RELEASE);
        /* The program may have changed its root since: only what is this very file. */
        if (!agent_options.keep && !agent_sealed && lstat(file.path, &st) == 0 && st.st_dev == file.dev &&
            st.st_ino == file.ino)
                unlink(file.path);
}
