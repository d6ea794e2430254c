/* SPDX-License-Identifier: MIT */
/* swansong system: the machine's memory now.  A bundle of the machine alone is made, shown, and thrown away. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report_child.h"
#include "cli/survive.h"
#include "capture/capture.h"

#define REPORT_ARGS 16

struct system_args {
        const char *report[REPORT_ARGS]; /* for swansong-report: its options, then the bundle */
        int n;
        const char *bundle_dir; /* where the bundle is kept; NULL: nowhere */
        bool help;
};

static const char help_text[] =
        "usage: swansong system [OPTIONS]\n"
        "Shows where the machine's memory is: the verdict first, then processes, groups, slabs, free "
        "blocks,\n"
        "reclaim, swap.\n"
        "      --format FORMAT   text (default) or json\n"
        "  -o FILE               write there instead of to the standard output\n"
        "      --all             text: no list is cut\n"
        "      --color WHEN      text: auto, always or never\n"
        "      --bundle DIR      keep what was copied as a bundle in DIR; `swansong report` shows it again\n"
        "Exit status: 0 done, 2 usage, 4 something is missing (the report says what).\n";

static void pass_on(struct system_args *a, const char *option, const char *value)
{
        a->report[a->n++] = option;
        if (value)
                a->report[a->n++] = value;
}

/* 0, or -EINVAL with d filled. An option given twice counts the last time, and takes no more room. */
static int parse_args(int argc, char **argv, struct system_args *a, struct diag *d)
{
        enum { OPT_FORMAT = 256, OPT_ALL, OPT_COLOR, OPT_BUNDLE };
        static const struct option options[] = {
                {"format", required_argument, NULL, OPT_FORMAT},
                {"all", no_argument, NULL, OPT_ALL},
                {"color", required_argument, NULL, OPT_COLOR},
                {"bundle", required_argument, NULL, OPT_BUNDLE},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        const char *format = NULL, *output = NULL, *color = NULL;
        bool all = false;
        int c;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
                switch (c) {
                case OPT_FORMAT:
                        format = optarg;
                        break;
                case 'o':
                        output = optarg;
                        break;
                case OPT_ALL:
                        all = true;
                        break;
                case OPT_COLOR:
                        color = optarg;
                        break;
                case OPT_BUNDLE:
                        a->bundle_dir = optarg;
                        break;
                case 'h':
                        a->help = true;
                        return 0;
                default:
                        option_error(c, argv, d);
                        return -EINVAL;
                }
        }
        if (options_end(argc, argv, "see --help", d) < 0)
                return -EINVAL;
        pass_on(a, "swansong system", NULL); /* as its messages begin */
        if (format)
                pass_on(a, "--format", format);
        if (output)
                pass_on(a, "-o", output);
        if (color)
                pass_on(a, "--color", color);
        if (all)
                pass_on(a, "--all", NULL);
        return 0;
}

/* The exit status; d is filled when that is not STATUS_DONE and the report does not say itself why. */
static int show(struct system_args *a, int dir, const char *dir_name, struct diag *d)
{
        struct capture_outcome outcome;
        int status, r;

        r = capture_machine(
                &(struct capture_request){.out_dirfd = dir,
                                          .out_dir = dir_name,
                                          .trigger_kind = "system",
                                          .trigger_sentence = "asked for by hand: swansong system"},
                &outcome, d);
        if (r < 0)
                return STATUS_INCOMPLETE;
        pass_on(a, "--", outcome.path);
        status = report_child_run(a->report, d);
        if (status == STATUS_DONE && a->bundle_dir)
                printf("bundle: %s\n", outcome.path);
        if (status == STATUS_DONE && outcome.incomplete)
                status = STATUS_INCOMPLETE;
        capture_outcome_done(&outcome);
        if (status < 0)
                complain("system", d);
        return status < 0 ? STATUS_INCOMPLETE : status;
}

static int show_kept(struct system_args *a, struct diag *d)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_fd_ int dir = option_out_dir(a->bundle_dir, false, &name, d);

        if (dir < 0) {
                complain("system", d);
                return STATUS_USAGE;
        }
        return show(a, dir, name, d);
}

static int show_scratch(struct system_args *a, struct diag *d)
{
        const char *tmp = getenv("TMPDIR");
        _cleanup_free_ char *name = NULL;
        _cleanup_fd_ int dir = -1;
        int status;

        if (asprintf(&name, "%s/swansong-system.XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) {
                name = NULL;
                return STATUS_INCOMPLETE;
        }
        if (mkdtemp(name))
                dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0) {
                diag_set(d, -errno,
                         "%s: cannot make a directory there: %s; name another with $TMPDIR or --bundle", name,
                         strerror(errno));
                complain("system", d);
                return STATUS_INCOMPLETE;
        }
        status = show(a, dir, name, d);
        dir_remove_tree(AT_FDCWD, name);
        return status;
}

int cmd_system(int argc, char **argv)
{
        struct system_args a = {0};
        struct diag d = {0};

        if (parse_args(argc, argv, &a, &d) < 0) {
                complain("system", &d);
                return STATUS_USAGE;
        }
        if (a.help) {
                fputs(help_text, stdout);
                return STATUS_DONE;
        }
        survive_lower_oom_score();
        survive_file_size();
        return a.bundle_dir ? show_kept(&a, &d) : show_scratch(&a, &d);
}
