/* SPDX-License-Identifier: MIT */
/* swansong list: the recorders of processes that are alive, were killed or have finished, and the bundles. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/size.h"
#include "base/trusted_dir.h"
#include "cli/command.h"
#include "cli/list_find.h"
#include "cli/options.h"

static const char help_text[] =
        "usage: swansong list [--json] [DIR...]\n"
        "Lists recorders (of processes that run under the agent, or were killed under it) and bundles, "
        "oldest\n"
        "first; `swansong report PATH` shows one.\n"
        "Without DIR: your recorders in $XDG_RUNTIME_DIR/swansong and /dev/shm/swansong-UID, and what is in\n"
        "$SWANSONG_DIR, in the current directory, and where `swansong watch` puts its bundles.\n"
        "      --json         an array of objects, one per line\n"
        "Files of other users are not shown.\n"
        "Exit status: 0 done, 2 usage, 3 a directory cannot be read.\n";

static const char *state_of(const struct list_item *i)
{
        if (i->recorder && i->fate == RECORDER_FATE_ALIVE && i->head.detached_ns)
                return "detached";
        if (i->recorder)
                return recorder_fate_word(i->fate);
        return i->interrupted ? "interrupted" : "complete";
}

static void print_text(const struct list *l)
{
        if (l->n > 0)
                printf("%-8s  %-11s  %8s  %-20s  %8s  %-15s  %s\n", "WHAT", "STATE", "PID", "TIME", "SIZE",
                       "NAME", "PATH");
        for (size_t i = 0; i < l->n; i++) {
                const struct list_item *item = &l->items[i];
                _cleanup_free_ char *path = escape_dup(item->path, strlen(item->path));
                char time[CLOCK_TEXT], size[SIZE_TEXT], comm[256];

                escape_text(item->comm, strlen(item->comm), comm, sizeof(comm));
                clock_rfc3339(item->time_ns, time);
                strcpy(time + 19, "Z"); /* whole seconds */
                printf("%-8s  %-11s  %8d  %-20s  %8s  %-15s  %s\n", item->recorder ? "recorder" : "bundle",
                       state_of(item), (int)item->pid, time, size_format(item->size, size), comm,
                       path ? path : "?");
        }
}

static int print_json(const struct list *l)
{
        _cleanup_buf_ struct buf b = BUF_GROWING((size_t)64 << 20);
        struct json_out j = {.buf = &b};

        json_put_array_begin(&j, NULL);
        for (size_t i = 0; i < l->n; i++) {
                const struct list_item *item = &l->items[i];
                char time[CLOCK_TEXT];

                json_put_line(&j);
                json_put_object_begin(&j, NULL);
                json_put_string(&j, "what", item->recorder ? "recorder" : "bundle");
                json_put_string(&j, "state", state_of(item));
                json_put_int(&j, "pid", item->pid);
                json_put_string(&j, "comm", item->comm);
                json_put_string(&j, "time", clock_rfc3339(item->time_ns, time));
                json_put_uint(&j, "size", item->size);
                json_put_string(&j, "path", item->path);
                json_put_object_end(&j);
        }
        json_put_array_end(&j);
        buf_char(&b, '\n');
        if (b.cut)
                return -ENOMEM;
        return fwrite(b.data, 1, b.len, stdout) == b.len ? 0 : -EIO;
}

static int add_named(struct list *l, const char *name, struct diag *d)
{
        _cleanup_fd_ int fd = dir_open_trusted(name, d);
        int r = fd < 0 ? fd : list_add_dir(l, fd, name);

        return r < 0 && fd >= 0 ? diag_set(d, r, "%s: %s", name, strerror(-r)) : r;
}

/* The places where things are put by default, as far as they are there. */
static int add_defaults(struct list *l, struct diag *d)
{
        char state[PATH_MAX];
        const char *const places[] = {".", getenv("SWANSONG_DIR"),
                                      option_state_dir(state, d) == 0 ? state : NULL};
        int r = list_add_recorders(l);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++) {
                _cleanup_fd_ int fd = places[i] && *places[i] ? dir_open_trusted(places[i], d) : -1;

                if (fd >= 0)
                        r = list_add_dir(l, fd, places[i]);
        }
        return r < 0 ? diag_set(d, r, "%s", strerror(-r)) : 0;
}

int cmd_list(int argc, char **argv)
{
        enum { OPT_JSON = 256 };
        static const struct option options[] = {
                {"json", no_argument, NULL, OPT_JSON}, {"help", no_argument, NULL, 'h'}, {0}};
        _cleanup_(list_done) struct list list = {0};
        struct diag d = {0};
        bool json = false;
        int c, r = 0;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
                if (c == 'h') {
                        fputs(help_text, stdout);
                        return STATUS_DONE;
                }
                if (c != OPT_JSON) {
                        option_error(c, argv, &d);
                        complain("list", &d);
                        return STATUS_USAGE;
                }
                json = true;
        }
        if (optind == argc)
                r = add_defaults(&list, &d);
        for (int i = optind; r == 0 && i < argc; i++)
                r = add_named(&list, argv[i], &d);
        if (r < 0) {
                complain("list", &d);
                return STATUS_TARGET;
        }
        list_sort(&list);
        if (json)
                r = print_json(&list);
        else
                print_text(&list);
        if (!json && list.n == 0)
                fprintf(stderr, "swansong list: no recorder and no bundle %s\n",
                        optind < argc ? "there" : "in the places where they are put by default");
        if (list.refused > 0)
                fprintf(stderr, "swansong list: %llu not shown: of another user, a link, or damaged\n",
                        (unsigned long long)list.refused);
        return r < 0 || fflush(stdout) != 0 ? STATUS_INCOMPLETE : STATUS_DONE;
}
