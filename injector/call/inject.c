/* SPDX-License-Identifier: MIT */
#include "injector/call/inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/recorder/agent_entry.h"

#define LIBRARY_NAME "libswansong.so"
#define OPTIONS_MAX_ 4096

/* The thread is left to its own work between two turns. */
#define BETWEEN_NS (2 * NS_PER_MS)
#define TURNS_MAX  5000

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif

/* Before 2.34 libc.so.6 has these under other names, the mode with a mark that they come from libc itself
 * (__RTLD_DLOPEN, include/dlfcn.h); programs that are linked with libdl have the usual ones. */
#define RTLD_FROM_LIBC 0x80000000u

struct functions {
        uint64_t open, symbol, error, syscall;
        uint64_t mode;
};

struct job;
typedef int turn(struct job *j, struct remote_thread *t);

struct job {
        const struct call_target *target;
        const struct inject_request *request;
        struct inject_outcome *outcome;
        struct functions f;
        turn *next; /* what is to be done by a thread of the program's; NULL: nothing more */
        uint64_t entry, continuation; /* the agent's functions */
        struct diag *d;
};

bool inject_is_loaded(const struct call_target *target)
{
        for (size_t i = 0; i < target->code.n_modules; i++)
                if (strstr(target->code.modules[i].name, LIBRARY_NAME))
                        return true;
        return false;
}

static int find_functions(struct job *j)
{
        const struct code_map *code = &j->target->code;
        struct functions *f = &j->f;

        f->open = code_map_find(code, CODE_LIBC, "dlopen");
        f->symbol = code_map_find(code, CODE_LIBC, "dlsym");
        f->error = code_map_find(code, CODE_LIBC, "dlerror");
        f->syscall = code_map_find(code, CODE_LIBC, "syscall");
        if (!f->open || !f->symbol) {
                f->open = code_map_find(code, CODE_LIBC, "__libc_dlopen_mode");
                f->symbol = code_map_find(code, CODE_LIBC, "__libc_dlsym");
                f->mode = RTLD_FROM_LIBC;
        }
        if (!f->open || !f->symbol || !f->syscall)
                return diag_set(j->d, -ENOTSUP, "PID %d: its libc exports no dlopen()",
                                j->target->target->pid);
        return 0;
}

/* --- calls
 * ------------------------------------------------------------------------------------------------------ */

static int call(struct job *j, struct remote_thread *t, const char *what, uint64_t function,
                const struct call_argument *arguments, size_t n, uint64_t *ret_result)
{
        int r = remote_call(t, function, arguments, n, j->request->call_ns, ret_result);

        if (r == -ETIMEDOUT)
                return diag_set(j->d, r,
                                "%s did not return within %.1f s in thread %d; it goes on, and the thread "
                                "will return "
                                "to its work by itself",
                                what, (double)j->request->call_ns / 1e9, t->tid);
        if (r == -ECANCELED)
                return diag_set(
                        j->d, r,
                        "PID %d was stopped by a signal during %s, which goes on when it is continued",
                        t->pid, what);
        if (r == -ESRCH)
                return diag_set(j->d, r, "PID %d ended during %s", t->pid, what);
        if (r < 0)
                return diag_set(j->d, r, "PID %d: %s: %s", t->pid, what, strerror(-r));
        return 0;
}

static struct call_argument number(uint64_t value)
{
        return (struct call_argument){.number = value};
}

static struct call_argument text(const char *s)
{
        return (struct call_argument){.memory = (char *)s, .bytes = strlen(s) + 1};
}

/* dlerror()'s words, or that there are none. */
static void read_error(struct job *j, struct remote_thread *t, char *out, size_t out_size)
{
        uint64_t at = 0;

        snprintf(out, out_size, "dlopen() refused, without a word");
        if (j->f.error && remote_call(t, j->f.error, NULL, 0, j->request->call_ns, &at) == 0 && at)
                remote_string(t, at, out, out_size);
}

/* *ret_handle is 0 when it was refused. */
static int call_open(struct job *j, struct remote_thread *t, const char *path, int mode, uint64_t *ret_handle)
{
        struct call_argument a[] = {text(path), number((uint64_t)(unsigned)mode | j->f.mode)};

        return call(j, t, "dlopen()", j->f.open, a, ARRAY_SIZE(a), ret_handle);
}

static int call_system(struct job *j, struct remote_thread *t, const char *what, long nr,
                       struct call_argument first, struct call_argument second, int64_t *ret)
{
        struct call_argument a[] = {number((uint64_t)nr), first, second};
        uint64_t result = 0;
        int r = call(j, t, what, j->f.syscall, a, ARRAY_SIZE(a), &result);

        *ret = (int64_t)result;
        return r;
}

/* --- loading
 * ---------------------------------------------------------------------------------------------------- */

/* Is it the same file, under the same name, for the process? */
static bool is_visible(const struct job *j)
{
        _cleanup_fd_ int root = openat(j->target->target->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat here, there;

        return root >= 0 && stat(j->request->library, &here) == 0 &&
               fstatat(root, j->request->library + 1, &there, 0) == 0 && here.st_dev == there.st_dev &&
               here.st_ino == there.st_ino;
}

/* The library's bytes into the process's own memfd. */
static int fill_memfd(const struct job *j, int64_t number_there)
{
        _cleanup_fd_ int in = open(j->request->library, O_RDONLY | O_CLOEXEC), out = -1;
        char name[32];
        struct stat st;

        snprintf(name, sizeof(name), "fd/%lld", (long long)number_there);
        out = openat(j->target->target->proc_fd, name, O_WRONLY | O_CLOEXEC);
        if (in < 0 || out < 0 || fstat(in, &st) < 0)
                return -errno;
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(out, in, NULL, (size_t)left);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                left -= n;
        }
        return 0;
}

/* Where it was to be loaded by its name first, the words of the loader are in refused_by_name, else "". */
static int open_as_memfd(struct job *j, struct remote_thread *t, const char *refused_by_name,
                         uint64_t *ret_handle)
{
        int64_t fd, closed;
        char path[64];
        int r, filled;

        r = call_system(j, t, "memfd_create()", SYS_memfd_create, text(LIBRARY_NAME), number(MFD_CLOEXEC),
                        &fd);
        if (r < 0)
                return r;
        if (fd < 0)
                return diag_set(j->d, -ELIBACC, "PID %d: it can have no memfd to load the agent from%s%.200s",
                                t->pid, refused_by_name[0] ? ", nor does it load it by name: " : "",
                                refused_by_name);
        filled = fill_memfd(j, fd);
        if (filled == 0) {
                snprintf(path, sizeof(path), "/proc/self/fd/%lld", (long long)fd);
                r = call_open(j, t, path, RTLD_NOW, ret_handle);
        }
        /* After a call that did not return there is no thread to close it with. */
        if (t->stopped) {
                char words[256];
                bool refused = filled == 0 && r == 0 && *ret_handle == 0;
                int c;

                if (refused)
                        read_error(j, t, words, sizeof(words));
                c = call_system(j, t, "close()", SYS_close, number((uint64_t)fd), number(0), &closed);
                if (c < 0)
                        return c;
                if (refused)
                        return diag_set(j->d, -ELIBACC, "PID %d: %s", t->pid, words);
        }
        if (filled < 0)
                return diag_set(j->d, filled, "PID %d: the agent cannot be copied to its memfd: %s", t->pid,
                                strerror(-filled));
        j->outcome->as_memfd = r == 0;
        return r;
}

static int load(struct job *j, struct remote_thread *t, uint64_t *ret_handle)
{
        bool visible = is_visible(j);
        char words[256] = "";
        int r = 0;

        *ret_handle = 0;
        if (visible)
                r = call_open(j, t, j->request->library, RTLD_NOW, ret_handle);
        if (visible && r == 0 && *ret_handle == 0)
                read_error(j, t, words, sizeof(words));
        /* Not visible, or not readable for it. */
        if (r == 0 && *ret_handle == 0)
                r = open_as_memfd(j, t, words, ret_handle);
        j->outcome->loaded = r == 0;
        return r;
}

/* It had only begun. */
static int go_on(struct job *j, struct remote_thread *t)
{
        uint64_t result = 0;
        int r = call(j, t, AGENT_CONTINUE, j->continuation, NULL, 0, &result);

        if (r < 0)
                return r;
        r = (int)(int32_t)result;
        if (r == -EINPROGRESS || r == -EBUSY) {
                j->next = go_on;
                return 0;
        }
        return r < 0 ? diag_set(j->d, r, "PID %d: the agent does not go on: %s", t->pid, strerror(-r)) : 0;
}

static int find_entry(struct job *j, struct remote_thread *t, uint64_t handle, const char *name,
                      uint64_t *ret)
{
        struct call_argument find[] = {number(handle), text(name)};
        int r = call(j, t, "dlsym()", j->f.symbol, find, ARRAY_SIZE(find), ret);

        if (r == 0 && !*ret)
                return diag_set(j->d, -ENOEXEC,
                                "PID %d: the agent that is loaded there has no %s(): it is an older one",
                                t->pid, name);
        return r;
}

/* Why the agent does not begin. */
static const struct {
        int err;
        const char *words;
} refusals[] = {
        {ENOENT,
         "finds no directory for its recorder, neither $XDG_RUNTIME_DIR nor /dev/shm; name one that the "
         "process sees: --options dir=PATH"},
        {EPERM,
         "does not begin: a setuid program, or a directory for recorders that is open to others than the "
         "process's user (it must be 0700)"},
        {EFBIG, "does not begin: the process's limits (ulimit -v, ulimit -f) leave no room for its recorder"},
};

static int explain(struct job *j, pid_t pid, int err)
{
        if (err == -EINVAL)
                return diag_set(
                        j->d, err,
                        "PID %d: the agent does not understand the options '%.160s'; see docs/agent.md", pid,
                        j->request->options);
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
                if (refusals[i].err == -err)
                        return diag_set(j->d, err, "PID %d: the agent %s", pid, refusals[i].words);
        return diag_set(j->d, err, "PID %d: the agent does not begin: %s", pid, strerror(-err));
}

static int enter(struct job *j, struct remote_thread *t)
{
        struct call_argument options = text(j->request->options);
        uint64_t result = 0;
        int r = call(j, t, j->request->detach ? AGENT_DETACH : AGENT_INJECT, j->entry, &options,
                     j->request->detach ? 0 : 1, &result);

        if (r < 0)
                return r;
        r = (int)(int32_t)result;
        if (r == -EINPROGRESS) {
                j->next = go_on;
                return 0;
        }
        j->outcome->already = r == -EALREADY;
        if (r >= 0 || r == -EALREADY)
                return 0;
        return j->request->detach
                       ? diag_set(j->d, r, "PID %d: the agent does not stop: %s", t->pid, strerror(-r))
                       : explain(j, t->pid, r);
}

/* The first turn: it is there, and where are its functions? */
static int find_agent(struct job *j, struct remote_thread *t)
{
        uint64_t handle = 0;
        int r = 0;

        j->outcome->tid = t->tid;
        if (inject_is_loaded(j->target))
                r = call_open(j, t, LIBRARY_NAME, RTLD_NOW | RTLD_NOLOAD, &handle);
        if (r == 0 && !handle && j->request->detach)
                return diag_set(j->d, -ENOENT, "PID %d: its agent has another name than " LIBRARY_NAME,
                                t->pid);
        if (r == 0 && !handle)
                r = load(j, t, &handle);
        if (r == 0)
                r = find_entry(j, t, handle, j->request->detach ? AGENT_DETACH : AGENT_INJECT, &j->entry);
        if (r == 0)
                r = find_entry(j, t, handle, AGENT_CONTINUE, &j->continuation);
        if (r == 0)
                j->next = enter;
        return r;
}

/* One turn of a thread of the program's; which one it is may differ. */
static int take_turn(struct remote_thread *t, void *arg)
{
        struct job *j = arg;
        turn *now = j->next;

        j->next = NULL;
        return now(j, t);
}

/* Turn by turn, the program's own work in between. */
static int take_turns(struct job *j)
{
        const struct timespec between = {.tv_nsec = BETWEEN_NS};
        int r = 0;

        for (j->next = find_agent; r == 0 && j->next; j->outcome->turns++) {
                uint64_t pause_ns = 0;

                if (j->outcome->turns == TURNS_MAX)
                        return diag_set(j->d, -ETIMEDOUT, "PID %d: the agent was not done after %d turns",
                                        j->target->target->pid, TURNS_MAX);

                if (j->outcome->turns > 0)
                        nanosleep(&between, NULL);
                r = call_target_use(j->target, j->request->wait_ns, take_turn, j, &pause_ns, j->d);
                if (pause_ns > j->outcome->pause_ns)
                        j->outcome->pause_ns = pause_ns;
        }
        return r;
}

int inject_run(const struct call_target *target, const struct inject_request *request,
               struct inject_outcome *ret, struct diag *d)
{
        struct inject_outcome outcome = {.tid = 0};
        struct job j = {.target = target, .request = request, .outcome = &outcome, .d = d};
        int r;

        if (strlen(request->options) >= OPTIONS_MAX_)
                return diag_set(d, -E2BIG, "the agent's options are longer than %d bytes", OPTIONS_MAX_);
        if (request->detach && !inject_is_loaded(target))
                return diag_set(d, -ENOENT, "PID %d has no agent", target->target->pid);
        if (!request->detach && target->code.allocator_in_program)
                return diag_set(
                        d, -ENOTSUP,
                        "PID %d has its allocator linked into the program: its calls go past the agent",
                        target->target->pid);
        r = find_functions(&j);
        if (r == 0)
                r = take_turns(&j);
        if (r < 0)
                return r;
        *ret = outcome;
        return 0;
}
