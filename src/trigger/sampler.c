/* SPDX-License-Identifier: MIT */
#include "trigger/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory_group.h"
#include "base/number.h"
#include "trigger/proc_text.h"

#define DETAILS_NS         (100 * NS_PER_MS)
#define DETAILS_AT_REST_NS NS_PER_S

/* The rollup's share of the time: one part in so many. */
#define ROLLUP_GROWING 10
#define ROLLUP_AT_REST 1000

int sampler_open(const struct target *t, struct sampler *ret, struct diag *d)
{
        struct sampler s = SAMPLER_NONE;
        struct memory_group group;

        s.proc_fd = t->proc_fd;
        s.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
        s.now = SAMPLE_NOTHING;
        s.statm_fd = openat(t->proc_fd, "statm", O_RDONLY | O_CLOEXEC);
        s.status_fd = openat(t->proc_fd, "status", O_RDONLY | O_CLOEXEC);
        if (s.statm_fd < 0 || s.status_fd < 0) {
                int err = errno == ENOENT ? -ESRCH : -errno;

                sampler_close(&s);
                return diag_set(d, err, "PID %d: cannot watch its memory: %s", t->pid, strerror(-err));
        }
        if (memory_group_find(t->proc_fd, &group) == 0)
                s.usage_fd = memory_group_open(&group, "memory.usage_in_bytes", "memory.current");
        *ret = s;
        return 0;
}

void sampler_close(struct sampler *s)
{
        fd_closep(&s->thread_fd);
        fd_closep(&s->statm_fd);
        fd_closep(&s->status_fd);
        fd_closep(&s->usage_fd);
}

int sampler_tick(struct sampler *s)
{
        char text[128];
        struct statm statm;
        ssize_t n = pread(s->statm_fd, text, sizeof(text), 0);

        if (n < 0)
                return -errno;
        /* A zombie, and one that is past exit_mm(), has all zeros. */
        if (statm_parse(text, (size_t)n, &statm) < 0 || statm.size == 0)
                return -ESRCH;
        s->now.monotonic_ns = clock_monotonic_ns();
        s->now.time_ns = clock_realtime_ns();
        s->now.rss = statm.resident * s->page_size;
        /* The counters are not read at one instant: `shared` may be the larger one for a moment. */
        s->now.anon = statm.resident > statm.shared ? (statm.resident - statm.shared) * s->page_size : 0;
        return 0;
}

/* Open `name`'s files in place of those we have; they must show memory. */
static int try_thread(struct sampler *s, int task_fd, const char *name)
{
        _cleanup_fd_ int dir = openat(task_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_fd_ int statm = dir < 0 ? -1 : openat(dir, "statm", O_RDONLY | O_CLOEXEC);
        _cleanup_fd_ int status = dir < 0 ? -1 : openat(dir, "status", O_RDONLY | O_CLOEXEC);
        struct statm memory;
        char text[128];
        ssize_t n = statm < 0 || status < 0 ? -1 : pread(statm, text, sizeof(text), 0);

        if (n < 0 || statm_parse(text, (size_t)n, &memory) < 0 || memory.size == 0)
                return -ESRCH;
        fd_closep(&s->thread_fd);
        fd_closep(&s->statm_fd);
        fd_closep(&s->status_fd);
        s->thread_fd = take_fd(&dir);
        s->statm_fd = take_fd(&statm);
        s->status_fd = take_fd(&status);
        return 0;
}

int sampler_rebind(struct sampler *s)
{
        int fd = openat(s->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir) {
                fd_closep(&fd);
                return -ESRCH;
        }
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.' && try_thread(s, fd, entry->d_name) == 0)
                        return 0;
        return -ESRCH;
}

void sampler_machine(struct sampler *s, struct machine *m, uint64_t max_age_ns)
{
        machine_refresh(m, s->now.monotonic_ns, max_age_ns);
        s->now.available = m->available;
        s->now.swap_free = m->swap_free;
}

void sampler_details(struct sampler *s, struct machine *m)
{
        char text[16384]; /* the Groups line, before the ones that we look for, may be long */
        ssize_t n;

        if (s->now.monotonic_ns - s->details_ns <
            (s->now.rss == s->details_rss ? DETAILS_AT_REST_NS : DETAILS_NS))
                return;
        s->details_ns = s->now.monotonic_ns;
        s->details_rss = s->now.rss;
        n = pread(s->status_fd, text, sizeof(text), 0);
        if (n > 0) {
                kb_line_parse(text, (size_t)n, "RssFile:", &s->now.file);
                kb_line_parse(text, (size_t)n, "RssShmem:", &s->now.shmem);
                kb_line_parse(text, (size_t)n, "VmSwap:", &s->now.swap);
        }
        n = s->usage_fd < 0 ? 0 : pread(s->usage_fd, text, sizeof(text), 0);
        if (n > 0) {
                const char *p = text;

                number_scan(&p, text + n, 10, &s->now.group_usage);
        }
        sampler_machine(s, m, DETAILS_NS);
}

int sampler_rollup(struct sampler *s)
{
        char text[4096];
        struct buf b = BUF_FIXED(text, sizeof(text));
        uint64_t begin_ns = clock_monotonic_ns(), pss, clean = 0, dirty = 0;
        /* Opened anew each time: the open file would stay with the memory from before an exec. */
        int r = file_read_at(s->thread_fd >= 0 ? s->thread_fd : s->proc_fd, "smaps_rollup", &b);

        s->rollup_end_ns = clock_monotonic_ns();
        s->rollup_cost_ns = s->rollup_end_ns - begin_ns;
        if (r < 0)
                return r;
        r = kb_line_parse(b.data, b.len, "Pss:", &pss);
        if (r < 0)
                return r;
        kb_line_parse(b.data, b.len, "Private_Clean:", &clean);
        kb_line_parse(b.data, b.len, "Private_Dirty:", &dirty);
        s->now.pss = pss;
        s->now.uss = clean + dirty;
        s->now.rollup_rss = s->now.rss;
        s->now.rollup_taken_ns = s->rollup_end_ns;
        return 0;
}

uint64_t sampler_bound(const struct sample *s, uint64_t value)
{
        uint64_t grown;

        if (value == SAMPLE_UNKNOWN)
                return s->rss;
        grown = s->rss > s->rollup_rss ? s->rss - s->rollup_rss : 0;
        return value + grown < s->rss ? value + grown : s->rss;
}

bool sampler_rollup_due(const struct sampler *s, uint64_t value, uint64_t level, uint64_t *ret_wait_ns)
{
        bool growing = sampler_bound(&s->now, value) >= level;
        uint64_t parts = growing ? ROLLUP_GROWING : ROLLUP_AT_REST;
        uint64_t due_ns = s->rollup_end_ns + parts * s->rollup_cost_ns;

        if (s->now.rss < level)
                return false;
        if (s->rollup_end_ns == 0 || s->now.monotonic_ns >= due_ns)
                return true;
        *ret_wait_ns = due_ns - s->now.monotonic_ns;
        return false;
}
