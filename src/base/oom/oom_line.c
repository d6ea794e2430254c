/* SPDX-License-Identifier: MIT */
#include "base/oom/oom_line.h"

#include <linux/oom.h>

static const char invoked_words[] = " invoked oom-killer: gfp_mask=";

/* Kibibytes to bytes; what overflows is unknown. */
static uint64_t kib(uint64_t n)
{
        return n <= UINT64_MAX / 1024 - 1 ? n * 1024 : OOM_UNKNOWN;
}

static bool scan_kib(struct scan *s, uint64_t *ret_bytes)
{
        struct scan t = *s;
        uint64_t n;

        if (!scan_number(&t, &n) || !scan_word(&t, "kB"))
                return false;
        *ret_bytes = kib(n);
        *s = t;
        return true;
}

bool oom_line_invoked(struct scan line, struct oom_kill *k)
{
        struct scan comm, mask;

        /* No comm is long enough to hold these words itself. */
        if (!scan_until(&line, invoked_words, &comm))
                return false;
        scan_copy(&comm, k->why.trigger_comm, sizeof(k->why.trigger_comm));
        /* Up to Linux 4.20 ", nodemask=(null)" stands between the mask and the order. */
        if (scan_until(&line, ")", &mask)) {
                mask.end++;
                scan_copy(&mask, k->why.gfp_mask, sizeof(k->why.gfp_mask));
        }
        if (scan_find(&line, "order="))
                scan_int(&line, &k->why.order);
        if (scan_find(&line, "oom_score_adj="))
                scan_int_in(&line, OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX, &k->why.trigger_oom_score_adj);
        return true;
}

/* How the kill's line begins.  -1, or the scope, and `line` stands at the PID. */
static int scan_killed(struct scan *line)
{
        static const struct {
                const char *words;
                int scope;
        } begins[] = {
                {"Memory cgroup out of memory: Killed process ", OOM_SCOPE_GROUP},
                {"Out of memory: Killed process ", OOM_SCOPE_GLOBAL},
                {"Out of memory (oom_kill_allocating_task): Killed process ", OOM_SCOPE_GLOBAL},
                /* Up to Linux 5.0 the reason stands in the line before, "... Kill process N (C) score N". */
                {"Killed process ", OOM_SCOPE_UNKNOWN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
                if (scan_word(line, begins[i].words))
                        return begins[i].scope;
        return -1;
}

/* "90 (hog) total-vm:": comm may hold ") total-vm:" itself, the last one counts. */
static bool scan_victim(struct scan *line, int32_t *ret_pid, struct scan *ret_comm)
{
        struct scan s = *line, comm;
        int32_t pid;

        if (!scan_int(&s, &pid) || pid <= 0 || !scan_word(&s, " (") ||
            !scan_until_last(&s, ") total-vm:", &comm))
                return false;
        *line = s;
        *ret_pid = pid;
        *ret_comm = comm;
        return true;
}

bool oom_line_killed(struct scan line, struct oom_kill *k)
{
        const struct {
                const char *words;
                uint64_t *bytes;
        } sizes[] = {
                {", anon-rss:", &k->anon_rss},
                {", file-rss:", &k->file_rss},
                {", shmem-rss:", &k->shmem_rss},
                {" pgtables:", &k->page_tables}, /* this and the rest since Linux 5.4 */
        };
        int scope = scan_killed(&line);
        struct scan comm;

        if (scope < 0 || !scan_victim(&line, &k->pid, &comm))
                return false;
        scan_copy(&comm, k->comm, sizeof(k->comm));
        if (scope != OOM_SCOPE_UNKNOWN)
                k->why.scope = scope;
        if (k->why.scope == OOM_SCOPE_GROUP && !*k->why.constraint)
                strcpy(k->why.constraint, "CONSTRAINT_MEMCG");
        scan_kib(&line, &k->total_vm);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct scan field = line;

                if (scan_find(&field, sizes[i].words))
                        scan_kib(&field, sizes[i].bytes);
        }
        if (scan_find(&line, "UID:"))
                scan_number(&line, &k->uid);
        if (scan_find(&line, " oom_score_adj:"))
                scan_int_in(&line, OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX, &k->oom_score_adj);
        return true;
}

bool oom_line_group(struct scan line, char path[OOM_PATH])
{
        struct scan name;

        if (!scan_word(&line, "Tasks in ") ||
            !scan_until_last(&line, " are going to be killed due to memory.oom.group set", &name))
                return false;
        scan_copy(&name, path, OOM_PATH);
        return true;
}

bool oom_line_reaped(struct scan line, struct oom_reaped *ret)
{
        struct oom_reaped r = {0};
        struct scan comm;

        if (!scan_word(&line, "oom_reaper: reaped process ") || !scan_int(&line, &r.pid) ||
            !scan_word(&line, " (") || !scan_until_last(&line, "), now anon-rss:", &comm) ||
            !scan_kib(&line, &r.anon_rss) || !scan_word(&line, ", file-rss:") ||
            !scan_kib(&line, &r.file_rss) || !scan_word(&line, ", shmem-rss:") ||
            !scan_kib(&line, &r.shmem_rss))
                return false;
        scan_copy(&comm, r.comm, sizeof(r.comm));
        *ret = r;
        return true;
}

enum oom_line_kind oom_line_kind(struct scan line)
{
        struct scan s = line, comm;
        struct oom_reaped reaped;
        char path[OOM_PATH];
        int32_t pid;

        if (scan_killed(&s) >= 0 && scan_victim(&s, &pid, &comm))
                return OOM_LINE_KILLED;
        s = line;
        /* No comm is long enough to hold these words itself, and this keeps them out of other programs' text.
         */
        if (scan_until(&s, invoked_words, &comm) && scan_left(&comm) < OOM_COMM)
                return OOM_LINE_INVOKED;
        /* mem_cgroup_out_of_memory() says the same words as the global path. */
        if (scan_word(&line, "Out of memory and no killable processes"))
                return OOM_LINE_NO_VICTIM;
        if (oom_line_group(line, path))
                return OOM_LINE_GROUP;
        if (oom_line_reaped(line, &reaped))
                return OOM_LINE_REAPED;
        return OOM_LINE_OTHER;
}

/* "CPU: 1 UID: 0 PID: 31548 Comm: hog Not tainted ...": UID since Linux 6.12. */
static bool take_cpu(struct scan *s, struct oom_kill *k)
{
        uint64_t n;

        if (!scan_number(s, &n))
                return false;
        if (scan_word(s, " UID: ") && !scan_number(s, &n))
                return false;
        return scan_word(s, " PID: ") && scan_int(s, &k->why.trigger_pid);
}

static bool register_add(struct oom_kill *k, const struct scan *name, uint64_t value)
{
        struct oom_register *r;

        if (k->why.n_registers == ARRAY_SIZE(k->why.registers))
                return false;
        r = &k->why.registers[k->why.n_registers++];
        scan_copy(name, r->name, sizeof(r->name));
        r->value = value;
        return true;
}

static bool is_register_name(const struct scan *name)
{
        if (scan_left(name) < 2 || scan_left(name) > 8)
                return false;
        for (const char *p = name->at; p < name->end; p++)
                if ((*p < 'A' || *p > 'Z') && (*p < '0' || *p > '9') && *p != '_')
                        return false;
        return true;
}

/* "RAX: 0000000000000001 RBX: 00007fb7ad266010 RCX: 0000000000003010" */
static bool take_registers(struct scan *s, struct oom_kill *k)
{
        struct scan name;
        uint64_t value;
        bool any = false;

        while (scan_until(s, ": ", &name) && is_register_name(&name) && scan_hex(s, &value)) {
                any = register_add(k, &name, value);
                scan_blanks(s);
        }
        return any;
}

/* "RIP: 0033:0x42e94a" and "RSP: 002b:00007ffebe94be38 EFLAGS: 00000206".  The two low bits of the selector
 * are the privilege level: registers of the kernel's own frames ("RIP: 0010:function+0x12/0x34") are not the
 * program's. */
static bool take_selected(struct scan *s, struct oom_kill *k, const char *name)
{
        const struct scan word = scan_of(name, strlen(name));
        uint64_t selector, value;

        if (!scan_hex(s, &selector) || (selector & 3) != 3 || !scan_word(s, ":"))
                return false;
        scan_word(s, "0x");
        if (!scan_hex(s, &value))
                return false;
        scan_blanks(s);
        register_add(k, &word, value);
        take_registers(s, k);
        return true;
}

static bool take_rip(struct scan *s, struct oom_kill *k)
{
        k->why.n_registers = 0;
        return take_selected(s, k, "RIP");
}

static bool take_rsp(struct scan *s, struct oom_kill *k)
{
        return k->why.n_registers > 0 && take_selected(s, k, "RSP");
}

/* "usage 102400kB, limit 102400kB, failcnt 19" behind one of four names. */
static bool take_usage(struct scan *s, struct oom_usage *u)
{
        /* v1 and the kernel's page counters say "no limit" with the largest number of whole pages below 2^63;
         * pages have up to 64 KiB. */
        const uint64_t unlimited = INT64_MAX - 65536;
        struct oom_usage v;

        if (!scan_kib(s, &v.usage) || !scan_word(s, ", limit ") || !scan_kib(s, &v.limit) ||
            !scan_word(s, ", failcnt ") || !scan_number(s, &v.failcnt))
                return false;
        if (v.limit >= unlimited)
                v.limit = OOM_UNLIMITED;
        *u = v;
        return true;
}

static bool take_memory(struct scan *s, struct oom_kill *k)
{
        return take_usage(s, &k->why.memory);
}

static bool take_memsw(struct scan *s, struct oom_kill *k)
{
        return take_usage(s, &k->why.memsw);
}

static bool take_kmem(struct scan *s, struct oom_kill *k)
{
        return take_usage(s, &k->why.kmem);
}

static bool take_swap(struct scan *s, struct oom_kill *k)
{
        return take_usage(s, &k->why.swap);
}

/* "Memory cgroup stats for /h:", up to Linux 4.20 with the figures in the same line. */
static bool take_stats(struct scan *s, struct oom_kill *k)
{
        struct scan path;

        if (!scan_until(s, ":", &path))
                return false;
        if (!*k->why.group)
                scan_copy(&path, k->why.group, sizeof(k->why.group));
        k->why.scope = OOM_SCOPE_GROUP;
        return true;
}

/* "Task in /a/b killed as a result of limit of /a": up to Linux 4.20, instead of "oom-kill:". */
static bool take_task_in(struct scan *s, struct oom_kill *k)
{
        struct scan task;

        if (!scan_until_last(s, " killed as a result of limit of ", &task))
                return false;
        scan_copy(&task, k->task_memcg, sizeof(k->task_memcg));
        scan_copy(s, k->why.group, sizeof(k->why.group));
        k->why.scope = OOM_SCOPE_GROUP;
        return true;
}

/* ",task=C,pid=85,uid=0" at the end of the line below: from the end, as C may hold commas. */
static bool take_victim(struct scan *s, struct oom_kill *k, struct scan *ret_before)
{
        struct scan before_uid, before_pid, before_task, tail = *s;
        uint64_t uid;
        int32_t pid;

        if (!scan_until_last(&tail, ",uid=", &before_uid) || !scan_number(&tail, &uid))
                return false;
        tail = before_uid;
        if (!scan_until_last(&tail, ",pid=", &before_pid) || !scan_int(&tail, &pid) || pid <= 0)
                return false;
        tail = before_pid;
        if (!scan_until_last(&tail, ",task=", &before_task))
                return false;
        k->pid = pid;
        k->uid = uid;
        scan_copy(&tail, k->comm, sizeof(k->comm));
        *ret_before = before_task;
        return true;
}

/* "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/h,task_memcg=/h,task=hog,
 * pid=85,uid=0", since Linux 5.0; global: "...,mems_allowed=0,global_oom,task_memcg=/,...". */
static bool take_oom_kill(struct scan *s, struct oom_kill *k)
{
        struct scan constraint, rest, group;

        if (!scan_until(s, ",", &constraint) || !take_victim(s, k, &rest))
                return false;
        scan_copy(&constraint, k->why.constraint, sizeof(k->why.constraint));
        if (!scan_find(&rest, ",mems_allowed="))
                return true;
        /* A list of nodes, "0-1,3", and its comma; what follows may be somebody's group name. */
        while (rest.at < rest.end &&
               ((*rest.at >= '0' && *rest.at <= '9') || *rest.at == '-' || *rest.at == ','))
                rest.at++;
        if (scan_word(&rest, "global_oom")) {
                k->why.scope = OOM_SCOPE_GLOBAL;
                if (scan_word(&rest, ",task_memcg="))
                        scan_copy(&rest, k->task_memcg, sizeof(k->task_memcg));
        } else if (scan_word(&rest, "oom_memcg=") && scan_until(&rest, ",task_memcg=", &group)) {
                k->why.scope = OOM_SCOPE_GROUP;
                scan_copy(&group, k->why.group, sizeof(k->why.group));
                scan_copy(&rest, k->task_memcg, sizeof(k->task_memcg));
        }
        return true;
}

static bool take_total_swap(struct scan *s, struct oom_kill *k)
{
        return scan_kib(s, &k->why.total_swap);
}

static bool take_free_swap(struct scan *s, struct oom_kill *k)
{
        return scan_kib(s, &k->why.free_swap);
}

/* "Memory cgroup out of memory: Kill process 85 (hog) score 1000 or sacrifice child": up to Linux 5.1, before
 * the line of the kill. */
static bool take_group_scope(struct scan *s, struct oom_kill *k)
{
        (void)s;
        k->why.scope = OOM_SCOPE_GROUP;
        return true;
}

static bool take_global_scope(struct scan *s, struct oom_kill *k)
{
        (void)s;
        k->why.scope = OOM_SCOPE_GLOBAL;
        return true;
}

static const struct {
        const char *begins;
        bool (*take)(struct scan *rest, struct oom_kill *k);
} details[] = {
        {"CPU: ", take_cpu},
        {"RIP: ", take_rip},
        {"RSP: ", take_rsp},
        {"memory: usage ", take_memory},
        {"memory+swap: usage ", take_memsw},
        {"kmem: usage ", take_kmem},
        {"swap: usage ", take_swap},
        {"Memory cgroup stats for ", take_stats},
        {"Task in ", take_task_in},
        {"oom-kill:constraint=", take_oom_kill},
        {"Total swap = ", take_total_swap},
        {"Free swap  = ", take_free_swap},
        {"Memory cgroup out of memory: Kill process ", take_group_scope},
        {"Out of memory: Kill process ", take_global_scope},
};

bool oom_line_detail(struct scan line, struct oom_kill *k)
{
        uint64_t pages;

        for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
                struct scan rest = line;

                if (scan_word(&rest, details[i].begins))
                        return details[i].take(&rest, k);
        }
        /* "65406 pages RAM" */
        if (scan_number(&line, &pages)) {
                if (!scan_word(&line, " pages RAM"))
                        return false;
                k->why.ram_pages = pages;
                return true;
        }
        return k->why.n_registers > 0 && take_registers(&line, k);
}
