/* SPDX-License-Identifier: MIT */
/* base64 - decode RFC 4648's plain alphabet, strictly: whole groups of four, padding only where it belongs. */
#ifndef SWANSONG_BASE_BASE64_H
#define SWANSONG_BASE_BASE64_H

#include <stddef.h>

/* 0, -EINVAL (not base64), -ENOSPC (more than `size` bytes).  `out` may have been written to when it fails. */
int base64_decode(const char *text, size_t len, void *out, size_t size, size_t *ret_len);

#endif
