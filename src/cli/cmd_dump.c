/* SPDX-License-Identifier: MIT */
/* swansong dump -p PID: capture now, print the report, name the bundle on the last line of stdout. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/agent_ask.h"
#include "cli/command.h"
#include "cli/dump_once.h"
#include "cli/options.h"
#include "cli/survive.h"

struct dump_args {
        pid_t pid;
        const char *out_dir;
        const char *only;
        bool with_environ;
        enum census_how census;
        bool with_contents;
        bool with_malloc_info;
        bool help;
        struct dump_options dump;
};

static const char help_text[] =
        "usage: swansong dump -p PID [OPTIONS]\n"
        "Copies the process (stopped for microseconds per thread) into a bundle and prints the report.\n"
        "  -p, --pid PID      the process\n"
        "  -o DIR             where the bundle goes (default: $SWANSONG_DIR, else the current directory)\n"
        "      --only LIST    only these groups, comma-separated: stacks, process, recorder, threads,\n"
        "                     tree, cgroup, sockets, fds, machine, processes, heap\n"
        "      --environ      the environment variables too (they may hold secrets)\n"
        "      --census HOW   full: count the whole heap from outside, 0.3 s per GiB; sample: of a large "
        "one\n"
        "                     64 MiB, scaled up; auto (default): full up to 2 GiB, else sample; off\n"
        "      --contents     what a block of each of the largest groups holds, too (may be secrets)\n"
        "      --malloc-info  have a thread of the process ask its allocator, too (docs/inject.md)\n"
        "      --no-lines     function names only, no file:line and inlined functions: faster\n"
        "      --no-report    only the bundle; `swansong report` makes the report later\n"
        "      --no-save      print the report only, do not keep report.txt and report.json in the bundle\n"
        "  -q, --quiet        do not print the report (it is in the bundle)\n"
        "Exit status: 0 done, 2 usage, 3 target gone, not permitted or not found, 4 something is missing\n"
        "(the report says what).\n";

/* 0, or -EINVAL with d filled. */
static int parse_args(int argc, char **argv, struct dump_args *a, struct diag *d)
{
        enum {
                OPT_ONLY = 256,
                OPT_ENVIRON,
                OPT_CENSUS,
                OPT_CONTENTS,
                OPT_MALLOC_INFO,
                OPT_NO_LINES,
                OPT_NO_REPORT,
                OPT_NO_SAVE
        };
        static const struct option options[] = {
                {"pid", required_argument, NULL, 'p'},
                {"only", required_argument, NULL, OPT_ONLY},
                {"environ", no_argument, NULL, OPT_ENVIRON},
                {"census", required_argument, NULL, OPT_CENSUS},
                {"contents", no_argument, NULL, OPT_CONTENTS},
                {"malloc-info", no_argument, NULL, OPT_MALLOC_INFO},
                {"no-lines", no_argument, NULL, OPT_NO_LINES},
                {"no-report", no_argument, NULL, OPT_NO_REPORT},
                {"no-save", no_argument, NULL, OPT_NO_SAVE},
                {"quiet", no_argument, NULL, 'q'},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        int c, r = 0;

        *a = (struct dump_args){.dump = {.report = true, .print = true, .save = true, .lines = true}};
        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":p:o:qh", options, NULL)) != -1) {
                switch (c) {
                case 'p':
                        if (a->pid != 0)
                                r = diag_set(d, -EINVAL, "-p is given twice; a dump is of one process");
                        else
                                r = option_pid(optarg, &a->pid, d);
                        break;
                case 'o':
                        a->out_dir = optarg;
                        break;
                case OPT_ONLY:
                        a->only = optarg;
                        r = capture_only_check(optarg, d);
                        break;
                case OPT_ENVIRON:
                        a->with_environ = true;
                        break;
                case OPT_CENSUS:
                        r = option_census(optarg, &a->census, d);
                        break;
                case OPT_CONTENTS:
                        a->with_contents = true;
                        break;
                case OPT_MALLOC_INFO:
                        a->with_malloc_info = true;
                        break;
                case OPT_NO_LINES:
                        a->dump.lines = false;
                        break;
                case OPT_NO_SAVE:
                        a->dump.save = false;
                        break;
                case OPT_NO_REPORT:
                        a->dump.report = false;
                        break;
                case 'q':
                        a->dump.print = false;
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

/* A failure before anything was captured: a directory that cannot take a bundle is the user's to change, like
 * any other argument. */
static int failure_status(int err)
{
        return err == -ENOSPC || err == -EDQUOT || err == -EROFS ? STATUS_USAGE : target_status(err);
}

static int dump_target(const struct dump_args *a, const struct target *target, int dir, const char *dir_name)
{
        struct dump_result result;
        struct diag d = {0};
        char sentence[96];
        int r;

        snprintf(sentence, sizeof(sentence), "asked for by hand: swansong dump -p %d", a->pid);
        r = dump_once(&(struct capture_request){.target = target,
                                                .out_dirfd = dir,
                                                .out_dir = dir_name,
                                                .trigger_kind = "dump",
                                                .trigger_sentence = sentence,
                                                .guarantee = "early",
                                                .only = a->only,
                                                .with_environ = a->with_environ,
                                                .with_contents = a->with_contents,
                                                .census = a->census,
                                                .with_malloc_info = a->with_malloc_info},
                      &a->dump, &result, &d);
        if (r < 0) {
                complain("dump", &d);
                return failure_status(r);
        }
        if (result.report_failed)
                complain("dump", &d);
        if (printf("bundle: %s\n", result.path) < 0 || fflush(stdout) != 0) {
                diag_set(&d, -errno, "cannot write to stdout (%s); the bundle is %s", strerror(errno),
                         result.path);
                complain("dump", &d);
                result.incomplete = true;
        }
        free(result.path);
        return result.incomplete ? STATUS_INCOMPLETE : STATUS_DONE;
}

int cmd_dump(int argc, char **argv)
{
        _cleanup_target_ struct target target = TARGET_NONE;
        _cleanup_free_ char *dir_name = NULL;
        _cleanup_fd_ int dir = -1;
        struct dump_args a;
        struct diag d = {0};
        int r = parse_args(argc, argv, &a, &d);

        if (r < 0) {
                complain("dump", &d);
                return STATUS_USAGE;
        }
        if (a.help) {
                fputs(help_text, stdout);
                return STATUS_DONE;
        }
        dir = option_out_dir(a.out_dir, false, &dir_name, &d);
        if (dir < 0) {
                complain("dump", &d);
                return STATUS_USAGE;
        }
        r = option_target(a.pid, &target, &d);
        if (r < 0) {
                complain("dump", &d);
                return target_status(r);
        }
        survive_lower_oom_score();
        survive_file_size();
        /* Its answer is in the recorder, which is in the dump. */
        if (agent_ask(&target) == AGENT_SILENT)
                fprintf(stderr, "swansong dump: ptrace is refused, and the agent did not answer its signal "
                                "in time\n");
        return dump_target(&a, &target, dir, dir_name);
}
