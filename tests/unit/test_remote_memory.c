/* SPDX-License-Identifier: MIT */
#include "injector/remote_memory.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096ul
#define PAGES 40

/* PAGES pages, each filled with its number; every third one cannot be read. */
static char *area_make(void)
{
        char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (size_t i = 0; i < PAGES; i++)
                memset(area + i * PAGE, (int)i + 1, PAGE);
        for (size_t i = 2; i < PAGES; i += 3)
                munmap(area + i * PAGE, PAGE);
        return area;
}

static void check(bool careful)
{
        char *area = area_make(), *copy = calloc(PAGES, PAGE);
        int proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
        struct remote_piece pieces[PAGES];
        struct remote_memory m;

        cr_assert_eq(remote_memory_open(proc, getpid(), careful, &m), 0);
        for (size_t i = 0; i < PAGES; i++)
                pieces[i] = (struct remote_piece){(uintptr_t)area + i * PAGE, copy + i * PAGE, PAGE, 0};
        remote_read_many(&m, pieces, PAGES);
        for (size_t i = 0; i < PAGES; i++) {
                cr_expect_eq(pieces[i].done, i % 3 == 2 ? 0 : PAGE, "page %zu, careful %d", i, careful);
                cr_expect_eq(copy[i * PAGE + PAGE - 1], i % 3 == 2 ? 0 : (char)(i + 1), "page %zu", i);
        }
        /* One piece over a hole: what is before it. */
        for (size_t i = 0; i < 4; i++)
                pieces[i] = (struct remote_piece){(uintptr_t)area, copy, 4 * PAGE, 0};
        remote_read_many(&m, pieces, 4);
        for (size_t i = 0; i < 4; i++)
                cr_expect_eq(pieces[i].done, 2 * PAGE, "careful %d", careful);
        cr_expect_eq(remote_read(&m, (uintptr_t)area + 2 * PAGE, copy, 1), 0);
        remote_memory_close(&m);
        close(proc);
        free(copy);
}

Test(remote_memory, reads_what_is_there_around_what_is_not)
{
        check(false);
        check(true);
}

Test(remote_memory, knows_when_the_address_space_is_another)
{
        struct remote_memory m;
        int gate[2], proc;
        char path[32], byte = 1;
        pid_t child;

        cr_assert_eq(pipe(gate), 0);
        child = fork();
        if (child == 0) {
                char c;

                close(gate[1]);
                if (read(gate[0], &c, 1) == 1)
                        execlp("sleep", "sleep", "60", NULL);
                _exit(1);
        }
        snprintf(path, sizeof(path), "/proc/%d", child);
        proc = open(path, O_RDONLY | O_DIRECTORY);
        cr_assert_eq(remote_memory_open(proc, child, true, &m), 0);
        cr_expect_not(remote_memory_gone(&m, (uintptr_t)&byte));
        cr_assert_eq(write(gate[1], &byte, 1), 1);
        for (int i = 0; i < 60000 && !remote_memory_gone(&m, (uintptr_t)&byte); i++)
                usleep(1000);
        cr_expect(remote_memory_gone(&m, (uintptr_t)&byte), "after an exec");
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        remote_memory_close(&m);
}
