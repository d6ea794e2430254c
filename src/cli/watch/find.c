/* SPDX-License-Identifier: MIT */
#include "cli/watch/find.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/group_tree.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/watch/place.h"
#include "cli/watch/victim.h"
#include "cli/watch/process.h"
#include "trigger/badness.h"

#define SCAN_MIN_NS      (100 * NS_PER_MS)
#define SCAN_QUIET_LOOKS 10

/* Keeper, attendant, writer. */
#define OWN_LEVELS 3

static int proc_open(void)
{
        int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* Is the name in this file ("4711/comm") the one that we look for? */
static int comm_matches(const char *pattern, int dirfd, const char *file)
{
        char text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int r = file_read_at(dirfd, file, &b);

        if (r < 0)
                return r == -ENOENT || r == -ESRCH ? 0 : r;
        if (b.len > 0 && text[b.len - 1] == '\n')
                text[b.len - 1] = '\0';
        return strcmp(pattern, text) == 0 || fnmatch(pattern, text, 0) == 0;
}

/* Is the process whose files are named "PREFIXexe" below dirfd one of those that are meant?  1, 0, or -errno when it
 * cannot be seen. */
static int is_meant(const struct watcher *w, int dirfd, const char *prefix)
{
        const struct watch_targets *t = &w->options->targets;
        char file[32], link[1];
        int r;

        snprintf(file, sizeof(file), "%sexe", prefix);
        if (t->exe) {
                r = exe_match_link(&w->exe, dirfd, file);
                if (r <= 0)
                        return r;
        } else if (readlinkat(dirfd, file, link, sizeof(link)) < 0 && (errno == ENOENT || errno == ESRCH)) {
                return 0; /* a kernel thread, or a zombie */
        }
        snprintf(file, sizeof(file), "%scomm", prefix);
        return t->comm ? comm_matches(t->comm, dirfd, file) : 1;
}

/* -p: open this one process, of the right executable if one was named. */
static int open_named(struct watcher *w, pid_t pid, struct target *ret, struct diag *d)
{
        const char *exe = w->options->targets.exe;
        _cleanup_target_ struct target t = TARGET_NONE;
        char link[PATH_MAX] = "";
        int r = option_target(pid, &t, d);

        if (r < 0)
                return r;
        if (exe) {
                exe_match_refresh(&w->exe, exe);
                r = exe_match_link(&w->exe, t.proc_fd, "exe");
                if (r < 0)
                        return diag_set(d, r, "PID %d (%s): its executable cannot be seen: %s", t.pid, t.comm,
                                        strerror(-r));
                if (r == 0) {
                        if (readlinkat(t.proc_fd, "exe", link, sizeof(link) - 1) < 0)
                                strcpy(link, "another program");
                        return diag_set(d, -ENOENT, "PID %d (%s) runs %.200s, not %s", t.pid, t.comm, link,
                                        exe);
                }
        }
        *ret = t;
        t = TARGET_NONE;
        return 0;
}

int watch_find_check(struct watcher *w, struct diag *d)
{
        const struct watch_targets *t = &w->options->targets;

        for (unsigned i = 0; i < t->n_pids; i++) {
                struct target target;
                int r = open_named(w, t->pids[i], &target, d);

                if (r < 0)
                        return r;
                target_close(&target);
        }
        return t->group ? group_find(t->group, &w->group, d) : 0;
}

static pid_t parent_of(pid_t pid)
{
        char path[32], text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief brief;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        return file_read_at(AT_FDCWD, path, &b) < 0 || stat_brief_parse(b.data, b.len, &brief) < 0
                       ? 0
                       : brief.ppid;
}

/* Does the child of that parent work for us?  A keeper, its attendant, a writer of that one's, a report: when we are in the group
 * that we watch, they are, too. */
static bool is_ours(pid_t parent)
{
        for (int level = 0; level < OWN_LEVELS && parent > 1; level++) {
                if (parent == getpid())
                        return true;
                parent = parent_of(parent);
        }
        return false;
}

int watch_find_add(struct watcher *w, pid_t pid)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        struct diag d;
        int r = option_target(pid, &t, &d);

        /* Between the look and now it may have ended, or become another program. */
        if (r == 0 && (is_ours(t.ppid) || is_meant(w, t.proc_fd, "") <= 0))
                return 0;
        if (r == 0)
                r = watch_process_add(w, &t, &d);
        if (r == -ESRCH || (r == -EPERM && pid == 1))
                return 0;
        if (r < 0 && !w->told_unwatched) {
                watch_say(&w->live, "not watched: %s", d.text);
                w->told_unwatched = true;
        }
        return r < 0 ? r : 1;
}

int watch_find_candidates(struct watcher *w, struct pid_list *ret)
{
        const struct watch_targets *t = &w->options->targets;
        _cleanup_fd_ int proc_fd = proc_open();
        char prefix[24];
        size_t kept = 0;
        int unseen = 0;
        int r = t->group ? group_processes(w->places.dir, ret) : pid_list_add_all(ret);

        if (proc_fd < 0 || r < 0)
                return r < 0 ? r : proc_fd;
        if (t->exe)
                exe_match_refresh(&w->exe, t->exe);
        for (size_t i = 0; i < ret->n; i++) {
                if (ret->items[i] == getpid())
                        continue;
                /* What is watched already need not be looked at again. */
                snprintf(prefix, sizeof(prefix), "%d/", ret->items[i]);
                r = watch_set_has(&w->set, ret->items[i]) ? 1 : is_meant(w, proc_fd, prefix);
                if (r < 0)
                        unseen++;
                if (r > 0 || (r < 0 && !t->exe && !t->comm))
                        ret->items[kept++] = ret->items[i];
        }
        ret->n = kept;
        pid_list_sort(ret);
        return unseen;
}

static bool is_below(const char *group, const char *above)
{
        size_t n = strcmp(above, "/") == 0 ? 0 : strlen(above);

        return strncmp(group, above, n) == 0 && (group[n] == '/' || group[n] == '\0');
}

static void check_group(struct watcher *w, struct watched *p)
{
        struct memory_group now;

        if (memory_group_find(p->target.proc_fd, &now) < 0 || is_below(now.kernel, w->group.kernel))
                return;
        watch_say(&w->live, "%s (%d) has left the group: no longer watched", p->target.comm, p->target.pid);
        watch_process_retire(w, p);
}

/* There are more than can be watched: begin with those that the kernel would kill first. */
static void order_by_badness(struct watcher *w, struct pid_list *l)
{
        _cleanup_free_ struct badness_rank *ranks = calloc(l->n, sizeof(*ranks));
        _cleanup_fd_ int proc_fd = proc_open();
        uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
        size_t n;

        if (!w->told_left_out)
                watch_say(&w->live,
                          "%zu processes, %d are watched: those that the kernel would kill first; the others "
                          "are left out",
                          l->n, WATCH_MAX);
        w->told_left_out = true;
        if (!ranks || proc_fd < 0)
                return;
        n = badness_rank(proc_fd, l->items, l->n, getpid(),
                         badness_total_pages(w->machine.mem_total, w->machine.swap_total, page_size), ranks);
        for (size_t i = 0; i < n; i++)
                l->items[i] = ranks[i].pid;
        l->n = n;
}

/* A group that is removed may come again: a service that starts anew makes its own. */
static int say_group_gone(struct watcher *w, int r)
{
        if (r == -ENOENT && !w->group_gone)
                watch_say(&w->live, "memory group %s is gone; waiting for it to come again",
                          w->options->targets.group);
        w->group_gone = r == -ENOENT;
        return r;
}

/* Begin to watch those that are not watched yet.  How many could not be looked at, or -errno. */
static int scan(struct watcher *w)
{
        _cleanup_pid_list_ struct pid_list l = {0};
        int unseen = say_group_gone(w, watch_find_candidates(w, &l));
        unsigned before = w->set.n;

        if (unseen < 0)
                return unseen;
        for (unsigned i = 0; w->options->targets.group && i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (!p->ended && !p->gone && !pid_list_has(&l, p->target.pid))
                        check_group(w, p);
        }
        if (l.n > WATCH_MAX)
                order_by_badness(w, &l);
        for (size_t i = 0; i < l.n && w->set.n < WATCH_MAX; i++)
                if (!watch_set_has(&w->set, l.items[i]))
                        watch_find_add(w, l.items[i]);
        if (w->set.n != before && watch_targets_by_place(&w->options->targets))
                watch_place_mark(w);
        return unseen;
}

static int start_looking(struct watcher *w, struct diag *d)
{
        const struct watch_targets *t = &w->options->targets;
        char text[400];
        struct buf who = BUF_FIXED(text, sizeof(text));
        int unseen = scan(w);

        if (unseen < 0)
                return diag_set(d, unseen, "%s: %s", t->group ? t->group : "/proc", strerror(-unseen));
        if (watch_targets_by_place(t))
                watch_place_announce(w);
        if (w->set.n > 0)
                return 0;
        if (t->exe && !w->exe.exists)
                return diag_set(d, -ENOENT, "%s: no such executable, and no process runs it", t->exe);
        watch_targets_describe(t, &who);
        if (unseen > 0)
                watch_say(&w->live, "no %s yet; waiting for one (%d processes of other users cannot be seen)",
                          text, unseen);
        else
                watch_say(&w->live, "no %s yet; waiting for one", text);
        return 0;
}

int watch_find_start(struct watcher *w, struct diag *d)
{
        const struct watch_targets *t = &w->options->targets;
        int r = 0;

        if (watch_targets_by_place(t))
                r = watch_place_start(w, d);
        if (r < 0)
                return r;
        if (t->victim) {
                watch_place_announce(w);
                watch_victim_choose(w);
                return 0;
        }
        if (watch_targets_are_looked_for(t))
                return start_looking(w, d);
        for (unsigned i = 0; i < t->n_pids && r == 0; i++) {
                _cleanup_target_ struct target target = TARGET_NONE;

                r = open_named(w, t->pids[i], &target, d);
                if (r == 0)
                        r = watch_process_add(w, &target, d);
        }
        return r;
}

/* Those that have become another program (exec) are no longer ours. */
static void check_executable(struct watcher *w, struct watched *p)
{
        char link[PATH_MAX];
        ssize_t n;

        if (exe_match_link(&w->exe, p->target.proc_fd, "exe") != 0)
                return;
        n = readlinkat(p->target.proc_fd, "exe", link, sizeof(link) - 1);
        if (n <= 0)
                return; /* it is about to end */
        link[n] = '\0';
        watch_say(&w->live, "%s (%d) has become %.200s: no longer watched", p->target.comm, p->target.pid,
                  link);
        watch_process_retire(w, p);
        if (!watch_targets_are_looked_for(&w->options->targets))
                w->status = STATUS_TARGET;
}

static void check_name(struct watcher *w, struct watched *p)
{
        if (comm_matches(w->options->targets.comm, p->target.proc_fd, "comm") != 0)
                return;
        if (target_check(&p->target) < 0)
                return;
        watch_say(&w->live, "%s (%d) has another name: no longer watched", p->target.comm, p->target.pid);
        watch_process_retire(w, p);
}

/* Those that are watched and no longer meant. */
static void check_watched(struct watcher *w)
{
        const struct watch_targets *t = &w->options->targets;

        if (t->exe)
                exe_match_refresh(&w->exe, t->exe);
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (!p->ended && !p->gone && t->exe)
                        check_executable(w, p);
                if (!p->ended && !p->gone && t->comm)
                        check_name(w, p);
        }
}

bool watch_find_looks(const struct watcher *w)
{
        const struct watch_targets *t = &w->options->targets;

        return !t->victim && (watch_targets_are_looked_for(t) || t->exe);
}

void watch_find_look(struct watcher *w, uint64_t now_ns)
{
        uint64_t period_ns = w->options->interval_ns < SCAN_MIN_NS ? SCAN_MIN_NS : w->options->interval_ns;
        uint64_t last_pid;

        if (watch_place_is_near(w))
                period_ns = SCAN_MIN_NS;
        w->scan_ns = now_ns + period_ns;
        if (!watch_targets_are_looked_for(&w->options->targets)) {
                check_watched(w);
                return;
        }
        last_pid = last_pid_read();
        w->quiet_looks = last_pid == 0 || last_pid != w->last_pid ? 0 : w->quiet_looks + 1;
        w->last_pid = last_pid;
        if (w->quiet_looks <= 1)
                scan(w);
        else if (w->quiet_looks >= SCAN_QUIET_LOOKS)
                w->quiet_looks = 0;
}
