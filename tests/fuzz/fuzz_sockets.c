/* SPDX-License-Identifier: MIT */
/* The first byte chooses the table; the rest is its text, and skmem.tsv, and fd.txt. */
#include <stdlib.h>
#include "analysis/sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const protos[] = {"tcp", "tcp6", "udp", "udp6", "unix"};
        const char *text = (const char *)data + 1;
        struct socket_list sockets = {0};
        struct pool pool = {0};
        struct fds fds;

        if (size < 1)
                return 0;
        if (sockets_parse(protos[data[0] % 5], text, size - 1, &pool, &sockets) == 0 &&
            sockets_join_memory(&sockets, text, size - 1, size % 2) == 0 &&
            fds_parse(text, size - 1, &pool, &fds) == 0) {
                sockets_join_fds(&sockets, &fds);
                for (size_t i = 0; i < sockets.n; i++)
                        if (!sockets.list[i].proto || sockets.list[i].fd < -1)
                                abort();
        }
        pool_free(&pool);
        return 0;
}
