/* SPDX-License-Identifier: MIT */
/* sockets - OWN TCP sockets of its own, and so many others in its network namespace that there are ALL: sockets OWN [ALL]
 *
 * The others belong to children.  All are connections over the loopback interface, both ends counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_CHILD 16000

static void fail(const char *what)
{
        fprintf(stderr, "sockets: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* n/2 connections from 127.0.net.1 to a listener there, so that no address runs out of ports. */
static void connect_many(long n, int net)
{
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t len = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0);

        address.sin_addr.s_addr = htonl(0x7f000001u + ((unsigned)net << 8));
        if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1024) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &len) < 0)
                fail("listen");
        for (long i = 0; i < n / 2; i++) {
                int client = socket(AF_INET, SOCK_STREAM, 0);

                if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
                        fail("connect");
                if (accept(listener, NULL, NULL) < 0)
                        fail("accept");
        }
}

int main(int argc, char **argv)
{
        long own = argc > 1 ? atol(argv[1]) : 10, all = argc > 2 ? atol(argv[2]) : 0;
        struct rlimit files;
        int net = 1;

        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        for (all -= own; all > 0; all -= PER_CHILD, net++) {
                int ready[2];
                char c;

                if (pipe(ready) < 0)
                        fail("pipe");
                if (fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        connect_many(all < PER_CHILD ? all : PER_CHILD, net);
                        if (write(ready[1], "r", 1) != 1)
                                fail("write");
                        pause();
                }
                close(ready[1]);
                if (read(ready[0], &c, 1) != 1)
                        fail("a child failed");
                close(ready[0]);
        }
        connect_many(own, 0);
        printf("ready %ld\n", own);
        fflush(stdout);
        pause();
}
