/* SPDX-License-Identifier: MIT */
/* swansong-report - the analysis half's main(): a bundle in, a report out.
 *
 * The user reaches it as `swansong report`; `swansong dump` starts it with --save and --binaries.
 */
#include <elfutils/version.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/report_build.h"
#include "analysis/stacks/stacks.h"
#include "base/oom/kmsg.h"
#include "base/number.h"
#include "render/check.h"
#include "render/output.h"
#include "render/renderer.h"
#include "render/terminal.h"

/* Messages name the command that the user has typed; `swansong system` calls us by its own name. */
static const char *command = "swansong report";

/* design.md, "The command line". */
enum {
        STATUS_DONE = 0,
        STATUS_CHECK_FAILED = 1,
        STATUS_USAGE = 2,
        STATUS_NOT_FOUND = 3,
        STATUS_INCOMPLETE = 4
};

struct args {
        const char *bundle, *format, *output;
        int bundle_from; /* fd that will say which bundle, or -1 */
        bool save, help, version;
        struct checks checks;
        struct terminal_choice terminal;
        struct stacks_options stacks;
};

static void print_help(void)
{
        printf("usage: swansong report [OPTIONS] BUNDLE|RECORDER\n"
               "Renders a bundle, also one that was interrupted (….swansong.partial), or what the agent's\n"
               "recorder holds (swansong.….rec) of a process that was killed or still runs.\n"
               "\n"
               "      --format FORMAT   one of these (text):\n"
               "%s"
               "  -o FILE               write there instead of to the standard output\n"
               "      --all             text: no list is cut, and no path\n"
               "      --color WHEN      text: auto (on a terminal, unless $NO_COLOR), always or never\n"
               "      --width COLUMNS   text: instead of the terminal's, at least %d\n"
               "      --no-lines        function names only, no file:line and inlined functions: faster\n"
               "      --sysroot DIR     look for the target's files below DIR first\n"
               "      --fail-on WHAT    end with status 1 when leak=SIZE: more than that is still held, or\n"
               "                        growth=SIZE: it grew by more from the first sample of its RSS\n"
               "      --save            also write report.txt and report.json into the bundle\n"
               "  -h, --help            this text\n"
               "  -V, --version         what was built in\n"
               "Debug information is fetched from $DEBUGINFOD_URLS if that is set.\n"
               "Exit status: 0 done, 1 --fail-on says so, 2 wrong usage or no bundle, 3 not found or not\n"
               "permitted, 4 the report could not be made or written, or a check not be answered.\n",
               renderer_help(), TERMINAL_NARROWEST);
}

static int parse_number(const char *text, uint64_t max, const char *what, uint64_t *ret, struct diag *d)
{
        if (number_parse(text, max, ret) < 0)
                return diag_set(d, -EINVAL, "%s '%.40s' is not a number up to %llu", what, text,
                                (unsigned long long)max);
        return 0;
}

static int parse_option(int c, struct args *a, struct diag *d)
{
        uint64_t number;
        int r = 0;

        switch (c) {
        case 'f':
                a->format = optarg;
                if (!renderer_find(optarg))
                        r = diag_set(d, -EINVAL, "unknown format '%.40s'; there are: %s", optarg,
                                     renderer_names());
                break;
        case 'o':
                a->output = strcmp(optarg, "-") != 0 ? optarg : NULL;
                break;
        case 'n':
                a->stacks.lines = false;
                break;
        case 'r':
                a->stacks.sysroot = optarg;
                if (access(optarg, X_OK) < 0)
                        r = diag_set(d, -errno, "--sysroot '%.200s': %s", optarg, strerror(errno));
                break;
        case 's':
                a->save = true;
                break;
        case 'a':
                a->terminal.all = true;
                break;
        case 'b':
                r = parse_number(optarg, INT32_MAX, "the file descriptor", &number, d);
                if (r == 0)
                        a->stacks.binaries_fd = (int)number;
                break;
        case 'B':
                r = parse_number(optarg, INT32_MAX, "the file descriptor", &number, d);
                if (r == 0)
                        a->bundle_from = (int)number;
                break;
        case 'c':
                r = terminal_parse_color(optarg, &a->terminal, d);
                break;
        case 'w':
                r = parse_number(optarg, 10000, "the width", &number, d);
                if (r == 0)
                        a->terminal.width = (unsigned)number;
                break;
        case 'F':
                r = checks_parse(&a->checks, optarg, d);
                break;
        case 'h':
                a->help = true;
                break;
        case 'V':
                a->version = true;
                break;
        default:
                break;
        }
        return r;
}

/* --binaries and --bundle-from, descriptors that `swansong dump` hands over, are not in the help. */
static int parse_args(int argc, char **argv, struct args *a, struct diag *d)
{
        static const struct option options[] = {
                {"format", required_argument, NULL, 'f'},
                {"no-lines", no_argument, NULL, 'n'},
                {"sysroot", required_argument, NULL, 'r'},
                {"save", no_argument, NULL, 's'},
                {"binaries", required_argument, NULL, 'b'},
                {"bundle-from", required_argument, NULL, 'B'},
                {"color", required_argument, NULL, 'c'},
                {"width", required_argument, NULL, 'w'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'V'},
                {"all", no_argument, NULL, 'a'},
                {"fail-on", required_argument, NULL, 'F'},
                {0},
        };
        int c, r = 0;

        *a = (struct args){.format = "text", .bundle_from = -1, .stacks = {.binaries_fd = -1, .lines = true}};
        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":o:hV", options, NULL)) != -1) {
                if (c == ':')
                        r = diag_set(d, -EINVAL, "%s needs an argument; see --help", argv[optind - 1]);
                else if (c == '?')
                        r = diag_set(d, -EINVAL, "unknown option '%.80s'; see --help", argv[optind - 1]);
                else
                        r = parse_option(c, a, d);
        }
        if (r < 0 || a->help || a->version || a->bundle_from >= 0)
                return r;
        if (optind >= argc)
                return diag_set(d, -EINVAL,
                                "which bundle? give the path of a ….swansong directory, or of a recorder");
        if (optind + 1 < argc)
                return diag_set(d, -EINVAL, "'%.80s': one bundle at a time", argv[optind + 1]);
        a->bundle = argv[optind];
        return *a->bundle ? 0 : diag_set(d, -EINVAL, "which bundle? the name is empty");
}

/* The two files in the bundle, for people and for programs. */
static int save_reports(const char *bundle, const struct buf *text, const struct buf *json, struct diag *d)
{
        int first = output_into_bundle(bundle, "report.txt", text, d);
        int second = output_into_bundle(bundle, "report.json", json, first < 0 ? NULL : d);

        return first < 0 ? first : second;
}

static int render_all(const struct args *a, const struct report *r, struct diag *d)
{
        static const struct render_style plain = {.width = PLAIN_WIDTH};
        _cleanup_buf_ struct buf out = BUF_GROWING(OUTPUT_MAX), text = BUF_GROWING(OUTPUT_MAX),
                                 json = BUF_GROWING(OUTPUT_MAX);
        struct render_style style;
        int saved = 0, written;

        terminal_style(&a->terminal, a->output ? -1 : STDOUT_FILENO, &style);
        renderer_find(a->format)(r, &style, &out);
        if (out.cut)
                return diag_set(d, -ENOMEM, "%s: the report does not fit into memory", a->bundle);
        /* What the user waits for comes first. */
        written = a->output ? output_file(a->output, &out, d) : output_stdout(&out, d);
        if (a->save) {
                render_text(r, &plain, &text);
                render_json(r, &plain, &json);
                saved = save_reports(a->bundle, &text, &json, written < 0 ? NULL : d);
        }
        return written < 0 ? written : saved;
}

/* Why a bundle cannot be opened. */
static int status_of(int err)
{
        switch (err) {
        case -ENOMEM:
                return STATUS_INCOMPLETE;
        case -EINVAL: /* a directory, but no bundle */
        case -ENOTDIR:
                return STATUS_USAGE;
        default:
                return STATUS_NOT_FOUND;
        }
}

/* `swansong dump` starts us while it captures; the path comes when the bundle is complete.  0, or -ENODATA: there will be none. */
static int wait_for_bundle(int fd, char path[PATH_MAX])
{
        size_t n = 0;

        while (n < PATH_MAX) {
                ssize_t got = read(fd, path + n, PATH_MAX - n);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return -ENODATA;
                n += (size_t)got;
                if (path[n - 1] == '\0')
                        return 0;
        }
        return -ENODATA;
}

/* The worst answer of all checks, each said in one line. */
static int run_checks(const struct checks *c, const struct report *r)
{
        int status = STATUS_DONE;

        for (unsigned i = 0; i < c->n; i++) {
                struct diag d;
                int failed = check_run(&c->list[i], r, &d);

                if (failed)
                        fprintf(stderr, "%s: --fail-on %s: %s\n", command, c->list[i].given, d.text);
                if (failed < 0)
                        status = STATUS_INCOMPLETE;
                else if (failed && status == STATUS_DONE)
                        status = STATUS_CHECK_FAILED;
        }
        return status;
}

static int run(struct args *a)
{
        _cleanup_(report_done) struct report report = {0};
        struct report_options options = {.stacks = &a->stacks, .kernel_log = kmsg_copy};
        struct progress progress;
        struct diag d = {0};
        int r;

        progress_begin(&progress);
        a->stacks.progress = progress_step;
        a->stacks.progress_data = &progress;
        r = report_build(a->bundle, &options, &report, &d);
        progress_end(&progress);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", command, d.text);
                return status_of(r);
        }
        r = render_all(a, &report, &d);
        if (r < 0 && r != -EPIPE) { /* `| head` has seen enough */
                fprintf(stderr, "%s: %s\n", command, d.text);
                return STATUS_INCOMPLETE;
        }
        return run_checks(&a->checks, &report);
}

int main(int argc, char **argv)
{
        char path[PATH_MAX];
        struct args a;
        struct diag d = {0};

        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
        /* Only for the width of characters; the text is UTF-8 wherever it is read. */
        setlocale(LC_CTYPE, "C.UTF-8");
        if (argc > 0 && strncmp(argv[0], "swansong ", 9) == 0)
                command = argv[0];
        if (parse_args(argc, argv, &a, &d) < 0) {
                fprintf(stderr, "%s: %s\n", command, d.text);
                return STATUS_USAGE;
        }
        if (a.bundle_from >= 0) {
                if (wait_for_bundle(a.bundle_from, path) < 0)
                        return STATUS_DONE;
                a.bundle = path;
        }
        if (a.help)
                print_help();
        else if (a.version)
                printf("swansong-report %s, elfutils %d.%d, jansson %s\n", SWANSONG_VERSION,
                       _ELFUTILS_VERSION / 1000, _ELFUTILS_VERSION % 1000, JANSSON_VERSION);
        else
                return run(&a);
        return STATUS_DONE;
}
