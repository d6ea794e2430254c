/* SPDX-License-Identifier: MIT */
#include "cli/oom/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/scan.h"
#include "base/target.h"
#include "cli/options.h"

#define FACT_MAX ((size_t)1 << 20)

/* The log's PIDs are those of the initial PID namespace, and by now the PID may belong to somebody else: it
 * must have started before the kill, under this name. */
static int victim_open(const struct oom_kill *k, int *ret_dirfd)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(4096);
        _cleanup_fd_ int dir = -1;
        struct stat_brief stat;
        char path[32];
        int r;

        if (!pid_namespace_is_initial())
                return -EXDEV;
        snprintf(path, sizeof(path), "/proc/%d", k->pid);
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        r = file_read_at(dir, "stat", &text);
        if (r < 0)
                return r;
        if (stat_brief_parse(text.data, text.len, &stat) < 0)
                return -EINVAL;
        if (strcmp(stat.comm, k->comm) != 0 ||
            stat.start_ticks / (uint64_t)sysconf(_SC_CLK_TCK) > k->time_ns / NS_PER_S + 1)
                return -ESRCH;
        *ret_dirfd = take_fd(&dir);
        return 0;
}

static int status_read(const struct oom_kill *k, struct buf *b)
{
        _cleanup_fd_ int dir = -1;
        int r = victim_open(k, &dir);

        return r < 0 ? r : file_read_at(dir, "status", b);
}

static int meminfo_read(const struct oom_kill *k, struct buf *b)
{
        (void)k;
        return file_read_at(AT_FDCWD, "/proc/meminfo", b);
}

static int slabinfo_read(const struct oom_kill *k, struct buf *b)
{
        (void)k;
        return file_read_at(AT_FDCWD, "/proc/slabinfo", b);
}

/* In the order of copying: a victim is gone within milliseconds. */
static const struct {
        int (*read)(const struct oom_kill *k, struct buf *b);
        bool of_machine; /* the same for all kills of a storm */
} readers[OOM_FACT_COUNT] = {
        [OOM_FACT_STATUS] = {status_read, false},
        [OOM_FACT_MEMINFO] = {meminfo_read, true},
        [OOM_FACT_SLABINFO] = {slabinfo_read, true},
};

const char *const oom_fact_names[OOM_FACT_COUNT] = {
        [OOM_FACT_STATUS] = "status",
        [OOM_FACT_MEMINFO] = "meminfo",
        [OOM_FACT_SLABINFO] = "slabinfo",
};

int oom_facts_choose(const char *list, struct oom_facts *f, struct diag *d)
{
        for (const char *p = list;; p++) {
                size_t n = strcspn(p, ",");
                int i = 0;

                while (i < OOM_FACT_COUNT &&
                       (strlen(oom_fact_names[i]) != n || memcmp(oom_fact_names[i], p, n) != 0))
                        i++;
                if (i == OOM_FACT_COUNT)
                        return diag_set(d, -EINVAL, "--with: '%.*s' is none of meminfo, status, slabinfo",
                                        (int)(n < 40 ? n : 40), p);
                f->fact[i].wanted = true;
                p += n;
                if (*p == '\0')
                        return 0;
        }
}

static const char *missing_reason(int err)
{
        if (err == -ESRCH)
                return "the victim was gone already";
        if (err == -EALREADY)
                return "left out: copied at another kill less than 5 s before";
        if (err == -EXDEV)
                return "the log's PIDs are the machine's, and swansong runs in another PID namespace";
        return strerror(-err);
}

static uint64_t age_of(const struct oom_kill *k)
{
        uint64_t now = clock_monotonic_ns();

        /* The log's clock may be ahead by a few ms. */
        return now > k->time_ns ? now - k->time_ns : 0;
}

void oom_facts_take(struct oom_facts *f, const struct oom_kill *k)
{
        struct buf load = BUF_FIXED(f->load, sizeof(f->load));
        bool machine = f->fact[OOM_FACT_MEMINFO].wanted || f->fact[OOM_FACT_SLABINFO].wanted;
        bool due;

        f->left_out = 0;
        due = machine && storm_pass(&f->storm, clock_monotonic_ns(), &f->left_out);

        for (int i = 0; i < OOM_FACT_COUNT; i++) {
                int r;

                if (!f->fact[i].wanted)
                        continue;
                buf_done(&f->fact[i].text);
                f->fact[i].text = BUF_GROWING(FACT_MAX);
                r = readers[i].of_machine && !due ? -EALREADY : readers[i].read(k, &f->fact[i].text);
                snprintf(f->fact[i].missing, sizeof(f->fact[i].missing), "%s",
                         r < 0 ? missing_reason(r) : "");
                f->fact[i].age_ns = age_of(k);
        }
        file_read_at(AT_FDCWD, "/proc/loadavg", &load);
        f->load[strcspn(f->load, "\n")] = '\0';
}

void oom_facts_done(struct oom_facts *f)
{
        for (int i = 0; i < OOM_FACT_COUNT; i++)
                buf_done(&f->fact[i].text);
}

/* "kmalloc-64  12345 12800  64  64  1 : tunables 0 0 0 : slabdata 200 200 0" (slabinfo version 2.1) */
static bool slab_parse(struct scan line, uint64_t page_size, struct oom_slab *ret)
{
        uint64_t active, total, size, per_slab, pages, slabs;
        struct scan name;

        if (!scan_until(&line, " ", &name))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &active))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &total))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &size))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &per_slab))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &pages) || !scan_find(&line, "slabdata"))
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &slabs)) /* active ones */
                return false;
        scan_blanks(&line);
        if (!scan_number(&line, &slabs))
                return false;
        scan_copy(&name, ret->name, sizeof(ret->name));
        ret->objects = active;
        ret->bytes = slabs * pages * page_size;
        return true;
}

size_t oom_slabs_largest(const struct buf *slabinfo, uint64_t page_size, struct oom_slab *out, size_t max)
{
        struct scan text = scan_of(slabinfo->data, slabinfo->len), line;
        size_t n = 0;

        while (scan_until(&text, "\n", &line)) {
                struct oom_slab slab;
                size_t at;

                if (!slab_parse(line, page_size, &slab))
                        continue;
                for (at = n; at > 0 && out[at - 1].bytes < slab.bytes; at--)
                        if (at < max)
                                out[at] = out[at - 1];
                if (at < max)
                        out[at] = slab;
                if (n < max)
                        n++;
        }
        return n;
}
