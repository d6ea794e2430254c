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

static void say(const struct diag *d)
{
        fprintf(stderr, "swansong: %s\n", d->text);
}

int main(int argc, char **argv)
{
        struct diag d;

        standard_fds_reserve();
        if (argc < 2) {
                print_help(stderr);
                return STATUS_USAGE;
        }
        if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                print_help(stdout);
                return STATUS_DONE;
        }
        if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
                return print_version();
        left_behind_undo(say);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(argv[1], commands[i].name) == 0)
                        return commands[i].run(argc - 1, argv + 1);
        diag_set(&d, 0, "unknown command '%s'; `swansong help` lists them", argv[1]);
        fprintf(stderr, "swansong: %s\n", d.text);
        return STATUS_USAGE;
}
