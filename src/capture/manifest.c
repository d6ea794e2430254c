/* SPDX-License-Identifier: MIT */
#include "capture/manifest.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/number.h"

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
        char text[8192];
        struct buf b = BUF_FIXED(text, sizeof(text));
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

void identity_read(const struct target *t, struct identity *ret)
{
        static const char deleted[] = " (deleted)";
        size_t tail = strlen(deleted);
        ssize_t n = readlinkat(t->proc_fd, "exe", ret->exe, sizeof(ret->exe) - 1);

        ret->exe[n > 0 ? n : 0] = '\0';
        ret->exe_deleted = n > (ssize_t)tail && strcmp(ret->exe + n - tail, deleted) == 0;
        if (ret->exe_deleted)
                ret->exe[(size_t)n - tail] = '\0';
        ret->build_id[0] = '\0';
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

void manifest_head(const struct capture_request *request, const struct identity *id, uint64_t realtime_ns,
                   uint64_t monotonic_ns, const struct manifest_result *result, struct buf *out)
{
        struct json_out j = {.buf = out};

        json_put_object_begin(&j, NULL);
        json_put_uint(&j, "format", 1);
        json_put_string(&j, "swansong", SWANSONG_VERSION);
        json_put_bool(&j, "complete", result->complete);
        put_host(&j);
        json_put_uint(&j, "time_ns", realtime_ns);
        json_put_uint(&j, "monotonic_ns", monotonic_ns);
        json_put_object_begin(&j, "trigger");
        json_put_string(&j, "kind", request->trigger_kind);
        json_put_string(&j, "sentence", request->trigger_sentence);
        json_put_string(&j, "guarantee", request->guarantee);
        json_put_null(&j, "ms_before_kill");
        json_put_object_end(&j);
        put_target(&j, request->target, id, result->condition);
        if (result->pause_ns == UINT64_MAX)
                json_put_null(&j, "pause_ns");
        else
                json_put_uint(&j, "pause_ns", result->pause_ns);
        json_put_object_begin(&j, "threads");
        json_put_uint(&j, "listed", result->listed);
        json_put_uint(&j, "stopped", result->stopped);
        json_put_uint(&j, "syscall", result->syscall);
        json_put_uint(&j, "lost", result->lost);
        json_put_object_end(&j);
}
