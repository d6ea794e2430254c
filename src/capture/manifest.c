/* SPDX-License-Identifier: MIT */
#include "capture/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/maps_line.h"
#include "base/number.h"

#define HEAD_MAX 32768 /* exe may have 4 KiB, six times that when every byte is escaped */

/* For the whole of the program's life: a capture is no time for malloc(). */
static char head_memory[HEAD_MAX];

static const char *const ns_names[] = {"mnt", "net", "pid", "user", "cgroup"};

/* readlink() of "ns/net" gives "net:[4026531840]". */
static uint64_t ns_read(int proc_fd, const char *name)
{
        char path[16], link[64];
        const char *p;
        uint64_t inode;
        ssize_t n;

        snprintf(path, sizeof(path), "ns/%s", name);
        n = readlinkat(proc_fd, path, link, sizeof(link) - 1);
        p = n > 0 ? memchr(link, '[', (size_t)n) : NULL;
        if (!p++)
                return 0;
        return number_scan(&p, link + n, 10, &inode) < 0 ? 0 : inode;
}

/* "NSpid:\t4711\t17\t1\n": the last is the innermost.  Since Linux 4.1. */
static pid_t ns_pid_read(int proc_fd)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(PROC_STATUS_MAX);
        const char *p, *end;
        uint64_t pid = 0;

        if (file_read_at(proc_fd, "status", &b) < 0)
                return 0;
        p = strstr(b.data, "\nNSpid:");
        if (!p)
                return 0;
        p += strlen("\nNSpid:");
        end = b.data + b.len;
        while (p < end && *p == '\t') {
                p++;
                if (number_scan(&p, end, 10, &pid) < 0)
                        break;
        }
        return (pid_t)pid;
}

/* The executable is mapped first, as a rule: one piece of maps is enough, and its first page has the note.
 * Read from memory rather than from the file, which may have been replaced. */
static void build_id_read(int proc_fd, const char *exe_link, char out[BUILD_ID_TEXT])
{
        _cleanup_fd_ int maps = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
        _cleanup_fd_ int mem = openat(proc_fd, "mem", O_RDONLY | O_CLOEXEC);
        char text[4096], page[4096];
        struct maps_line m;
        ssize_t n;

        out[0] = '\0';
        n = maps < 0 ? -1 : read(maps, text, sizeof(text));
        for (const char *line = text, *next; n > 0 && line < text + n; line = next) {
                if (maps_line_parse(line, (size_t)(text + n - line), &m, &next) < 0 || m.offset != 0 ||
                    !maps_line_is(&m, exe_link))
                        continue;
                n = mem < 0 ? -1 : pread(mem, page, sizeof(page), (off_t)m.start);
                if (n <= 0 || build_id_parse(page, (size_t)n, out) < 0)
                        out[0] = '\0';
                return;
        }
}

void identity_read(const struct target *t, struct identity *ret)
{
        static const char deleted[] = " (deleted)";
        size_t tail = strlen(deleted);
        ssize_t n = readlinkat(t->proc_fd, "exe", ret->exe, sizeof(ret->exe) - 1);

        ret->exe[n > 0 ? n : 0] = '\0';
        build_id_read(t->proc_fd, ret->exe, ret->build_id);
        ret->exe_deleted = n > (ssize_t)tail && strcmp(ret->exe + n - tail, deleted) == 0;
        if (ret->exe_deleted)
                ret->exe[(size_t)n - tail] = '\0';
        ret->ns_pid = ns_pid_read(t->proc_fd);
        for (size_t i = 0; i < ARRAY_SIZE(ns_names); i++)
                ret->ns[i] = ns_read(t->proc_fd, ns_names[i]);
}

static void put_known(struct json_out *j, const char *key, uint64_t value)
{
        if (value)
                json_put_uint(j, key, value);
        else
                json_put_null(j, key);
}

static void put_text(struct json_out *j, const char *key, const char *text)
{
        json_put_string(j, key, text[0] ? text : NULL);
}

static void put_host(struct json_out *j)
{
        struct utsname host;
        struct timespec boot;
        uint64_t now = clock_realtime_ns();

        clock_gettime(CLOCK_BOOTTIME, &boot);
        uname(&host);
        json_put_object_begin(j, "host");
        json_put_string(j, "hostname", host.nodename);
        json_put_string(j, "kernel", host.release);
        json_put_string(j, "machine", host.machine);
        json_put_int(j, "page_size", sysconf(_SC_PAGESIZE));
        json_put_int(j, "clock_ticks", sysconf(_SC_CLK_TCK));
        json_put_int(j, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
        json_put_uint(j, "boot_time_ns", now - (uint64_t)boot.tv_sec * NS_PER_S - (uint64_t)boot.tv_nsec);
        json_put_object_end(j);
}

static void put_target(struct json_out *j, const struct target *t, const struct identity *id,
                       const char *condition)
{
        char state[2] = {t->state, '\0'};

        if (t->pid == 0) {
                json_put_null(j, "target");
                return;
        }
        json_put_object_begin(j, "target");
        json_put_int(j, "pid", t->pid);
        put_known(j, "ns_pid", (uint64_t)id->ns_pid);
        json_put_int(j, "ppid", t->ppid);
        json_put_uint(j, "start_ticks", t->start_ticks);
        json_put_string(j, "comm", t->comm);
        put_text(j, "exe", id->exe);
        json_put_bool(j, "exe_deleted", id->exe_deleted);
        put_text(j, "build_id", id->build_id);
        json_put_uint(j, "uid", t->uid);
        json_put_string(j, "state", state);
        json_put_string(j, "condition", condition);
        json_put_object_begin(j, "namespaces");
        for (size_t i = 0; i < ARRAY_SIZE(ns_names); i++)
                put_known(j, ns_names[i], id->ns[i]);
        json_put_object_end(j);
        json_put_object_end(j);
}

static void put_threads(struct json_out *j, const struct thread_totals *t)
{
        if (t->pause_ns == UINT64_MAX)
                json_put_null(j, "pause_ns");
        else
                json_put_uint(j, "pause_ns", t->pause_ns);
        json_put_object_begin(j, "threads");
        json_put_uint(j, "listed", t->listed);
        json_put_uint(j, "stopped", t->stopped);
        json_put_uint(j, "syscall", t->syscall);
        json_put_uint(j, "lost", t->lost);
        json_put_object_end(j);
}

static void put_kill(struct json_out *j, const struct kill_times *k)
{
        if (k->first_stop_ns == 0)
                return;
        json_put_object_begin(j, "kill");
        json_put_uint(j, "first_stop_ns", k->first_stop_ns);
        json_put_uint(j, "threads_read_ns", k->threads_read_ns);
        json_put_uint(j, "let_go_ns", k->let_go_ns);
        json_put_object_end(j);
}

void manifest_head(const struct manifest *m, struct buf *out)
{
        struct json_out j = {.buf = out};

        json_put_object_begin(&j, NULL);
        json_put_uint(&j, "format", 1);
        json_put_string(&j, "swansong", SWANSONG_VERSION);
        json_put_bool(&j, "complete", m->complete);
        put_host(&j);
        json_put_uint(&j, "time_ns", m->realtime_ns);
        json_put_uint(&j, "monotonic_ns", m->monotonic_ns);
        json_put_object_begin(&j, "trigger");
        json_put_string(&j, "kind", m->request->trigger_kind);
        json_put_string(&j, "sentence", m->request->trigger_sentence);
        json_put_string(&j, "guarantee", m->request->guarantee);
        if (m->request->guarantee && strcmp(m->request->guarantee, "at-kill") == 0)
                json_put_uint(&j, "ms_before_kill", 0);
        else
                json_put_null(&j, "ms_before_kill");
        json_put_object_end(&j);
        put_target(&j, m->request->target, &m->id, m->threads.condition);
        put_threads(&j, &m->threads);
        put_kill(&j, &m->kill);
}

int manifest_write(const struct manifest *m, struct bundle_writer *w)
{
        struct buf head = BUF_FIXED(head_memory, sizeof(head_memory));

        manifest_head(m, &head);
        return head.cut ? -ENOBUFS : bundle_write_manifest(w, head.data, head.len);
}
