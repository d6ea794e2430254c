/* SPDX-License-Identifier: MIT */
/* swansong - the capture half's main(): chooses the subcommand from commands.def. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arch/arch.h"
#include "brake/left_behind.h"
#include "cli/command.h"
#include "cli/report_child.h"

static const struct {
        const char *name, *arguments, *purpose;
        int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name_, arguments_, purpose_) {#name_, arguments_, purpose_, cmd_##name_},
#include "cli/commands.def"
#undef COMMAND
};

static void print_help(FILE *out)
{
        fputs("usage: swansong COMMAND [OPTIONS]\n"
              "Records what held the memory of a process that is about to be killed for it.\n\n",
              out);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                fprintf(out, "  %-8s %-20s %s\n", commands[i].name, commands[i].arguments,
                        commands[i].purpose);
        fputs("\n`swansong COMMAND --help` lists a command's options; `swansong --version` says what was "
              "built in.\n"
              "Exit status: 0 done, 1 a check failed, 2 usage, 3 target gone, not permitted or not found,\n"
              "4 dump incomplete.\n",
              out);
}

static int print_version(void)
{
        const char *const args[] = {"swansong-report", "--version", NULL};
        struct diag d = {0};
        int status;

        printf("swansong %s (%s), compiler %s, capture: ptrace, libmnl\n", SWANSONG_VERSION,
               arch_host()->name, __VERSION__);
        fflush(stdout);
        status = report_child_run(args, &d);
        if (status < 0)
                fprintf(stderr, "swansong: %s\n", d.text);
        return status == 0 ? STATUS_DONE : STATUS_INCOMPLETE;
}

/* A standard descriptor that came closed would be given to the next file that is opened, and a bundle's file is
 * no place for messages.  What is written to these fails as it would have (EBADF): stdout is read-only. */
static void standard_fds_reserve(void)
{
        while (fcntl(STDERR_FILENO, F_GETFD) < 0 || fcntl(STDOUT_FILENO, F_GETFD) < 0 ||
               fcntl(STDIN_FILENO, F_GETFD) < 0)
                if (open("/dev/null", O_RDONLY) < 0)
                        return;
}

/* A command's exit status; -1: there is no such command. */
static int run_command(int argc, char **argv)
{
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(argv[0], commands[i].name) == 0)
                        return commands[i].run(argc, argv);
        return -1;
}

static int unknown(const char *word)
{
        struct diag d;

        diag_set(&d, 0,
                 word[0] == '-' ? "unknown option '%s'; a command comes first: `swansong help` lists them"
                                : "unknown command '%s'; `swansong help` lists them",
                 word);
        fprintf(stderr, "swansong: %s\n", d.text);
        return STATUS_USAGE;
}

/* `swansong help watch` is `swansong watch --help`. */
static int help(int argc, char **argv)
{
        static char option[] = "--help";
        char *words[] = {argc > 2 ? argv[2] : NULL, option, NULL};
        int status = words[0] ? run_command(2, words) : STATUS_DONE;

        if (!words[0])
                print_help(stdout);
        return status < 0 ? unknown(words[0]) : status;
}

static void say(const struct diag *d)
{
        fprintf(stderr, "swansong: %s\n", d->text);
}

int main(int argc, char **argv)
{
        int status;

        standard_fds_reserve();
        if (argc < 2) {
                print_help(stderr);
                return STATUS_USAGE;
        }
        if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
                return help(argc, argv);
        if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
                return print_version();
        left_behind_undo(say);
        status = run_command(argc - 1, argv + 1);
        if (status >= 0)
                return status;
        return unknown(argv[1]);
}
