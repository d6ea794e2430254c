/* SPDX-License-Identifier: MIT */
/* swansong oom: the kernel's kills for memory, those that its log still holds and those that come. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/oom/print.h"
#include "cli/options.h"
#include "cli/survive.h"

/* One event's text: 1 MiB of log, 16,384 tasks and /proc/meminfo stay far below, escaped at their worst. */
#define OUTPUT_MAX ((size_t)64 << 20)

struct oom_args {
        bool follow, json, help;
        uint64_t from_ns; /* nothing older than this, since boot */
        bool with_given;
        uint64_t shown; /* events that were printed */
        struct oom_facts facts;
};

static const char help_text[] =
        "usage: swansong oom [OPTIONS]\n"
        "Shows the kernel's kills for memory: who triggered each, who was killed, with how much memory, and\n"
        "which limit was hit.\n"
        "  -f, --follow       then wait for those that come, until SIGINT or SIGTERM\n"
        "      --since AGE    none older than this: 90s, 10m, 2h, 7d; 0s: only those that come\n"
        "      --with LIST    with --follow, copy at each kill that comes: meminfo, slabinfo, status (the\n"
        "                     victim's, if it is still there); comma-separated\n"
        "      --json         one JSON object per line (docs/oom.md)\n"
        "Exit status: 0 done, also when there was no kill; 2 usage; 3 the kernel's log may not be read;\n"
        "4 it could not be read or printed to the end.\n";

/* "90s", "10m", "2h", "7d" ago: the time since boot, at least 0. */
static int since_parse(const char *text, uint64_t *ret_ns, struct diag *d)
{
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
        struct scan s = scan_of(text, strlen(text));
        uint64_t now = clock_monotonic_ns(), value, age_ns;

        if (scan_number(&s, &value))
                for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                        if (strcmp(s.at, units[i].name) == 0 &&
                            !__builtin_mul_overflow(value, units[i].seconds * NS_PER_S, &age_ns)) {
                                *ret_ns = age_ns < now ? now - age_ns : 0;
                                return 0;
                        }
        return diag_set(d, -EINVAL, "--since: '%.40s' is no age; give a number and s, m, h or d, as in 10m",
                        text);
}

/* 0, or -EINVAL with d filled. */
static int parse_args(int argc, char **argv, struct oom_args *a, struct diag *d)
{
        enum { OPT_SINCE = 256, OPT_WITH, OPT_JSON };
        static const struct option options[] = {
                {"follow", no_argument, NULL, 'f'},
                {"since", required_argument, NULL, OPT_SINCE},
                {"with", required_argument, NULL, OPT_WITH},
                {"json", no_argument, NULL, OPT_JSON},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        int c, r = 0;

        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":fh", options, NULL)) != -1) {
                switch (c) {
                case 'f':
                        a->follow = true;
                        break;
                case OPT_SINCE:
                        r = since_parse(optarg, &a->from_ns, d);
                        break;
                case OPT_WITH:
                        a->with_given = true;
                        r = oom_facts_choose(optarg, &a->facts, d);
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
        if (options_end(argc, argv, "see --help", d) < 0)
                return -EINVAL;
        if (a->with_given && !a->follow)
                return diag_set(d, -EINVAL,
                                "--with needs --follow: of a kill in the past only the kernel's log is left");
        return 0;
}

/* Print one event.  0, or -errno with d filled when stdout takes no more. */
static int print_event(const struct oom_args *a, const struct oom_log_event *e, const struct oom_facts *facts,
                       struct diag *d)
{
        _cleanup_buf_ struct buf out = BUF_GROWING(OUTPUT_MAX);

        (a->json ? oom_print_json : oom_print_text)(&out, e, facts);
        if (out.cut)
                return diag_set(d, -ENOMEM, "a kill could not be printed: %s", strerror(ENOMEM));
        if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
                return diag_set(d, -errno, "cannot write: %s", strerror(errno));
        return 0;
}

/* Show what the log has found; `live`: it has only just happened. */
static int print_events(struct oom_args *a, struct oom_log *log, bool live, struct diag *d)
{
        struct oom_log_event e;
        int r = 0;

        while (oom_log_next(log, &e)) {
                _cleanup_oom_kill_ struct oom_kill *kill = e.kill;

                if (r < 0 || (!live && e.time_ns < a->from_ns))
                        continue;
                a->shown++;
                if (live && kill)
                        oom_facts_take(&a->facts, kill);
                r = print_event(a, &e, live && kill ? &a->facts : NULL, d);
        }
        return r;
}

/* A descriptor that becomes readable when somebody asks us to end. */
static int end_signals_open(struct diag *d)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        fd = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
        return fd >= 0 ? fd : diag_set(d, -errno, "signalfd: %s", strerror(errno));
}

/* Wait for records or for the end.  1 records, 0 the end, -errno. */
static int wait_for_records(const struct kmsg *k, int end_fd)
{
        struct pollfd fds[] = {{.fd = k->fd, .events = POLLIN}, {.fd = end_fd, .events = POLLIN}};

        while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
                if (errno != EINTR)
                        return -errno;
        return fds[1].revents == 0;
}

/* Read the log to its end, or until we are asked to end.  One descriptor does both, so that nothing falls
 * between. */
static int read_log(struct oom_args *a, struct kmsg *k, int end_fd, struct diag *d)
{
        _cleanup_oom_log_ struct oom_log log = {0};
        struct kmsg_record record;
        bool live = false;
        int r;

        for (;;) {
                r = kmsg_read(k, &record);
                if (r < 0)
                        return diag_set(d, r, "/dev/kmsg: %s", strerror(-r));
                if (r == 0) {
                        live = true;
                        r = a->follow ? wait_for_records(k, end_fd) : 0;
                        if (r < 0)
                                return diag_set(d, r, "poll: %s", strerror(-r));
                        if (r == 0)
                                break;
                        continue;
                }
                if (record.lost > 0)
                        fprintf(stderr,
                                "swansong oom: %llu records of the kernel's log were overwritten unread\n",
                                (unsigned long long)record.lost);
                r = oom_log_feed(&log, &record);
                if (r < 0)
                        return diag_set(d, r, "%s", strerror(-r));
                r = print_events(a, &log, live, d);
                if (r < 0)
                        return r;
        }
        oom_log_flush(&log);
        r = print_events(a, &log, false, d);
        if (r == 0 && a->shown == 0 && !a->json && !a->follow)
                fputs("swansong oom: the kernel's log has no kill for memory of that time\n", stderr);
        return r;
}

/* The exit status, with d filled unless that is 0. */
static int oom_run(struct oom_args *a, struct diag *d)
{
        _cleanup_kmsg_ struct kmsg k = {.fd = -1};
        _cleanup_fd_ int end_fd = -1;

        if (a->follow) {
                survive_lower_oom_score(); /* not to be the next one that we would report */
                end_fd = end_signals_open(d);
                if (end_fd < 0)
                        return STATUS_INCOMPLETE;
        }
        if (kmsg_open(&k, KMSG_FROM_OLDEST, d) < 0)
                return STATUS_TARGET;
        return read_log(a, &k, end_fd, d) < 0 ? STATUS_INCOMPLETE : STATUS_DONE;
}

int cmd_oom(int argc, char **argv)
{
        struct oom_args a = {0};
        struct diag d = {0};
        int r = parse_args(argc, argv, &a, &d);

        if (r < 0) {
                complain("oom", &d);
                return STATUS_USAGE;
        }
        if (a.help) {
                fputs(help_text, stdout);
                return STATUS_DONE;
        }
        r = oom_run(&a, &d);
        oom_facts_done(&a.facts);
        if (r != STATUS_DONE)
                complain("oom", &d);
        return r;
}
