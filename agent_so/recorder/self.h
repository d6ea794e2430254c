/* SPDX-License-Identifier: MIT */
/* self - what /proc says about this process.  Reads with open, read and close only: may run inside malloc. */
#ifndef SWANSONG_AGENT_SO_RECORDER_SELF_H
#define SWANSONG_AGENT_SO_RECORDER_SELF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t self_start_ticks(void); /* stat field 22; 0 when /proc is not there */
uint64_t self_pid_namespace(void);

/* The same of another process, 0: there is none.  -errno: it cannot be told. */
int self_process_start_ticks(pid_t pid, uint64_t *ret);
void self_boot_id(char *out, size_t size);

/* The whole of a small file, NUL-terminated, cut when longer.  Its length, or -errno. */
long self_read(const char *path, char *out, size_t size);

#endif
