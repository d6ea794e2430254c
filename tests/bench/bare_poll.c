/* SPDX-License-Identifier: MIT */
/* bare_poll - the least that polling can cost: sleep, read statm, and nothing else, until it is killed.
 *
 *   bare_poll PID MILLISECONDS */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        char path[64], text[128];
        struct timespec pause = {0};
        int fd;

        if (argc != 3)
                return 2;
        pause.tv_nsec = atol(argv[2]) * 1000000;
        snprintf(path, sizeof(path), "/proc/%s/statm", argv[1]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                perror(path);
                return 1;
        }
        while (pread(fd, text, sizeof(text), 0) > 0)
                nanosleep(&pause, NULL);
        return 0;
}
