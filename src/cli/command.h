/* SPDX-License-Identifier: MIT */
/* command - the table of subcommands: one row in commands.def, one file cmd_NAME.c.
 *
 * A command parses its own options (argv[0] is its name), prints its data on stdout and messages on
 * stderr, and returns the exit status.
 */
#ifndef SWANSONG_CLI_COMMAND_H
#define SWANSONG_CLI_COMMAND_H

/* design.md, "The command line". */
enum exit_status {
        STATUS_DONE = 0,
        STATUS_CHECK_FAILED = 1, /* a check that the user asked for */
        STATUS_USAGE = 2,
        STATUS_TARGET = 3,     /* target gone, not permitted or not found */
        STATUS_INCOMPLETE = 4, /* the dump lacks something; the report says what and why */
};

#define COMMAND(name, arguments, purpose) int cmd_##name(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

#endif
