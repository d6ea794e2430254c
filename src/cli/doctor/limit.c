/* SPDX-License-Identifier: MIT */
/* Which limit would kill it, how far that is, who would kill, and whether it would be the one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/group_tree.h"
#include "base/number.h"
#include "base/scan.h"
#include "base/size.h"
#include "cli/doctor/doctor.h"
#include "trigger/badness.h"
#include "trigger/limit.h"
#include "trigger/conditions/machine.h"

/* Where --arm begins, and where there is not much left. */
#define USED_ARMED 0.7
#define USED_MOST  0.9

static enum finding_level level_of(uint64_t used, uint64_t limit)
{
        double share = limit ? (double)used / (double)limit : 1;

        return share >= USED_MOST ? FINDING_PROBLEM : share >= USED_ARMED ? FINDING_NOTE : FINDING_OK;
}

static void say_limit(struct doctor *d, const char *source, uint64_t used, uint64_t limit, const char *end)
{
        char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];

        doctor_say(d, level_of(used, limit), "%s: %s of %s used (%.0f %%), %s to go%s", source,
                   size_format(used, a), size_format(limit, b),
                   limit ? 100.0 * (double)used / (double)limit : 100.0,
                   size_format(limit > used ? limit - used : 0, c), end);
}

static void remember(struct doctor *d, const char *source, uint64_t used, uint64_t limit)
{
        d->limit = limit;
        d->limit_used = used;
        snprintf(d->limit_source, sizeof(d->limit_source), "%s", source);
}

static void say_machine(struct doctor *d, const struct machine *m, bool nearest)
{
        uint64_t used = m->mem_total > m->available ? m->mem_total - m->available : 0;

        d->swap_total = m->swap_total;
        if (nearest)
                remember(d, "this machine's memory", used, m->mem_total);
        say_limit(d, "this machine's memory", used, m->mem_total,
                  nearest ? ": no memory group limits it, this would kill it" : "");
}

/* All levels that have a limit, and which of them is nearest. */
static void say_groups(struct doctor *d, struct limit_reader *l, const struct machine *m)
{
        struct memory_limit limit;
        uint64_t used = 0;
        int nearest;

        limit_read(l, m->mem_total, &limit);
        nearest = limit_nearest(l, &used);
        for (unsigned i = 0; i < l->n; i++) {
                uint64_t usage;

                if (l->levels[i].usage_fd < 0 || limit_usage(l, i, &usage) < 0)
                        continue;
                limit_describe(l, (int)i, m->mem_total, &limit);
                if ((int)i == nearest)
                        remember(d, limit.source, usage, limit.bytes);
                say_limit(d, limit.source, usage, limit.bytes,
                          (int)i == nearest ? ": this would kill it" : "");
        }
        if (l->error)
                doctor_say(d, FINDING_PROBLEM, "%.*s/%s cannot be read: %s", (int)l->error_len, l->dir,
                           limit_file(l), strerror(-l->error));
        say_machine(d, m, nearest == LIMIT_MACHINE);
}

void doctor_limit(struct doctor *d)
{
        struct limit_reader limits = LIMIT_READER_NONE;
        struct machine machine;
        struct diag why;

        if (machine_open(&machine, &why) < 0) {
                doctor_say(d, FINDING_PROBLEM, "%s", why.text);
                return;
        }
        d->has_group = memory_group_find(d->target->proc_fd, &d->group) == 0;
        limit_reader_open(d->target->proc_fd, &limits);
        say_groups(d, &limits, &machine);
        limit_reader_close(&limits);
        machine_close(&machine);
}

/* "Max address space         unlimited            unlimited            bytes" */
static uint64_t soft_limit(const char *limits, const char *name)
{
        const char *p = strstr(limits, name);
        uint64_t value;

        if (!p)
                return UINT64_MAX;
        p += strlen(name);
        p += strspn(p, " ");
        return number_scan(&p, limits + strlen(limits), 10, &value) < 0 ? UINT64_MAX : value;
}

void doctor_rlimits(struct doctor *d)
{
        static const struct {
                const char *name, *in_limits, *in_status;
        } rlimits[] = {{"RLIMIT_AS", "Max address space", "\nVmSize:"},
                       {"RLIMIT_DATA", "Max data size", "\nVmData:"}};
        char text[4096] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));

        if (file_read_at(d->target->proc_fd, "limits", &b) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++) {
                uint64_t limit = soft_limit(text, rlimits[i].in_limits),
                         used = doctor_status_number(d->target, rlimits[i].in_status, 10);

                if (limit != UINT64_MAX && used != UINT64_MAX)
                        say_limit(d, rlimits[i].name, used * 1024, limit,
                                  ": at this one allocations fail, nobody is killed");
        }
}

/* Programs that kill for memory before the kernel does, by their name in /proc/PID/comm. */
static const struct {
        const char *comm, *how;
} killers[] = {
        {"systemd-oomd", "it kills whole groups by SIGKILL, by pressure or swap"},
        {"earlyoom", "it kills by SIGTERM, then SIGKILL, when little memory and swap are available"},
        {"nohang", "it kills by SIGTERM or SIGKILL, by memory and pressure"},
        {"oomd", "it kills whole groups by SIGKILL, by its own rules"},
        {"lmkd", "it kills by SIGKILL, by pressure"},
        {"bustd", "it kills by SIGTERM or SIGKILL, by memory and pressure"},
};

static int read_number(const char *path, uint64_t *ret)
{
        char text[32] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        const char *p = text;

        return file_read_at(AT_FDCWD, path, &b) < 0 ? -errno : number_scan(&p, text + b.len, 10, ret);
}

static void say_killers_running(struct doctor *d)
{
        _cleanup_dir_ DIR *dir = opendir("/proc");
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char path[300], comm[64] = "";
                struct buf b = BUF_FIXED(comm, sizeof(comm));

                if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
                        continue;
                snprintf(path, sizeof(path), "%s/comm", entry->d_name);
                if (file_read_at(dirfd(dir), path, &b) < 0)
                        continue;
                comm[strcspn(comm, "\n")] = '\0';
                for (size_t i = 0; i < ARRAY_SIZE(killers); i++)
                        if (strcmp(comm, killers[i].comm) == 0)
                                doctor_say(d, FINDING_NOTE,
                                           "%s runs (PID %.10s): %s; the kernel's log has no word about that",
                                           comm, entry->d_name, killers[i].how);
        }
}

static bool group_file_says(const struct doctor *d, const char *v1, const char *v2, const char *word)
{
        _cleanup_fd_ int fd = d->has_group ? memory_group_open(&d->group, v1, v2) : -1;
        char text[512] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));

        return fd >= 0 && file_read_fd(fd, &b) == 0 && strncmp(text, word, strlen(word)) == 0;
}

void doctor_killer(struct doctor *d)
{
        bool group = strncmp(d->limit_source, "memory group", strlen("memory group")) == 0;
        uint64_t value;

        doctor_say(d, FINDING_OK, "the kernel would kill, %s",
                   group ? "for the limit of that memory group, one process of it"
                         : "when the machine has no memory left, one process of it");
        if (group_file_says(d, NULL, "memory.oom.group", "1"))
                doctor_say(d, FINDING_NOTE,
                           "memory.oom.group is set: all processes of its group would be killed");
        if (group_file_says(d, "memory.oom_control", NULL, "oom_kill_disable 1"))
                doctor_say(d, FINDING_NOTE,
                           "oom_kill_disable is set for its group: at the limit its processes wait, nobody "
                           "is killed");
        if (read_number("/proc/sys/vm/panic_on_oom", &value) == 0 && value > 0)
                doctor_say(d, FINDING_PROBLEM,
                           "vm.panic_on_oom is %" PRIu64 ": the machine would panic instead of killing",
                           value);
        if (read_number("/proc/sys/vm/oom_kill_allocating_task", &value) == 0 && value > 0)
                doctor_say(d, FINDING_NOTE,
                           "vm.oom_kill_allocating_task is set: whoever allocates is killed, whatever its "
                           "score");
        say_killers_running(d);
}

/* The place of the target among these; nothing is ranked twice. */
static void rank_among(const struct doctor *d, int proc_fd, const struct pid_list *pids, uint64_t total_pages,
                       struct doctor_place *ret)
{
        _cleanup_free_ struct badness_rank *ranks = calloc(pids->n ? pids->n : 1, sizeof(*ranks));
        size_t n = ranks ? badness_rank(proc_fd, pids->items, pids->n, getpid(), total_pages, ranks) : 0;

        *ret = (struct doctor_place){.of = n};
        for (size_t i = 0; i < n; i++)
                if (ranks[i].pid == d->target->pid)
                        ret->place = i + 1;
}

static void all_pids(int proc_fd, struct pid_list *l)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        uint64_t pid;

        if (dir_open_at(proc_fd, ".", &dir) < 0)
                return;
        while ((entry = readdir(dir)))
                if (number_parse(entry->d_name, INT32_MAX, &pid) == 0)
                        pid_list_add(l, (pid_t)pid);
}

static void say_place(struct doctor *d, const char *where, const struct doctor_place *p)
{
        if (p->place == 0)
                doctor_say(d, FINDING_NOTE, "%s the kernel would kill any of %" PRIu64 " others, never it",
                           where, p->of);
        else if (p->place == 1)
                doctor_say(d, FINDING_NOTE, "%s it is the first that the kernel would kill, of %" PRIu64,
                           where, p->of);
        else
                doctor_say(d, FINDING_OK, "%s %" PRIu64 " process%s would be killed before it, of %" PRIu64,
                           where, p->place - 1, p->place == 2 ? "" : "es", p->of);
}

static int read_score(const struct target *t, const char *name)
{
        char text[32] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct scan s;
        int32_t score;

        if (file_read_at(t->proc_fd, name, &b) < 0)
                return INT32_MIN;
        s = scan_of(text, b.len);
        return scan_int(&s, &score) ? score : INT32_MIN;
}

void doctor_rank(struct doctor *d)
{
        _cleanup_fd_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_pid_list_ struct pid_list all = {0}, own = {0};
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), mem_total = d->limit;
        char dir[2 * PATH_MAX];
        struct machine machine;
        struct diag why;

        d->oom_score = read_score(d->target, "oom_score");
        d->oom_score_adj = read_score(d->target, "oom_score_adj");
        if (d->oom_score != INT32_MIN && d->oom_score_adj != INT32_MIN)
                doctor_say(d, FINDING_OK, "oom_score %d, oom_score_adj %d%s", d->oom_score, d->oom_score_adj,
                           d->oom_score_adj == -1000 ? ": it is never killed for memory" : "");
        if (machine_open(&machine, &why) == 0) {
                mem_total = machine.mem_total;
                machine_close(&machine);
        }
        all_pids(proc, &all);
        rank_among(d, proc, &all, badness_total_pages(mem_total, d->swap_total, page), &d->in_machine);
        say_place(d, "on this machine", &d->in_machine);
        if (!d->has_group || strcmp(d->group.path, "/") == 0)
                return;
        snprintf(dir, sizeof(dir), "%s%s", d->group.mount, d->group.path);
        if (group_processes(dir, &own) < 0 || own.n == 0)
                return;
        rank_among(d, proc, &own, badness_total_pages(d->limit, d->swap_total, page), &d->in_group);
        say_place(d, "in its memory group", &d->in_group);
}

void doctor_cgroup(struct doctor *d)
{
        if (!d->has_group)
                doctor_say(d, FINDING_NOTE,
                           "no memory controller of cgroups can be seen: limits of containers are "
                           "not known here");
        else
                doctor_say(d, FINDING_OK, "cgroup v%d, memory group %s", d->group.version, d->group.kernel);
        if (d->has_group && d->group.version == 2 && !group_file_says(d, NULL, "memory.high", "max") &&
            strcmp(d->group.path, "/") != 0)
                doctor_say(d, FINDING_NOTE,
                           "memory.high is set: the kernel slows it down there, long before it kills");
}
