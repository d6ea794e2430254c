/* SPDX-License-Identifier: MIT */
#include "cli/run/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli/watch/options.h"

/* "--limit 512M" or "--limit=512M": its value, *i moved behind it; NULL when this is another option.  An option
 * without its value gives "". */
static char *value_of(const char *option, int end, char **argv, int *i)
{
        size_t n = strlen(option);

        if (strncmp(argv[*i], option, n) != 0)
                return NULL;
        if (argv[*i][n] == '=')
                return argv[*i] + n + 1;
        if (argv[*i][n] != '\0')
                return NULL;
        return *i + 1 < end ? argv[++*i] : argv[*i] + n;
}

static const char other_targets[] =
        "run watches the command that it starts; for other processes there is `swansong watch`";

static int parse_limit(const char *text, struct run_options *o, struct diag *d)
{
        struct size_spec spec;

        if (size_parse(text, &spec) < 0 || spec.is_percent)
                return diag_set(d, -EINVAL, "--limit '%.40s': not a size; give one as in --limit 512M", text);
        o->limit = spec.bytes;
        return 0;
}

static int parse_check(const char *text, struct run_options *o, struct diag *d)
{
        const char *size = strchr(text, '=');
        size_t n = size ? (size_t)(size - text) : strlen(text);
        struct size_spec spec;

        if (strcmp(text, "dump") == 0) {
                o->fail_on_dump = true;
                return 0;
        }
        if (!size ||
            ((n != 6 || memcmp(text, "growth", 6) != 0) && (n != 4 || memcmp(text, "leak", 4) != 0)) ||
            size_parse(size + 1, &spec) < 0 || spec.is_percent)
                return diag_set(d, -EINVAL, "--fail-on '%.60s': give dump, growth=SIZE or leak=SIZE", text);
        if (o->n_checks == RUN_CHECKS_MAX)
                return diag_set(d, -EINVAL, "--fail-on: at most %d of them", RUN_CHECKS_MAX);
        o->checks[o->n_checks++] = text;
        return 0;
}

/* Take our own options out, leave the others to `swansong watch`. */
static int take_own(int end, char **argv, struct run_options *o, struct diag *d)
{
        int r = 0;

        for (int i = 1; r == 0 && i < end; i++) {
                char *value;

                if ((value = value_of("--limit", end, argv, &i)))
                        r = parse_limit(value, o, d);
                else if ((value = value_of("--fail-on", end, argv, &i)))
                        r = parse_check(value, o, d);
                else if (strcmp(argv[i], "--victim") == 0)
                        r = diag_set(d, -EINVAL, "%s", other_targets);
                else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        o->help = true;
                else if (o->n_watch_args == RUN_WATCH_ARGS)
                        r = diag_set(d, -EINVAL, "too many options");
                else
                        o->watch_args[o->n_watch_args++] = argv[i];
        }
        return r;
}

/* What is wrong with watch's options is said before anything is started. */
static int check_watch(struct run_options *o, struct diag *d)
{
        static char name[] = "watch", p[] = "-p", pid[] = "2", out[] = "-o", dir[] = ".";
        char *args[RUN_WATCH_ARGS + 6];
        static struct watch_options w;
        int r;

        o->watch_args[0] = name;
        o->watch_args[1] = p;
        o->watch_args[2] = pid;
        o->watch_args[3] = out;
        o->watch_args[4] = dir;
        o->watch_args[o->n_watch_args] = NULL;
        memcpy(args, o->watch_args, sizeof(args)); /* getopt changes their order */
        optind = 1;
        r = watch_options_parse(o->n_watch_args, args, &w, d);
        optind = 1;
        if (r < 0)
                return r;
        if (w.targets.n_pids != 1 || w.targets.pids[0] != 2 || w.targets.exe || w.targets.comm ||
            w.targets.group || w.targets.victim)
                return diag_set(d, -EINVAL, "%s", other_targets);
        o->out_dir = strcmp(w.out_dir, dir) ? w.out_dir : NULL;
        o->report = w.report;
        return 0;
}

int run_options_parse(int argc, char **argv, struct run_options *ret, struct diag *d)
{
        struct run_options o = {.n_watch_args = RUN_WATCH_OWN};
        int end = 1, r;

        while (end < argc && strcmp(argv[end], "--") != 0)
                end++;
        r = take_own(end, argv, &o, d);
        if (r == 0 && !o.help) {
                if (end + 1 >= argc)
                        r = diag_set(d, -EINVAL,
                                     "which command? give it behind --, as in: swansong run -- make test");
                else
                        r = check_watch(&o, d);
                o.command = argv + end + 1;
        }
        if (r == 0)
                *ret = o;
        return r;
}

void run_options_help(FILE *out)
{
        fputs("usage: swansong run [CONDITION...] [OPTIONS] -- COMMAND ARG...\n"
              "Starts the command with the agent (libswansong.so), watches it, and reports what it left "
              "behind\n"
              "when it was killed: which code held the memory.  Its children are recorded, too.\n"
              "Names each bundle on stdout (bundle: PATH).\n\n"
              "      --limit SIZE   put it into a memory group of its own with this limit (512M, 2G); where "
              "that\n"
              "                     is not permitted limit its address space, and say so\n"
              "      --fail-on WHAT end with status 1, if the command itself succeeded, when\n"
              "                     dump         any bundle was made\n"
              "                     growth=SIZE  it grew by more than that from the first sample of its RSS\n"
              "                     leak=SIZE    it held more than that at its end: blocks never freed\n"
              "                     (at least that much for certain; SWANSONG_OPTIONS=sample=1 makes it "
              "exact)\n"
              "  -o DIR             where bundles go (default: $SWANSONG_DIR, else the current directory)\n"
              "Conditions and all other options are those of `swansong watch`, but for those that name "
              "processes.\n"
              "SWANSONG_OPTIONS and LD_PRELOAD are kept and added to.\n"
              "Signals are passed on to the command.\n"
              "Exit status: the command's; 128+N when signal N ended it; 1 when --fail-on says so; 125 "
              "swansong\n"
              "itself failed; 126 the command cannot be executed; 127 it was not found.\n",
              out);
}
