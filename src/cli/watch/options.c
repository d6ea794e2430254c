/* SPDX-License-Identifier: MIT */
#include "cli/watch/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "capture/at_kill.h"
#include "cli/options.h"

#define INTERVAL_DEFAULT_NS       NS_PER_S
#define INTERVAL_MIN_NS           NS_PER_MS
#define DAY_NS                    (86400 * NS_PER_S)
#define COOLDOWN_DEFAULT_NS       (60 * NS_PER_S)
#define BRAKE_DEADLINE_DEFAULT_NS (10 * NS_PER_S)
#define ARM_DEFAULT               "70%"

enum {
        OPT_COOLDOWN = 256,
        OPT_MAX_DUMPS,
        OPT_KEEP,
        OPT_EXEC,
        OPT_NO_REPORT,
        OPT_CENSUS,
        OPT_KILL_BUDGET,
        OPT_ON_CRASH,
        OPT_SNAPSHOT,
        OPT_BRAKE,
        OPT_BRAKE_DEADLINE,
        OPT_HOLD,
        OPT_MAX_DISK,
        OPT_DRY_RUN,
        OPT_TRIGGER,
        OPT_TARGET = 512,
};

static const struct option own_options[] = {
        {"interval", required_argument, NULL, 'i'},
        {"count", required_argument, NULL, 'c'},
        {"lock-memory", no_argument, NULL, 'l'},
        {"cooldown", required_argument, NULL, OPT_COOLDOWN},
        {"max-dumps", required_argument, NULL, OPT_MAX_DUMPS},
        {"keep", required_argument, NULL, OPT_KEEP},
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {"max-disk", required_argument, NULL, OPT_MAX_DISK},
        {"exec", required_argument, NULL, OPT_EXEC},
        {"snapshot", no_argument, NULL, OPT_SNAPSHOT},
        {"no-report", no_argument, NULL, OPT_NO_REPORT},
        {"census", required_argument, NULL, OPT_CENSUS},
        {"kill-budget", required_argument, NULL, OPT_KILL_BUDGET},
        {"brake", optional_argument, NULL, OPT_BRAKE},
        {"brake-deadline", required_argument, NULL, OPT_BRAKE_DEADLINE},
        {"hold", no_argument, NULL, OPT_HOLD},
        {"on-crash", no_argument, NULL, OPT_ON_CRASH},
        {"help", no_argument, NULL, 'h'},
};

#define OPTIONS_MAX 64

/* Our own options and one per row of triggers.def and watch_targets.def, as getopt_long() wants them. */
static void build_options(struct option all[OPTIONS_MAX], char letters[OPTIONS_MAX])
{
        size_t n = ARRAY_SIZE(own_options);
        char *l = stpcpy(letters, ":i:c:o:lh");

        memset(all, 0, OPTIONS_MAX * sizeof(*all));
        memcpy(all, own_options, sizeof(own_options));
        for (size_t i = 0; i < n_trigger_types && n + 1 < OPTIONS_MAX; i++) {
                all[n++] = (struct option){trigger_types[i].option, required_argument, NULL,
                                           OPT_TRIGGER + (int)i};
                if (trigger_types[i].letter) {
                        *l++ = trigger_types[i].letter;
                        *l++ = ':';
                }
        }
        for (size_t i = 0; i < n_watch_target_types && n + 1 < OPTIONS_MAX; i++) {
                const struct watch_target_type *t = &watch_target_types[i];

                all[n++] = (struct option){t->option, t->argument ? required_argument : no_argument, NULL,
                                           OPT_TARGET + (int)i};
                if (t->letter) {
                        *l++ = t->letter;
                        *l++ = ':';
                }
        }
        *l = '\0';
}

static const struct watch_target_type *target_of_option(int c)
{
        for (size_t i = 0; i < n_watch_target_types; i++)
                if (c == OPT_TARGET + (int)i || (c != 0 && c == watch_target_types[i].letter))
                        return &watch_target_types[i];
        return NULL;
}

static const struct trigger_type *trigger_of_option(int c)
{
        for (size_t i = 0; i < n_trigger_types; i++)
                if (c == OPT_TRIGGER + (int)i || (c != 0 && c == trigger_types[i].letter))
                        return &trigger_types[i];
        return NULL;
}

static int add_trigger(struct watch_options *o, const struct trigger_type *type, struct diag *d)
{
        if (o->rules.n_triggers == TRIGGERS_MAX)
                return diag_set(d, -EINVAL, "at most %d conditions can be given", TRIGGERS_MAX);
        return trigger_parse(type, optarg, &o->rules.triggers[o->rules.n_triggers++], d);
}

static int parse_count(const char *option, uint64_t max, uint64_t *ret, struct diag *d)
{
        if (number_parse(optarg, max, ret) < 0 || *ret == 0)
                return diag_set(d, -EINVAL, "%s %.40s: not a number from 1 to %llu", option, optarg,
                                (unsigned long long)max);
        return 0;
}

static int parse_interval(struct watch_options *o, struct diag *d)
{
        if (seconds_parse(optarg, DAY_NS, &o->interval_ns) < 0 || o->interval_ns < INTERVAL_MIN_NS)
                return diag_set(d, -EINVAL,
                                "-i %.40s: not an interval; give seconds from 0.001 to 86400, as in -i 0.5",
                                optarg);
        return 0;
}

static int parse_cooldown(struct watch_options *o, struct diag *d)
{
        if (strcmp(optarg, "0") == 0) {
                o->rules.cooldown_ns = 0;
                return 0;
        }
        if (seconds_parse(optarg, 365 * DAY_NS, &o->rules.cooldown_ns) < 0)
                return diag_set(d, -EINVAL, "--cooldown %.40s: not a number of seconds", optarg);
        return 0;
}

static int parse_kill_budget(struct watch_options *o, struct diag *d)
{
        uint64_t ms;

        if (number_parse(optarg, 2000, &ms) < 0 || ms == 0)
                return diag_set(d, -EINVAL,
                                "--kill-budget %.40s: not a number of milliseconds from 1 to 2000", optarg);
        o->kill_budget_ns = ms * NS_PER_MS;
        return 0;
}

static int parse_max_disk(struct watch_options *o, struct diag *d)
{
        struct size_spec size;

        if (size_parse(optarg, &size) < 0 || size.is_percent)
                return diag_set(d, -EINVAL, "--max-disk %.40s: not a size; write 512M or 20G", optarg);
        o->max_disk = size.bytes;
        return 0;
}

static int set_brake(struct watch_options *o, enum brake_kind kind, struct diag *d)
{
        if (o->brake != BRAKE_NONE && o->brake != kind)
                return diag_set(d, -EINVAL, "--brake (cgroup v2) and --hold (v1): only one of them can be");
        o->brake = kind;
        return 0;
}

/* "90", "90%"; nothing: the default. */
static int parse_brake(struct watch_options *o, struct diag *d)
{
        uint64_t percent = BRAKE_PERCENT_DEFAULT;
        const char *p = optarg;

        if (optarg && (number_scan(&p, optarg + strlen(optarg), 10, &percent) < 0 || (*p == '%' && *++p) ||
                       *p || percent < 1 || percent > 99))
                return diag_set(d, -EINVAL, "--brake=%.40s: not a percentage of memory.max from 1 to 99",
                                optarg);
        o->brake_percent = (double)percent;
        return set_brake(o, BRAKE_SLOW, d);
}

static int parse_brake_deadline(struct watch_options *o, struct diag *d)
{
        if (seconds_parse(optarg, 3600 * NS_PER_S, &o->brake_deadline_ns) < 0)
                return diag_set(d, -EINVAL, "--brake-deadline %.40s: not a number of seconds up to 3600",
                                optarg);
        return 0;
}

/* The first condition with that effect, or NULL. */
static const struct trigger *find_effect(const struct observer_rules *rules, enum trigger_effect effect)
{
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->effect == effect)
                        return &rules->triggers[i];
        return NULL;
}

static bool is_never_armed(const struct observer_rules *rules)
{
        const struct trigger *arm = find_effect(rules, TRIGGER_ARMS);

        return !arm || strcmp(arm->given, "never") == 0;
}

static int add_default(struct watch_options *o, const char *kind, const char *argument, struct diag *d)
{
        if (o->rules.n_triggers == TRIGGERS_MAX)
                return 0;
        return trigger_parse(trigger_type_find(kind), argument, &o->rules.triggers[o->rules.n_triggers++], d);
}

static bool has_type(const struct observer_rules *rules, const struct trigger_type *type)
{
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type == type)
                        return true;
        return false;
}

/* When only a dump at every interval is wanted: none.  Else armed near the limit, unless the user said when; and
 * when the service manager tells of memory pressure, unless the user said of which, or it could do nothing. */
static int add_defaults(struct watch_options *o, struct diag *d)
{
        const struct trigger_type *psi = trigger_type_find("psi");
        int r = 0;

        if (o->rules.n_triggers == 0 && o->interval_ns > 0)
                return 0;
        if (!find_effect(&o->rules, TRIGGER_ARMS))
                r = add_default(o, "arm", ARM_DEFAULT, d);
        if (r == 0 && getenv("MEMORY_PRESSURE_WATCH") && !has_type(&o->rules, psi) &&
            (!is_never_armed(&o->rules) || o->rules.snapshot))
                r = add_default(o, "psi", "env", d);
        return r;
}

static unsigned n_conditions(const struct observer_rules *rules)
{
        unsigned n = 0;

        for (unsigned i = 0; i < rules->n_triggers; i++)
                n += rules->triggers[i].type->ops->effect != TRIGGER_ARMS;
        return n;
}

/* Conditions that exclude each other. */
static int check_conditions(const struct observer_rules *rules, struct diag *d)
{
        const struct trigger *arm = find_effect(rules, TRIGGER_ARMS);
        const struct trigger *forewarns = find_effect(rules, TRIGGER_FOREWARNS);

        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->effect == TRIGGER_ARMS && &rules->triggers[i] != arm)
                        return diag_set(d, -EINVAL, "--arm %s and --arm %s: only one of them can be",
                                        arm->given, rules->triggers[i].given);
        if (forewarns && !rules->snapshot && is_never_armed(rules))
                return diag_set(d, -EINVAL,
                                "--arm never leaves --%s %s nothing to do; with --snapshot it takes dumps",
                                forewarns->type->option, forewarns->given);
        if (rules->snapshot && !forewarns)
                return diag_set(
                        d, -EINVAL,
                        "--snapshot: there is no condition that it is for; those with a * in --help are");
        return 0;
}

/* What only shows when all options are known. */
static int check_together(struct watch_options *o, int argc, char **argv, struct diag *d)
{
        if (options_end(argc, argv, "the process is given as -p PID", d) < 0)
                return -EINVAL;
        if (watch_targets_check(&o->targets, d) < 0)
                return -EINVAL;
        if (n_conditions(&o->rules) == 0 && o->interval_ns == 0 && is_never_armed(&o->rules))
                return diag_set(d, -EINVAL,
                                "when is a dump to be taken? with --arm never it takes a condition, as in "
                                "--rss 90%%, or -i SECONDS");
        if (o->brake != BRAKE_NONE && is_never_armed(&o->rules))
                return diag_set(d, -EINVAL,
                                "--%s acts where the process is armed, near its limit: not without --arm",
                                o->brake == BRAKE_HOLD ? "hold" : "brake");
        if (o->on_crash && is_never_armed(&o->rules))
                return diag_set(d, -EINVAL, "--on-crash cannot be had with --arm never");
        return check_conditions(&o->rules, d);
}

static int parse_one(int c, char **argv, struct watch_options *o, struct diag *d)
{
        const struct trigger_type *type = trigger_of_option(c);
        const struct watch_target_type *target = target_of_option(c);
        uint64_t number;
        int r = 0;

        if (type)
                return add_trigger(o, type, d);
        if (target)
                return target->parse(&o->targets, optarg, d);
        switch (c) {
        case 'i':
                return parse_interval(o, d);
        case 'c':
                return parse_count("-c", UINT32_MAX, &o->cycles, d);
        case 'l':
                o->lock_memory = true;
                return 0;
        case 'o':
                o->out_dir = optarg;
                return 0;
        case 'h':
                o->help = true;
                return 0;
        case OPT_COOLDOWN:
                return parse_cooldown(o, d);
        case OPT_MAX_DUMPS:
                return parse_count("--max-dumps", UINT32_MAX, &o->max_dumps, d);
        case OPT_KEEP:
                r = parse_count("--keep", 1000000, &number, d);
                o->keep = r < 0 ? 0 : (unsigned)number;
                return r;
        case OPT_DRY_RUN:
                o->dry_run = true;
                return 0;
        case OPT_MAX_DISK:
                return parse_max_disk(o, d);
        case OPT_EXEC:
                o->exec = optarg;
                return *optarg ? 0 : diag_set(d, -EINVAL, "--exec: the command is empty");
        case OPT_KILL_BUDGET:
                return parse_kill_budget(o, d);
        case OPT_BRAKE:
                return parse_brake(o, d);
        case OPT_BRAKE_DEADLINE:
                return parse_brake_deadline(o, d);
        case OPT_HOLD:
                return set_brake(o, BRAKE_HOLD, d);
        case OPT_ON_CRASH:
                o->on_crash = true;
                return 0;
        case OPT_SNAPSHOT:
                o->rules.snapshot = true;
                return 0;
        case OPT_NO_REPORT:
                o->report = false;
                return 0;
        case OPT_CENSUS:
                return option_census(optarg, &o->census, d);
        default:
                option_error(c, argv, d);
                return -EINVAL;
        }
}

/* Where places decide who is attended, no process is by its own size. */
static void take_arm(struct watch_options *o)
{
        struct observer_rules *rules = &o->rules;
        unsigned kept = 0;

        for (unsigned i = 0; i < rules->n_triggers; i++) {
                bool arms = rules->triggers[i].type->ops->effect == TRIGGER_ARMS;

                if (arms)
                        o->arm = rules->triggers[i];
                if (!arms || !watch_targets_by_place(&o->targets))
                        rules->triggers[kept++] = rules->triggers[i];
        }
        rules->n_triggers = kept;
}

int watch_options_parse(int argc, char **argv, struct watch_options *ret, struct diag *d)
{
        struct option all[OPTIONS_MAX];
        char letters[OPTIONS_MAX];
        struct watch_options o = {.report = true,
                                  .kill_budget_ns = AT_KILL_BUDGET_NS,
                                  .brake_deadline_ns = BRAKE_DEADLINE_DEFAULT_NS,
                                  .rules = {.cooldown_ns = COOLDOWN_DEFAULT_NS}};
        int c, r = trigger_parse(trigger_type_find("arm"), "never", &o.arm, d);

        build_options(all, letters);
        opterr = 0;
        while (r == 0 && !o.help && (c = getopt_long(argc, argv, letters, all, NULL)) != -1)
                r = parse_one(c, argv, &o, d);
        if (r == 0 && !o.help)
                r = add_defaults(&o, d);
        if (r == 0 && !o.help)
                r = check_together(&o, argc, argv, d);
        if (r < 0)
                return r;
        o.periodic = n_conditions(&o.rules) == 0 && o.interval_ns > 0;
        o.rules.never_armed = is_never_armed(&o.rules);
        take_arm(&o);
        if (o.interval_ns == 0)
                o.interval_ns = INTERVAL_DEFAULT_NS;
        o.rules.longest_ns = o.interval_ns;
        /* Between two periodic dumps the history goes on. */
        if (o.periodic && o.rules.longest_ns > INTERVAL_DEFAULT_NS)
                o.rules.longest_ns = INTERVAL_DEFAULT_NS;
        *ret = o;
        return 0;
}

/* "  -p, --pid PID      these processes" */
static void help_row(FILE *out, char letter, const char *option, const char *argument, const char *help)
{
        char name[64], dash[8] = "   ";

        if (letter)
                snprintf(dash, sizeof(dash), "-%c,", letter);
        snprintf(name, sizeof(name), "  %s --%s %s", dash, option, argument ? argument : "");
        fprintf(out, strlen(name) > 20 ? "%s\n                     %s\n" : "%-21s%s\n", name, help);
}

void watch_options_help(FILE *out)
{
        fputs("usage: swansong watch -p PID | -e EXE | --comm NAME | --group GROUP | --victim\n              "
              "        [CONDITION...] "
              "[OPTIONS]\n"
              "Is present when the kernel kills the process for memory, and captures it then, with all\n"
              "threads and memory still there; dumps it at any condition before; goes on watching.\n"
              "Names each bundle on stdout (bundle: PATH); ends when the processes given by -p have "
              "ended.\n\n",
              out);
        for (size_t i = 0; i < n_watch_target_types; i++) {
                const struct watch_target_type *t = &watch_target_types[i];

                help_row(out, t->letter, t->option, t->argument, t->help);
        }
        fputs("\nConditions (any of them; each may be given several times):\n", out);
        for (size_t i = 0; i < n_trigger_types; i++) {
                const struct trigger_type *t = &trigger_types[i];

                help_row(out, t->letter, t->option, t->argument, t->help);
        }
        fputs("  * is armed then (--arm), so as to be present at the kill; with --snapshot it takes a dump, "
              "too.\n"
              "  SIZE is 512M, 2G, 1.5G, or 90%: of the effective limit, which is the tightest of the\n"
              "  process's memory group and the groups above it, or the machine's memory.\n"
              "  A condition that has fired fires again when the value has been 5 % below it, or has\n"
              "  grown by a quarter (or half of the way to the limit), and the cooldown is over.\n\n"
              "  -i, --interval SECONDS\n"
              "                     without a condition: dump at every interval;\n"
              "                     with: look at least this often (default 1; faster near a threshold)\n"
              "  -c, --count N      end after N intervals\n"
              "      --dry-run      attach to nothing: say which limits hold, how far each condition is, "
              "what a\n"
              "                     capture would take, and what is not permitted\n"
              "      --snapshot     the conditions with a * take dumps\n"
              "      --cooldown SECONDS\n"
              "                     between two dumps for the same condition (default 60)\n"
              "      --max-dumps N  end after N dumps\n"
              "  -o DIR             where bundles go (default: $SWANSONG_DIR, else "
              "$XDG_STATE_HOME/swansong,\n"
              "                     ~/.local/state/swansong, /var/lib/swansong for root)\n"
              "      --keep N       remove all but the N newest bundles of this target in that directory;\n"
              "                     of a ramp the first stays, too, instead of the oldest of them\n"
              "      --max-disk SIZE\n"
              "                     what its bundles may take there; the oldest go first, but the first of\n"
              "                     a ramp and the newest\n"
              "      --exec CMD     for each bundle run CMD by /bin/sh; its path is $SWANSONG_BUNDLE and "
              "$1;\n"
              "                     what it prints goes to stderr\n"
              "      --kill-budget MS\n"
              "                     how long a kill may be delayed by its capture (default 500)\n"
              "      --brake[=PERCENT]\n"
              "                     cgroup v2, while armed: from this part of the group's limit on (default "
              "90)\n"
              "                     the kernel slows it down (memory.high), so that there is time\n"
              "      --brake-deadline SECONDS\n"
              "                     undo that so long after it was first slowed down (default 10)\n"
              "      --hold         cgroup v1, while armed: at the limit the kernel waits until the capture "
              "is\n"
              "                     done (memory.oom_control), then kills as ever\n"
              "      --on-crash     be present from the start, and capture when a fault of its own ends it, "
              "too\n"
              "                     (SIGSEGV, SIGABRT, SIGBUS ...)\n"
              "      --census HOW   full: count the whole heap, as far as the budget reaches; sample: of a "
              "large\n"
              "                     one 64 MiB, scaled up; auto (default): full up to 2 GiB, else sample; "
              "off\n"
              "      --no-report    only bundles; `swansong report` makes the reports later\n"
              "  -l, --lock-memory  keep swansong itself in memory (mlockall)\n"
              "Signals: SIGUSR1 dumps now; SIGINT and SIGTERM end, after a dump in progress; the second one\n"
              "ends at once.\n"
              "Exit status: 0 done, 2 usage, 3 target gone, not permitted or not found, 4 a dump failed or\n"
              "lacks something.\n",
              out);
}
