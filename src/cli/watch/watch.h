/* SPDX-License-Identifier: MIT */
/* watch - `swansong watch` inside of another command. */
#ifndef SWANSONG_CLI_WATCH_WATCH_H
#define SWANSONG_CLI_WATCH_WATCH_H

/* Do all that `swansong watch` does; returns its exit status.  ready_fd (or -1) is closed when it has begun to watch. */
int watch_main(int argc, char **argv, int ready_fd);

#endif
