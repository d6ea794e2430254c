/* SPDX-License-Identifier: MIT */
/* mappings - many small mappings that the kernel cannot merge: mappings N */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        long n = argc > 1 ? atol(argv[1]) : 1000, made = 0;
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *area = mmap(NULL, (size_t)n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (area == MAP_FAILED) {
                perror("mmap");
                return 1;
        }
        /* Neighbours with other rights stay apart; vm.max_map_count (65530) is the end. */
        for (long i = 0; i < n; i++) {
                area[(size_t)i * page] = 1;
                if (i % 2 == 1 && mprotect(area + (size_t)i * page, page, PROT_READ) == 0)
                        made += 2;
        }
        printf("ready %ld\n", made);
        fflush(stdout);
        pause();
}
