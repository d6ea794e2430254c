/* SPDX-License-Identifier: MIT */
#include "cli/watch/targets.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

/* TASK_COMM_LEN of include/linux/sched.h, without the NUL. */
#define COMM_LEN 15

/* "4711", "4711,4712" */
static int target_parse_pid(struct watch_targets *t, const char *text, struct diag *d)
{
        for (const char *p = text;; p++) {
                size_t n = strcspn(p, ",");
                char word[96];
                pid_t pid;
                int r;

                snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word)), p);
                r = option_pid(word, &pid, d);
                if (r < 0)
                        return r;
                for (unsigned i = 0; i < t->n_pids; i++)
                        if (t->pids[i] == pid)
                                return diag_set(d, -EINVAL, "PID %d is given twice", pid);
                if (t->n_pids == WATCH_MAX)
                        return diag_set(d, -EINVAL, "at most %d processes can be watched at the same time",
                                        WATCH_MAX);
                t->pids[t->n_pids++] = pid;
                p += n;
                if (*p == '\0')
                        return 0;
        }
}

static int target_parse_exe(struct watch_targets *t, const char *text, struct diag *d)
{
        if (text[0] != '/')
                return diag_set(d, -EINVAL, "-e %.200s: not a full path; it begins with /", text);
        if (t->exe && strcmp(t->exe, text) != 0)
                return diag_set(d, -EINVAL, "-e is given twice; a watch has one executable");
        t->exe = text;
        return 0;
}

static int target_parse_comm(struct watch_targets *t, const char *text, struct diag *d)
{
        if (*text == '\0')
                return diag_set(d, -EINVAL, "--comm: the name is empty");
        if (strlen(text) > COMM_LEN && !strpbrk(text, "*?["))
                return diag_set(d, -EINVAL, "--comm %.80s: the kernel keeps %d bytes of a name; give %.*s",
                                text, COMM_LEN, COMM_LEN, text);
        if (t->comm && strcmp(t->comm, text) != 0)
                return diag_set(
                        d, -EINVAL,
                        "--comm is given twice; one pattern can stand for several names, as in 'nginx*'");
        t->comm = text;
        return 0;
}

static int target_parse_group(struct watch_targets *t, const char *text, struct diag *d)
{
        if (t->group && strcmp(t->group, text) != 0)
                return diag_set(d, -EINVAL,
                                "--group is given twice; give the group above both, or run two watchers");
        t->group = text;
        return *text ? 0 : diag_set(d, -EINVAL, "--group: the name is empty");
}

static int target_parse_victim(struct watch_targets *t, const char *text, struct diag *d)
{
        (void)text;
        (void)d;
        t->victim = true;
        return 0;
}

const struct watch_target_type watch_target_types[] = {
#define TARGET(name, option_, letter_, argument_, help_)                                                     \
        {.option = option_,                                                                                  \
         .argument = argument_,                                                                              \
         .help = help_,                                                                                      \
         .letter = letter_,                                                                                  \
         .parse = target_parse_##name},
#include "cli/watch/targets.def"
#undef TARGET
};
const size_t n_watch_target_types = ARRAY_SIZE(watch_target_types);

int watch_targets_check(const struct watch_targets *t, struct diag *d)
{
        if (t->n_pids == 0 && !t->exe && !t->comm && !t->group && !t->victim)
                return diag_set(
                        d, -EINVAL,
                        "which process? give -p PID, -e EXE, --comm NAME, --group GROUP, or --victim for "
                        "whoever would be killed next");
        if (t->victim && (t->n_pids > 0 || t->exe || t->comm))
                return diag_set(
                        d, -EINVAL,
                        "--victim with %s: the kernel chooses among all processes of the machine or of a "
                        "group; only --group goes with it",
                        t->n_pids > 0 ? "-p"
                        : t->exe      ? "-e"
                                      : "--comm");
        if (t->n_pids > 0 && (t->group || t->comm))
                return diag_set(d, -EINVAL,
                                "-p names the processes and %s looks for them; give one of the two",
                                t->group ? "--group" : "--comm");
        return 0;
}

void watch_targets_describe(const struct watch_targets *t, struct buf *out)
{
        buf_str(out, "process");
        if (t->exe) {
                buf_str(out, " of ");
                buf_str(out, t->exe);
        }
        if (t->comm) {
                buf_str(out, " called ");
                buf_str(out, t->comm);
        }
        if (t->group) {
                buf_str(out, " in memory group ");
                buf_str(out, t->group);
        }
}
