/* SPDX-License-Identifier: MIT */
/* agent_corners - what programs seldom do, and then an agent in them must do right.
 *
 *   agent_corners end HOW     ends by exit, _exit, quick_exit, exit_group; `daemon`: goes on without its parent, says its PID and waits
 *   agent_corners impossible  asks each function for more than there is, in between for 100 blocks of a byte; is killed
 *   agent_corners nursery N BYTES      N children that hold so many bytes each, in 100 blocks, and exit
 *   agent_corners cancelled    a thread that is to end at its next cancellation point allocates, and is asked for its stack
 *   agent_corners resize N FROM TO      N mappings of so many bytes get another size; others fail to; one of a file does, too; is killed
 *   agent_corners frames      code without unwind information calls back, with frame pointers that lead nowhere
 *   agent_corners maps        threads that map and unmap are cancelled at any instant; then one mapping of 8 MiB is made, and it is killed
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *volatile kept[1000];

static int end(const char *how)
{
        kept[0] = malloc(1000000);
        if (strcmp(how, "_exit") == 0)
                _exit(0);
        else if (strcmp(how, "quick_exit") == 0)
                quick_exit(0);
        else if (strcmp(how, "exit_group") == 0)
                syscall(SYS_exit_group, 0);
        else if (strcmp(how, "daemon") == 0) {
                if (daemon(0, 1) < 0)
                        return 1;
                kept[1] = malloc(1000000);
                printf("%d\n", (int)getpid());
                fflush(stdout);
                return getchar() == EOF ? 0 : 1;
        }
        exit(0);
}

__attribute__((noinline)) void hundred_blocks(size_t n)
{
        for (int i = 0; i < 100; i++)
                kept[i] = malloc(n);
}

/* Negative sizes, and products that do not fit. */
static int impossible(void)
{
        static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 5000, SIZE_MAX - (SIZE_MAX >> 2),
                                       SIZE_MAX / 2 + 2, SIZE_MAX / 2};
        void *p;

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                volatile size_t n = sizes[i];

                if (malloc(n) || calloc(n, 1) || calloc(n / 2, 16) || realloc(NULL, n) ||
                    reallocarray(NULL, n, 8) || memalign(64, n) || aligned_alloc(64, n) ||
                    posix_memalign(&p, 64, n) == 0 || valloc(n) || pvalloc(n))
                        return 1;
                hundred_blocks(1);
        }
        return raise(SIGKILL);
}

static int nursery(int n, size_t bytes)
{
        int status = 0;

        for (int i = 0; i < n && status == 0; i++) {
                pid_t pid;

                kept[0] = malloc(64 << 20); /* the next sample point is another one */
                free(kept[0]);
                pid = fork();
                if (pid == 0) {
                        hundred_blocks(bytes / 100);
                        exit(0);
                }
                if (waitpid(pid, &status, 0) != pid)
                        return 1;
        }
        return status;
}

static volatile bool came_through;

static void *cancelled_thread(void *arg)
{
        pthread_cancel(pthread_self());
        kept[0] = malloc(1000000);
        raise(SIGRTMAX - 2);
        kept[1] = malloc(1000000);
        came_through = true;
        pthread_testcancel();
        came_through = false;
        return arg;
}

/* In a child, whose recorder is made at its first sample: by that thread. */
static int cancelled(void)
{
        pthread_t thread;
        void *result;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (pthread_create(&thread, NULL, cancelled_thread, NULL) != 0 ||
                    pthread_join(thread, &result) != 0)
                        exit(1);
                exit(came_through && result == PTHREAD_CANCELED ? 0 : 1);
        }
        return waitpid(pid, &status, 0) == pid ? status : 1;
}

static char *anonymous(size_t n)
{
        return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int resize(int n, size_t from, size_t to)
{
        FILE *f = tmpfile();
        char *p;

        for (int i = 0; i < n; i++) {
                p = mremap(anonymous(from), from, to, MREMAP_MAYMOVE);
                if (p == MAP_FAILED || mremap(p, to, (size_t)1 << 50, MREMAP_MAYMOVE) != MAP_FAILED)
                        return 1;
                p[0] = 1; /* still there */
        }
        if (!f || ftruncate(fileno(f), 1 << 20) < 0)
                return 1;
        p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
        if (mremap(p, 4096, 1 << 20, MREMAP_MAYMOVE) == MAP_FAILED)
                return 1;
        return raise(SIGKILL);
}

static void call_back(void)
{
        for (int i = 0; i < 10; i++) {
                kept[0] = malloc(5000);
                free(kept[0]);
        }
}

#ifdef __x86_64__
static int frames(void)
{
        static const int32_t pointers[] = {0,  1,  8,   16,    4080,          4088,     4096,
                                           -1, -8, -16, -4096, INT32_MAX - 7, INT32_MIN};
        /* push %rbp; mov $POINTER, %rbp; call *%rdi; pop %rbp; ret */
        static const unsigned char code[] = {0x55, 0x48, 0xc7, 0xc5, 0, 0, 0, 0, 0xff, 0xd7, 0x5d, 0xc3};
        char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (at == MAP_FAILED)
                return 0; /* not allowed here */
        for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
                memcpy(at, code, sizeof(code));
                memcpy(at + 4, &pointers[i], sizeof(pointers[i]));
                ((void (*)(void (*)(void)))(uintptr_t)at)(call_back);
        }
        return 0;
}
#else
static int frames(void)
{
        call_back(); /* its code is not written for this machine */
        return 0;
}
#endif

static void *mapping_thread(void *arg)
{
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        for (;;)
                munmap(anonymous(1 << 20), 1 << 20);
        return arg;
}

static int maps(void)
{
        for (int i = 0; i < 500; i++) {
                pthread_t thread;
                void *result;

                if (pthread_create(&thread, NULL, mapping_thread, NULL) != 0)
                        return 1;
                usleep(200);
                if (pthread_cancel(thread) != 0 || pthread_join(thread, &result) != 0 ||
                    result != PTHREAD_CANCELED)
                        return 1;
        }
        if (anonymous(8 << 20) == MAP_FAILED)
                return 1;
        return raise(SIGKILL);
}

int main(int argc, char **argv)
{
        if (argc > 2 && strcmp(argv[1], "end") == 0)
                return end(argv[2]);
        if (argc > 1 && strcmp(argv[1], "impossible") == 0)
                return impossible();
        if (argc > 1 && strcmp(argv[1], "cancelled") == 0)
                return cancelled() ? 1 : 0;
        if (argc > 1 && strcmp(argv[1], "frames") == 0)
                return frames();
        if (argc > 1 && strcmp(argv[1], "maps") == 0)
                return maps();
        if (argc > 4 && strcmp(argv[1], "resize") == 0)
                return resize(atoi(argv[2]), (size_t)atol(argv[3]), (size_t)atol(argv[4]));
        if (argc > 3 && strcmp(argv[1], "nursery") == 0)
                return nursery(atoi(argv[2]), (size_t)atol(argv[3]));
        fprintf(stderr, "agent_corners: no such case\n");
        return 2;
}
