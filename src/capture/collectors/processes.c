/* SPDX-License-Identifier: MIT */
#include "capture/collectors/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory_group.h"
#include "base/scan.h"
#include "capture/collectors.h"
#include "capture/table.h"

static const struct {
        const char *key;
        size_t offset;
} fields[] = {
        {"PPid:", offsetof(struct process_row, ppid)},
        {"Uid:", offsetof(struct process_row, uid)},
        {"VmRSS:", offsetof(struct process_row, amount[0])},
        {"RssAnon:", offsetof(struct process_row, amount[1])},
        {"RssFile:", offsetof(struct process_row, amount[2])},
        {"RssShmem:", offsetof(struct process_row, amount[3])},
        {"VmPTE:", offsetof(struct process_row, amount[5])},
        {"VmSwap:", offsetof(struct process_row, amount[4])},
        {"Threads:", offsetof(struct process_row, threads)},
};

static void skip_space(struct scan *s)
{
        while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
                s->at++;
}

static void take_line(struct scan line, struct process_row *row)
{
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                uint64_t value;

                if (!scan_word(&line, fields[i].key))
                        continue;
                skip_space(&line);
                if (scan_number(&line, &value) && value <= UINT64_MAX / 1024)
                        memcpy((char *)row + fields[i].offset,
                               &(uint64_t){scan_word(&line, " kB") ? value * 1024 : value}, sizeof(value));
                return;
        }
}

int process_row_parse(const char *status, size_t len, struct process_row *ret)
{
        struct scan text = scan_of(status, len), line;
        struct process_row row = {.ppid = UINT64_MAX, .uid = UINT64_MAX, .threads = UINT64_MAX, .state = '?'};

        for (size_t i = 0; i < PROCESS_AMOUNTS; i++)
                row.amount[i] = UINT64_MAX;
        if (!scan_word(&text, "Name:\t") || !scan_until(&text, "\n", &line))
                return -EINVAL;
        row.name = line.at;
        row.name_len = scan_left(&line);
        while (scan_until(&text, "\n", &line)) {
                if (scan_word(&line, "State:\t"))
                        row.state = scan_left(&line) > 0 ? *line.at : '?';
                else
                        take_line(line, &row);
        }
        row.has_memory = row.amount[0] != UINT64_MAX;
        *ret = row;
        return 0;
}

static void print_number(struct table *t, uint64_t value)
{
        if (value == UINT64_MAX)
                table_print(t, "-\t");
        else
                table_print(t, "%" PRIu64 "\t", value);
}

/* The one number of oom_score or oom_score_adj. */
static void print_score(struct table *t, int dirfd, const char *name)
{
        char text[32] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct scan s;
        int32_t score;

        if (file_read_at(dirfd, name, &b) == 0) {
                s = scan_of(b.data, b.len);
                if (scan_int(&s, &score)) {
                        table_print(t, "%d\t", score);
                        return;
                }
        }
        table_print(t, "-\t");
}

static void print_group(struct table *t, int dirfd)
{
        char text[16384] = "", name[PATH_MAX];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int version;

        if (file_read_at(dirfd, "cgroup", &b) < 0 || memory_group_name(text, &version, name) < 0)
                name[0] = '\0';
        table_cell(t, name, strlen(name));
}

static void print_process(struct table *t, int proc, const char *pid, struct buf *status)
{
        _cleanup_fd_ int dir = openat(proc, pid, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct process_row p;

        buf_reset(status);
        if (dir < 0 || file_read_at(dir, "status", status) < 0 ||
            process_row_parse(status->data, status->len, &p) < 0 || (!p.has_memory && p.state != 'Z'))
                return;
        table_print(t, "%s\t", pid);
        print_number(t, p.ppid);
        print_number(t, p.uid);
        print_number(t, p.threads);
        table_print(t, "%c\t", p.state);
        for (size_t i = 0; i < PROCESS_AMOUNTS; i++)
                print_number(t, p.amount[i]);
        print_score(t, dir, "oom_score");
        print_score(t, dir, "oom_score_adj");
        print_group(t, dir);
        table_print(t, "\t");
        table_cell(t, p.name, p.name_len);
        table_print(t, "\n");
}

void processes_make(struct collect *c, const struct collector *row)
{
        _cleanup_dir_ DIR *dir = opendir("/proc");
        _cleanup_buf_ struct buf status = BUF_GROWING(PROC_STATUS_MAX);
        struct dirent *entry;
        struct table t;

        if (!dir) {
                section_missing(c->writer, row->name, row->optional, errno, NULL);
                return;
        }
        table_begin(&t, c, row,
                    "pid\tppid\tuid\tthreads\tstate\trss\tanon\tfile\tshmem\tswap\tpage_tables\toom_score\t"
                    "oom_score_adj\tgroup\tcomm\n");
        while (table_goes_on(&t) && (entry = readdir(dir)))
                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                        print_process(&t, dirfd(dir), entry->d_name, &status);
        table_end(&t, 0);
}
