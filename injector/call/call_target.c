/* SPDX-License-Identifier: MIT */
#include "injector/call/call_target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/maps_line.h"
#include "base/scan.h"

#define MAPS_MAX ((size_t)64 << 20)

/* The value of one line of status, up to its end. */
static bool status_line(const char *status, const char *key, struct scan *ret)
{
        struct scan s = scan_of(status, strlen(status));

        if (!scan_find(&s, key))
                return false;
        while (s.at < s.end && (*s.at == '\t' || *s.at == ' '))
                s.at++;
        *ret = s;
        scan_until(&s, "\n", ret);
        return true;
}

int call_status_check(const char *status, pid_t pid, struct diag *d)
{
        struct scan line, word;
        uint64_t value;

        if (status_line(status, "\nTracerPid:", &line) && scan_number(&line, &value) && value != 0)
                return diag_set(d, -EBUSY,
                                "PID %d is traced by PID %llu: only one program can do that at a time", pid,
                                (unsigned long long)value);
        if (status_line(status, "\nState:", &line) && (scan_word(&line, "T") || scan_word(&line, "t")))
                return diag_set(d, -EBUSY, "PID %d is stopped (Ctrl-Z, SIGSTOP): continue it first", pid);
        if (status_line(status, "\nSeccomp:", &line) && scan_number(&line, &value) && value != 0)
                return diag_set(
                        d, -ENOTSUP,
                        "PID %d is under a seccomp filter: a system call that it never made before may "
                        "kill it",
                        pid);
        if (status_line(status, "\nx86_Thread_features:", &line) && scan_until(&line, "shstk", &word))
                return diag_set(d, -ENOTSUP,
                                "PID %d has a user shadow stack: a return that was not called would kill it",
                                pid);
        return 0;
}

/* The kernel shows the kind of a program by its file alone. */
static int check_program(const struct target *t, struct diag *d)
{
        _cleanup_fd_ int fd = openat(t->proc_fd, "exe", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        Elf64_Ehdr e;

        /* One that we may not read is judged by what it has mapped. */
        if (fd < 0 || pread(fd, &e, sizeof(e), 0) != sizeof(e) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0)
                return 0;
        if (e.e_ident[EI_CLASS] != ELFCLASS64)
                return diag_set(d, -ENOTSUP, "PID %d is a 32-bit program", t->pid);
        if (e.e_machine != arch_host()->e_machine)
                return diag_set(d, -ENOTSUP,
                                "PID %d is a program for another machine (e_machine %u), this is for %s",
                                t->pid, e.e_machine, arch_host()->name);
        return 0;
}

static int check_libc(const struct call_target *c, struct diag *d)
{
        pid_t pid = c->target->pid;

        if (c->code.musl)
                return diag_set(d, -ENOTSUP, "PID %d uses musl: the agent needs glibc", pid);
        for (size_t i = 0; i < c->code.n_modules; i++)
                if (c->code.modules[i].kind == CODE_LIBC && c->code.modules[i].view.n_symbols > 0)
                        return 0;
        return diag_set(d, -ENOTSUP,
                        "PID %d has no libc.so.6: it is statically linked, or makes its system calls itself",
                        pid);
}

/* In the code of libc as the process has it, which a hot patch may have changed. */
static bool find_way(struct call_target *c)
{
        const char *at = c->maps.data, *end = c->maps.data + c->maps.len;
        struct maps_line l;

        while (at < end) {
                const struct code_module *module;
                _cleanup_free_ uint8_t *code = NULL;
                size_t n;

                if (maps_line_parse(at, (size_t)(end - at), &l, &at) < 0 || l.perms[2] != 'x')
                        continue;
                module = code_map_module(&c->code, l.start);
                if (!module || (module->kind != CODE_LIBC && module->kind != CODE_VDSO))
                        continue;
                n = l.end - l.start;
                code = malloc(n);
                if (!code)
                        return false;
                n = remote_read_large(&c->memory, l.start, code, n);
                if (call_way_find(code, n, l.start, &c->way))
                        return true;
        }
        return false;
}

static int status_check(const struct target *t, struct diag *d)
{
        _cleanup_buf_ struct buf status = BUF_GROWING(PROC_STATUS_MAX);
        int r = file_read_at(t->proc_fd, "status", &status);

        if (r < 0 || status.len == 0)
                return diag_set(d, r == 0 || r == -ENOENT ? -ESRCH : r, "PID %d: cannot read its status: %s",
                                t->pid, strerror(r ? -r : ESRCH));
        return call_status_check(status.data, t->pid, d);
}

/* Whoever may write its memory may trace it. */
static int check_permitted(const struct target *t, struct diag *d)
{
        _cleanup_fd_ int fd = openat(t->proc_fd, "mem", O_RDWR | O_CLOEXEC);

        if (fd >= 0)
                return 0;
        return diag_set(
                d, errno == ENOENT ? -ESRCH : -errno, "PID %d (%s): %s", t->pid, t->comm,
                errno == EACCES || errno == EPERM
                        ? "not permitted to change it: it belongs to somebody else, or the kernel forbids it "
                          "(swansong doctor says which)"
                        : strerror(errno));
}

static int make(struct call_target *c, struct diag *d)
{
        const struct target *t = c->target;
        int r = status_check(t, d);

        if (r == 0)
                r = check_program(t, d);
        if (r == 0)
                r = check_permitted(t, d);
        if (r < 0)
                return r;
        /* First: should the process exec() meanwhile, this is not the address space of its maps, and thread_use() sees it. */
        r = remote_memory_open(t->proc_fd, t->pid, false, &c->memory);
        if (r == 0)
                r = file_read_at(t->proc_fd, "maps", &c->maps);
        if (r == 0 && c->maps.len == 0)
                r = -ESRCH;
        if (r == 0)
                r = code_map_make(t->proc_fd, &c->memory, &c->maps, &c->code);
        if (r < 0)
                return diag_set(d, r, "PID %d: its mappings cannot be read: %s", t->pid, strerror(-r));
        r = check_libc(c, d);
        if (r < 0)
                return r;
        if (!find_way(c))
                return diag_set(d, -ENOTSUP,
                                "PID %d: its libc has not the code that a call would return through", t->pid);
        c->errno_location = code_map_find(&c->code, CODE_LIBC, "__errno_location");
        if (!c->way.restorer || !c->errno_location)
                return diag_set(d, -ENOTSUP,
                                "PID %d: its libc has not the code that a call would return through", t->pid);
        return 0;
}

int call_target_make(const struct target *target, struct call_target *ret, struct diag *d)
{
        struct call_target c = {.target = target, .maps = BUF_GROWING(MAPS_MAX), .memory = {.fd = -1}};
        int r = make(&c, d);

        if (r < 0)
                call_target_done(&c);
        else
                *ret = c;
        return r;
}

void call_target_done(struct call_target *c)
{
        code_map_done(&c->code);
        remote_memory_close(&c->memory);
        buf_done(&c->maps);
}

struct kept {
        struct diag *d;
        uint64_t errno_location;
        int (*calls)(struct remote_thread *t, void *arg);
        void *arg;
};

static int call_keeping_errno(struct remote_thread *t, void *arg)
{
        const struct kept *k = arg;
        int r = remote_thread_keep_errno(t, k->errno_location);

        if (r == -ETIMEDOUT)
                return diag_set(k->d, r, "thread %d got no CPU; it returns to its work by itself", t->tid);
        if (r < 0)
                return diag_set(k->d, r, "PID %d: __errno_location(): %s", t->pid, strerror(-r));
        return k->calls(t, k->arg);
}

int call_target_use(const struct call_target *c, uint64_t wait_ns,
                    int (*calls)(struct remote_thread *t, void *arg), void *arg, uint64_t *ret_pause_ns,
                    struct diag *d)
{
        struct kept kept = {d, c->errno_location, calls, arg};

        return thread_use(&(struct thread_use){.target = c->target,
                                               .ground = {.memory = &c->memory,
                                                          .code = &c->code,
                                                          .maps = &c->maps,
                                                          .stack_bytes = THREAD_STACK_BYTES},
                                               .way = c->way,
                                               .wait_ns = wait_ns,
                                               .calls = call_keeping_errno,
                                               .arg = &kept},
                          ret_pause_ns, d);
}
