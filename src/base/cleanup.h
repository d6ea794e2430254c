/* SPDX-License-Identifier: MIT */
/* cleanup - resources release themselves when their variable leaves scope.
 *
 * _cleanup_(fd_closep) int fd = -1;      closed on every return path
 * return take_fd(&fd);                   ownership goes to the caller
 */
#ifndef SWANSONG_BASE_CLEANUP_H
#define SWANSONG_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)        __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

static inline void fd_closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static inline int take_fd(int *fd)
{
        int taken = *fd;
        *fd = -1;
        return taken;
}

/* p is really a T **; void * keeps the attribute usable for every T. */
static inline void freep(void *p)
{
        void **memory = p;
        free(*memory);
        *memory = NULL;
}

#define take_ptr(p)                                                                                          \
        ({                                                                                                   \
                __typeof__(p) taken_ = (p);                                                                  \
                (p) = NULL;                                                                                  \
                taken_;                                                                                      \
        })

static inline void file_closep(FILE **f)
{
        if (*f)
                fclose(*f);
        *f = NULL;
}

static inline void dir_closep(DIR **d)
{
        if (*d)
                closedir(*d);
        *d = NULL;
}

#define _cleanup_fd_   _cleanup_(fd_closep)
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_file_ _cleanup_(file_closep)
#define _cleanup_dir_  _cleanup_(dir_closep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
