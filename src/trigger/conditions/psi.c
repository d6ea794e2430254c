/* SPDX-License-Identifier: MIT */
/* --psi 'some 100ms/1s': tasks wait for memory (PSI), in the process's memory group if it has a file of its own (v2),
 * else on the machine.  --psi env: what systemd's variables say (pressure_watch.h).
 *
 * It is no alarm for a fast leak: without memory.high, and without page cache to reclaim, nobody waits before the
 * kill (measured: never fired before a global OOM, 5 of 5). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory_group.h"
#include "trigger/pressure_watch.h"
#include "trigger/conditions/psi_text.h"
#include "trigger/trigger.h"

#define MACHINE_FILE "/proc/pressure/memory"

static bool is_env(const struct trigger *t)
{
        return strcmp(t->given, "env") == 0;
}

static int psi_parse(struct trigger *t, const char *text, struct diag *d)
{
        struct psi_trigger parsed;
        int r = strcmp(text, "env") == 0 ? 0 : psi_trigger_parse(text, &parsed);

        if (r == -ERANGE)
                return diag_set(
                        d, -EINVAL,
                        "--%s '%.40s': the kernel takes windows from 500ms to 10s, and a stall no longer "
                        "than its window",
                        t->type->option, text);
        if (r < 0)
                return diag_set(
                        d, -EINVAL,
                        "--%s '%.40s': write some or full and STALL/WINDOW, as in 'some 100ms/1s', or env",
                        t->type->option, text);
        return 0;
}

static int env_open(struct event_source *ret, struct diag *d)
{
        const char *path = getenv("MEMORY_PRESSURE_WATCH");
        struct pressure_watch w;
        int r;

        if (!path)
                return diag_set(d, -ENOENT, "there is no MEMORY_PRESSURE_WATCH in the environment");
        r = pressure_watch_parse(path, getenv("MEMORY_PRESSURE_WRITE"), &w, d);
        return r < 0 ? r : pressure_watch_open(&w, ret, d);
}

/* The path of the group's own file, as far as it may have one. */
static int group_file(const struct target *target, char path[2 * PATH_MAX + 32])
{
        struct memory_group g;
        int r = memory_group_find(target->proc_fd, &g);

        if (r < 0)
                return r;
        if (g.version != 2)
                return -ENOENT;
        snprintf(path, 2 * PATH_MAX + 32, "%s%s/memory.pressure", g.mount, g.path);
        return 0;
}

/* psi_write() drops the last byte of what it is given: the NUL goes along. */
static int arm_file(const char *path, const struct psi_trigger *t)
{
        _cleanup_fd_ int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        char text[PSI_TRIGGER_TEXT];
        int r;

        if (fd < 0)
                return -errno;
        psi_trigger_format(t, text);
        r = file_write_all(fd, text, strlen(text) + 1);
        return r < 0 ? r : take_fd(&fd);
}

static int refused(const char *path, int err, struct diag *d)
{
        const char *why = "";

        if (err == -ENOENT)
                why = " (this kernel is built without PSI)";
        else if (err == -EOPNOTSUPP)
                why = " (PSI is switched off; psi=1 on the kernel's command line switches it on)";
        else if (err == -EINVAL)
                why = " (without CAP_SYS_RESOURCE it takes windows of 2s, 4s, ... only)";
        return diag_set(d, err, "%s: %s%s", path, strerror(-err), why);
}

static int psi_open(const struct trigger *t, const struct target *target, struct event_source *ret,
                    struct diag *d)
{
        char path[2 * PATH_MAX + 32];
        struct psi_trigger wanted;
        int group, fd, r;

        if (is_env(t))
                return env_open(ret, d);
        r = psi_trigger_parse(t->given, &wanted);
        if (r < 0)
                return diag_set(d, r, "%s", strerror(-r));
        group = group_file(target, path);
        fd = r = group < 0 ? group : arm_file(path, &wanted);
        if (fd >= 0) {
                *ret = (struct event_source){fd, EVENT_PSI, "in its memory group"};
                return 0;
        }
        fd = arm_file(MACHINE_FILE, &wanted);
        if (fd < 0)
                return refused(MACHINE_FILE, fd, d);
        /* Not an error, but not what was asked for. */
        if (group < 0)
                diag_set(d, 0,
                         "its memory group has no pressure file (cgroup v1): " MACHINE_FILE
                         " is used instead");
        else
                diag_set(d, 0, "%.200s: %s: " MACHINE_FILE " is used instead", path, strerror(-r));
        *ret = (struct event_source){fd, EVENT_PSI, "on this machine"};
        return 0;
}

static void psi_explain(const struct trigger_view *v, struct buf *out)
{
        struct psi_trigger t;

        if (psi_trigger_parse(v->trigger->given, &t) < 0) {
                buf_printf(out, "memory pressure, as told %s (--psi %s)", v->event, v->trigger->given);
                return;
        }
        buf_printf(out, "%s %s waited for memory for %g ms within %g s (--psi '%s')",
                   t.full ? "all tasks" : "tasks", v->event, (double)t.stall_us / 1e3,
                   (double)t.window_us / 1e6, v->trigger->given);
}

static void psi_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        (void)w;
        buf_printf(out, "memory pressure (%s)", t->given);
}

const struct trigger_ops trigger_psi = {
        .effect = TRIGGER_FOREWARNS,
        .parse = psi_parse,
        .event_open = psi_open,
        .explain = psi_explain,
        .announce = psi_announce,
};
