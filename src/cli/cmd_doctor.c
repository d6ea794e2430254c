/* SPDX-License-Identifier: MIT */
/* swansong doctor -p PID: what would kill it, what could be captured of it, and what is in the way. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/doctor/doctor.h"
#include "cli/options.h"

#define OUTPUT_MAX ((size_t)1 << 20)

static const char help_text[] =
        "usage: swansong doctor -p PID [--json]\n"
        "Says which limit would kill the process and how far that is, whether it would be the one, whether "
        "it\n"
        "may be attached to and what forbids it, what a capture takes, and which guarantee it would have.\n"
        "Attaches to nothing.\n"
        "  -p, --pid PID      the process\n"
        "      --json         one JSON object (docs/doctor.md)\n"
        "Exit status: 0 done, whatever was found; 2 usage; 3 the process is gone, a kernel thread, or "
        "cannot\n"
        "be seen.\n";

struct doctor_args {
        pid_t pid;
        bool json, help;
};

/* 0, or -EINVAL with d filled. */
static int parse_args(int argc, char **argv, struct doctor_args *a, struct diag *d)
{
        enum { OPT_JSON = 256 };
        static const struct option options[] = {
                {"pid", required_argument, NULL, 'p'},
                {"json", no_argument, NULL, OPT_JSON},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        int c, r = 0;

        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":p:h", options, NULL)) != -1) {
                switch (c) {
                case 'p':
                        r = option_pid(optarg, &a->pid, d);
                        break;
                case OPT_JSON:
                        a->json = true;
                        break;
                case 'h':
                        a->help = true;
                        return 0;
                default:
                        option_error(c, argv, d);
                        return -EINVAL;
                }
        }
        if (r < 0)
                return r;
        return options_end_with_pid(argc, argv, a->pid, d);
}

/* Of the terminal; 0: stdout is none. */
static unsigned terminal_columns(void)
{
        struct winsize w;

        return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

/* The exit status, with d filled unless that is 0. */
static int examine(const struct doctor_args *a, struct diag *d)
{
        _cleanup_target_ struct target target = TARGET_NONE;
        _cleanup_buf_ struct buf out = BUF_GROWING(OUTPUT_MAX);
        _cleanup_free_ struct doctor *doctor = malloc(sizeof(*doctor));
        int r = target_open(a->pid, &target, d);

        if (r < 0)
                return STATUS_TARGET;
        if (target.kernel_thread) {
                diag_set(d, -EPERM,
                         "PID %d (%s) is a kernel thread: it has no memory of its own and is never killed",
                         a->pid, target.comm);
                return STATUS_TARGET;
        }
        if (!doctor) {
                diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
                return STATUS_INCOMPLETE;
        }
        doctor_examine(doctor, &target);
        if (!doctor->ended && target_check(&target) < 0) {
                diag_set(d, -ESRCH, "PID %d (%s) has just ended", a->pid, target.comm);
                return STATUS_TARGET;
        }
        if (a->json)
                doctor_print_json(doctor, &out);
        else
                doctor_print_text(doctor, terminal_columns(), &out);
        if (out.cut || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
                diag_set(d, -EIO, "cannot write to stdout: %s", strerror(out.cut ? ENOMEM : errno));
                return STATUS_INCOMPLETE;
        }
        return STATUS_DONE;
}

int cmd_doctor(int argc, char **argv)
{
        struct doctor_args a = {0};
        struct diag d = {0};
        int status;

        if (parse_args(argc, argv, &a, &d) < 0) {
                complain("doctor", &d);
                return STATUS_USAGE;
        }
        if (a.help) {
                fputs(help_text, stdout);
                return STATUS_DONE;
        }
        status = examine(&a, &d);
        if (status != STATUS_DONE)
                complain("doctor", &d);
        return status;
}
