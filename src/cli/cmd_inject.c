/* SPDX-License-Identifier: MIT */
/* swansong inject -p PID: load the agent into a process that was started without it; --detach: quiet it again. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/size.h"
#include "cli/beside.h"
#include "cli/command.h"
#include "cli/options.h"
#include "injector/call/inject.h"

#define WAIT_NS (10 * NS_PER_S)
#define CALL_NS (10 * NS_PER_S)

#define SECONDS_MAX_NS (3600 * NS_PER_S)

static const char help_text[] =
        "usage: swansong inject -p PID [OPTIONS]\n"
        "       swansong inject --detach -p PID\n"
        "Loads the agent into a running process: from then on it records what is allocated, by call stack,\n"
        "as it does when it is preloaded (docs/inject.md).  One thread is away from its work for about a\n"
        "millisecond.\n"
        "  -p, --pid PID         the process\n"
        "      --detach          take the agent's hooks off again; its recorder stays as it is\n"
        "      --sample SIZE     bytes between two samples on average (default: 512K)\n"
        "      --options LIST    the agent's options as in $SWANSONG_OPTIONS: keep,dir=/run/x "
        "(docs/agent.md)\n"
        "      --wait SECONDS    how long to look for a thread that may be disturbed (default: 10)\n"
        "      --timeout SECONDS how long to wait for the call to return (default: 10)\n"
        "Exit status: 0 done, or done already; 2 usage; 3 the process is gone, not permitted, or not to be\n"
        "injected into (the reason is said); 4 the call did not return in time, or the agent does not "
        "record.\n";

struct inject_args {
        pid_t pid;
        const char *sample, *options;
        uint64_t wait_ns, call_ns;
        bool detach, help;
};

static int parse_seconds(const char *option, const char *text, uint64_t *ret_ns, struct diag *d)
{
        if (seconds_parse(text, SECONDS_MAX_NS, ret_ns) < 0)
                return diag_set(d, -EINVAL, "%s %.40s: give seconds, more than 0 and at most 3600", option,
                                text);
        return 0;
}

/* 0, or -EINVAL with d filled. */
static int parse_args(int argc, char **argv, struct inject_args *a, struct diag *d)
{
        enum { OPT_DETACH = 256, OPT_SAMPLE, OPT_OPTIONS, OPT_WAIT, OPT_TIMEOUT };
        static const struct option options[] = {
                {"pid", required_argument, NULL, 'p'},
                {"detach", no_argument, NULL, OPT_DETACH},
                {"sample", required_argument, NULL, OPT_SAMPLE},
                {"options", required_argument, NULL, OPT_OPTIONS},
                {"wait", required_argument, NULL, OPT_WAIT},
                {"timeout", required_argument, NULL, OPT_TIMEOUT},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        struct size_spec size;
        int c, r = 0;

        *a = (struct inject_args){.options = "", .wait_ns = WAIT_NS, .call_ns = CALL_NS};
        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":p:h", options, NULL)) != -1) {
                switch (c) {
                case 'p':
                        r = option_pid(optarg, &a->pid, d);
                        break;
                case OPT_DETACH:
                        a->detach = true;
                        break;
                case OPT_SAMPLE:
                        a->sample = optarg;
                        if (size_parse(optarg, &size) < 0 || size.is_percent)
                                r = diag_set(d, -EINVAL, "--sample %.40s: not a size; write 512K or 1M",
                                             optarg);
                        break;
                case OPT_OPTIONS:
                        a->options = optarg;
                        break;
                case OPT_WAIT:
                        r = parse_seconds("--wait", optarg, &a->wait_ns, d);
                        break;
                case OPT_TIMEOUT:
                        r = parse_seconds("--timeout", optarg, &a->call_ns, d);
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
        r = options_end_with_pid(argc, argv, a->pid, d);
        if (r < 0)
                return r;
        if (a->detach && (a->sample || a->options[0]))
                return diag_set(d, -EINVAL, "--detach takes no options of the agent's");
        return 0;
}

/* What the agent did not do, or did not finish, is another matter than a process that is not to be touched. */
static int failure_status(int err)
{
        switch (err) {
        case -ENOTSUP:
        case -EBUSY:
        case -ENOENT:
        case -ESRCH:
        case -ESTALE:
        case -EACCES:
        case -EPERM:
        case -EFBIG:
        case -ELIBACC:
                return STATUS_TARGET;
        case -EINVAL:
                return STATUS_USAGE;
        default:
                return STATUS_INCOMPLETE;
        }
}

static int inject(const struct inject_args *a, const struct target *target, const char *library,
                  struct diag *d)
{
        _cleanup_call_target_ struct call_target call = {.memory = {.fd = -1}};
        _cleanup_free_ char *options = NULL;
        struct inject_outcome outcome;
        int r;

        if (asprintf(&options, "%s%s%s%s", a->sample ? "sample=" : "", a->sample ? a->sample : "",
                     a->sample && a->options[0] ? "," : "", a->options) < 0)
                options = NULL;
        if (!options)
                return diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
        r = call_target_make(target, &call, d);
        if (r < 0)
                return r;
        r = inject_run(&call,
                       &(struct inject_request){.library = library,
                                                .options = options,
                                                .detach = a->detach,
                                                .wait_ns = a->wait_ns,
                                                .call_ns = a->call_ns},
                       &outcome, d);
        if (r < 0)
                return r;
        diag_set(d, 0, "PID %d (%s): the agent %s (thread %d was away from its work for %.2f ms%s)", a->pid,
                 target->comm,
                 a->detach
                         ? outcome.already ? "was detached already" : "is detached: nothing more is recorded"
                 : outcome.already ? "is there and records already"
                                   : "records from now on what is allocated",
                 outcome.tid, (double)outcome.pause_ns / 1e6,
                 outcome.turns > 1 ? " at the most, in several turns" : "");
        return 0;
}

int cmd_inject(int argc, char **argv)
{
        static const char *const installed[] = {"../lib/libswansong.so", NULL};
        _cleanup_target_ struct target target = TARGET_NONE;
        _cleanup_free_ char *library = NULL;
        char found[PATH_MAX];
        struct inject_args a;
        struct diag d = {0};
        int r = parse_args(argc, argv, &a, &d);

        if (r < 0) {
                complain("inject", &d);
                return STATUS_USAGE;
        }
        if (a.help) {
                fputs(help_text, stdout);
                return STATUS_DONE;
        }
        r = beside_find("libswansong.so", installed, found, &d);
        library = r < 0 ? NULL : realpath(found, NULL);
        if (!library) {
                complain("inject", &d);
                return STATUS_INCOMPLETE;
        }
        r = option_target(a.pid, &target, &d);
        if (r < 0) {
                complain("inject", &d);
                return target_status(r);
        }
        r = inject(&a, &target, library, &d);
        if (r < 0) {
                complain("inject", &d);
                return failure_status(r);
        }
        printf("%s\n", d.text);
        return STATUS_DONE;
}
