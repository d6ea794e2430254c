/* SPDX-License-Identifier: MIT */
/* agent_harm - one dangerous thing per word; each checks for itself that all went as without the agent.
 *
 *   agent_harm CASE [ARGUMENT]     prints "ok" and exits 0, or says what was wrong
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(condition)                                                                                     \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);    \
                        exit(1);                                                                             \
                }                                                                                            \
        } while (0)

static const char *argument;
static volatile bool stop;

/* Allocate and free in all ways, with a pattern that shows damage. */
static void churn(unsigned seed, unsigned rounds)
{
        unsigned char *block[64] = {0};
        size_t size[64] = {0};

        for (unsigned i = 0; i < rounds && !stop; i++) {
                unsigned slot = (seed = seed * 1103515245 + 12345) >> 16 & 63;
                size_t n = (seed >> 8) % 100 == 0 ? 300000 : (seed >> 4) % 3000 + 1;

                if (block[slot]) {
                        CHECK(block[slot][0] == (unsigned char)slot &&
                              block[slot][size[slot] - 1] == (unsigned char)slot);
                        if (seed & 1) {
                                block[slot] = realloc(block[slot], n);
                                CHECK(block[slot] && block[slot][0] == (unsigned char)slot);
                        } else {
                                free(block[slot]);
                                block[slot] = NULL;
                        }
                }
                if (!block[slot])
                        block[slot] = seed & 2 ? calloc(1, n) : malloc(n);
                CHECK(block[slot]);
                memset(block[slot], (int)slot, n);
                size[slot] = n;
        }
        for (unsigned i = 0; i < 64; i++)
                free(block[i]);
}

static void *churn_thread(void *arg)
{
        churn((unsigned)(uintptr_t)arg, 1u << 30);
        return NULL;
}

static int wait_for(pid_t pid)
{
        int status;

        CHECK(waitpid(pid, &status, 0) == pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void case_fork(void)
{
        char *before = malloc(1 << 20);

        for (int i = 0; i < 20; i++) {
                pid_t pid = fork();

                CHECK(pid >= 0);
                if (pid == 0) {
                        free(before); /* of the parent's recorder */
                        churn((unsigned)i, 3000);
                        exit(7);
                }
                churn((unsigned)i, 300);
                CHECK(wait_for(pid) == 7);
        }
        free(before);
}

static void case_vfork(void)
{
        for (volatile int i = 0; i < 100; i++) {
                pid_t pid = vfork();

                if (pid == 0)
                        _exit(3);
                CHECK(wait_for(pid) == 3);
                churn((unsigned)i, 100);
        }
        for (volatile int i = 0; i < 20; i++) {
                pid_t pid = vfork();

                if (pid == 0) {
                        execl("/bin/true", "true", (char *)NULL);
                        _exit(1);
                }
                CHECK(wait_for(pid) == 0);
        }
}

static void case_fork_threads(void)
{
        pthread_t threads[4];

        for (uintptr_t i = 0; i < 4; i++)
                CHECK(pthread_create(&threads[i], NULL, churn_thread, (void *)i) == 0);
        for (int i = 0; i < 15; i++) {
                pid_t pid = fork();

                CHECK(pid >= 0);
                if (pid == 0) {
                        churn((unsigned)i, 2000);
                        _exit(5);
                }
                CHECK(wait_for(pid) == 5);
        }
        stop = true;
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
}

static void case_exec(void)
{
        char count[16];
        int n = argument ? atoi(argument) : 20;

        churn(1, 2000);
        snprintf(count, sizeof(count), "%d", n - 1);
        if (n > 0) {
                execl("/proc/self/exe", "agent_harm", "exec", count, (char *)NULL);
                CHECK(!"executed");
        }
}

static pthread_key_t key;

static void key_destructor(void *p)
{
        free(p);
        free(malloc(100));
}

static void *key_thread(void *arg)
{
        CHECK(pthread_setspecific(key, malloc(5000)) == 0);
        churn((unsigned)(uintptr_t)arg, 50);
        return malloc(600000);
}

static void case_thread_exit(void)
{
        CHECK(pthread_key_create(&key, key_destructor) == 0);
        for (int round = 0; round < 100; round++) {
                pthread_t threads[8];
                void *result;

                for (uintptr_t i = 0; i < 8; i++)
                        CHECK(pthread_create(&threads[i], NULL, key_thread, (void *)i) == 0);
                for (int i = 0; i < 8; i++) {
                        CHECK(pthread_join(threads[i], &result) == 0 && result);
                        free(result);
                }
        }
}

static pthread_barrier_t barrier;

static void *waiting_thread(void *arg)
{
        churn((unsigned)(uintptr_t)arg, 20);
        pthread_barrier_wait(&barrier);
        churn((unsigned)(uintptr_t)arg, 20);
        pthread_barrier_wait(&barrier);
        return NULL;
}

static void case_thousand_threads(void)
{
        enum { N = 1000 };
        static pthread_t threads[N];
        pthread_attr_t attr;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 64 << 10);
        pthread_barrier_init(&barrier, NULL, N + 1);
        for (uintptr_t i = 0; i < N; i++)
                CHECK(pthread_create(&threads[i], &attr, waiting_thread, (void *)i) == 0);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < N; i++)
                CHECK(pthread_join(threads[i], NULL) == 0);
}

static void *volatile from_handler;

/* Only to show that the agent survives it: the program's own malloc does not, unless it was interrupted elsewhere. */
static void allocating_handler(int number)
{
        (void)number;
        free(from_handler);
        from_handler = malloc(70000);
}

static void case_signal_handler(void)
{
        struct sigaction action = {.sa_handler = allocating_handler};
        sigset_t alarm;

        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        CHECK(sigaction(SIGALRM, &action, NULL) == 0);
        for (int i = 0; i < 2000; i++) {
                raise(SIGALRM);
                churn((unsigned)i, 20);
        }
        free(from_handler);
}

static sigjmp_buf back;

static void jumping_handler(int number)
{
        (void)number;
        siglongjmp(back, 1);
}

/* Leaving through a jump, from wherever: the block is lost, nothing else.  Masked while the allocator's lock is held, which
 * the program could not know: so the jump is out of usleep(). */
static void case_longjmp(void)
{
        struct itimerval often = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200}, never = {0};
        struct sigaction action = {.sa_handler = jumping_handler};
        volatile int jumps = 0;

        CHECK(sigaction(SIGALRM, &action, NULL) == 0);
        while (jumps < 200) {
                if (sigsetjmp(back, 1)) {
                        CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
                        jumps++;
                        churn((unsigned)jumps, 10);
                        continue;
                }
                CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
                for (;;)
                        pause();
        }
}

/* A stack of the program's own, which then goes away. */
static ucontext_t main_context, coroutine_context;

static void coroutine(void)
{
        churn(3, 300);
}

static void case_coroutines(void)
{
        for (int i = 0; i < 200; i++) {
                size_t size = 64 << 10;
                char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                CHECK(stack != MAP_FAILED);
                CHECK(getcontext(&coroutine_context) == 0);
                coroutine_context.uc_stack.ss_sp = stack;
                coroutine_context.uc_stack.ss_size = size;
                coroutine_context.uc_link = &main_context;
                makecontext(&coroutine_context, coroutine, 0);
                CHECK(swapcontext(&main_context, &coroutine_context) == 0);
                CHECK(munmap(stack, size) == 0);
        }
}

static void case_errno(void)
{
        volatile size_t huge = (size_t)PTRDIFF_MAX - 4096; /* the compiler is not to know */
        void *p = malloc(1000), *q;

        for (int i = 0; i < 2000; i++) {
                errno = 4711;
                q = malloc(2000);
                CHECK(errno == 4711 && q);
                free(q);
                CHECK(errno == 4711);
                q = calloc(3, 5000);
                CHECK(errno == 4711 && q);
                q = realloc(q, 30000);
                CHECK(errno == 4711 && q);
                free(q);
                CHECK(posix_memalign(&q, 64, 5000) == 0 && errno == 4711);
                free(q);
                free(NULL);
                CHECK(errno == 4711);
        }
        errno = 0;
        CHECK(malloc(huge) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(calloc(huge, 8) == NULL && errno == ENOMEM);
        errno = 0;
        q = realloc(p, huge);
        CHECK(q == NULL && errno == ENOMEM);
        memset(p, 1, 1000); /* still ours */
        errno = 0;
        CHECK(reallocarray(p, huge, 16) == NULL && errno == ENOMEM);
        errno = 4711;
        CHECK(posix_memalign(&q, 3, 100) == EINVAL && errno == 4711);
        CHECK(posix_memalign(&q, 64, huge) == ENOMEM);
        p = realloc(p, 2000);
        CHECK(p);
        CHECK(realloc(p, 0) == NULL);
        q = realloc(NULL, 10);
        CHECK(q);
        free(q);
        errno = 0;
        CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
        errno = 0;
        CHECK(munmap((void *)1, 4096) == -1 && errno == EINVAL);
        CHECK(dlclose(dlopen("libm.so.6", RTLD_NOW)) == 0);
}

static void case_alignment(void)
{
        for (size_t alignment = 8; alignment <= 1 << 20; alignment *= 2)
                for (size_t n = 1; n < 1 << 21; n = n * 7 + 1) {
                        void *p;

                        CHECK(posix_memalign(&p, alignment, n) == 0 && (uintptr_t)p % alignment == 0 &&
                              malloc_usable_size(p) >= n);
                        free(p);
                        p = memalign(alignment, n);
                        CHECK(p && (uintptr_t)p % alignment == 0 && malloc_usable_size(p) >= n);
                        free(p);
                        p = aligned_alloc(alignment, (n + alignment - 1) / alignment * alignment);
                        CHECK(p && (uintptr_t)p % alignment == 0);
                        free(p);
                        p = malloc(n);
                        CHECK(p && (uintptr_t)p % 16 == 0 && malloc_usable_size(p) >= n);
                        free(p);
                }
        void *p = valloc(100);
        CHECK(p && (uintptr_t)p % 4096 == 0);
        free(p);
        p = pvalloc(100);
        CHECK(p && (uintptr_t)p % 4096 == 0 && malloc_usable_size(p) >= 4096);
        free(p);
}

static long resident_kib(void)
{
        long size, resident;
        FILE *f = fopen("/proc/self/statm", "r");

        CHECK(f && fscanf(f, "%ld %ld", &size, &resident) == 2);
        fclose(f);
        return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void case_sparse_calloc(void)
{
        long before = resident_kib();
        char *p = calloc(1, (size_t)4 << 30);

        CHECK(p);
        p[(size_t)3 << 30] = 1;
        CHECK(p[(size_t)2 << 30] == 0);
        CHECK(resident_kib() - before < 16 << 10);
        free(p);
}

static void case_rlimit_as(void)
{
        struct rlimit limit = {.rlim_cur = 200 << 20, .rlim_max = 200 << 20};
        void *blocks[64];
        int n = 0;

        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        while (n < 64 && (blocks[n] = malloc(10 << 20)))
                n++;
        CHECK(n < 64 && errno == ENOMEM);
        while (n > 0)
                free(blocks[--n]);
        churn(1, 20000);
}

/* As daemons do: all descriptors are closed, and the numbers are used again. */
static void case_close_fds(void)
{
        FILE *f;

        churn(1, 3000);
        for (int fd = 3; fd < 1024; fd++)
                close(fd);
        f = tmpfile();
        CHECK(f && fwrite("content", 1, 7, f) == 7 && fflush(f) == 0);
        churn(2, 30000);
        char text[16] = "";

        rewind(f);
        CHECK(fread(text, 1, sizeof(text), f) == 7 && strcmp(text, "content") == 0);
        fclose(f);
}

static void case_no_fds(void)
{
        struct rlimit limit = {0};

        CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = 3;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        churn(1, 30000);
        pid_t pid = fork();

        if (pid == 0) {
                churn(2, 30000);
                _exit(0);
        }
        CHECK(wait_for(pid) == 0);
}

static void case_mappings(void)
{
        size_t page = 4096;

        for (int i = 0; i < 60; i++) {
                size_t n = (size_t)(i % 40 + 4) * 64 * page;
                char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

                CHECK(p != MAP_FAILED);
                memset(p, 7, n);
                CHECK(munmap(p + n / 2, page * 2) == 0); /* a hole in the middle */
                CHECK(munmap(p, page) == 0);
                q = mremap(p + page, page, 3 * page, MREMAP_MAYMOVE);
                CHECK(q != MAP_FAILED && q[0] == 7 && q[page - 1] == 7 && q[2 * page] == 0);
                CHECK(munmap(q, 3 * page) == 0);
                CHECK(munmap(p, n) == 0);
                p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                CHECK(p != MAP_FAILED);
                memset(p, 7, n);
                CHECK(mmap(p, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                      p);
                CHECK(p[0] == 0);
                CHECK(munmap(p, n) == 0);
        }
}

static void case_plain(void)
{
        churn(1, argument ? (unsigned)atoi(argument) : 100000);
}

/* Keeps SIZE bytes in one block and sleeps. */
static void case_hold(void)
{
        char *p = malloc((size_t)atol(argument ? argument : "1000000"));

        CHECK(p);
        p[0] = 1;
        puts("ready");
        fflush(stdout);
        for (;;)
                pause();
}

static volatile sig_atomic_t seen;

static void counting_handler(int number)
{
        (void)number;
        seen++;
}

/* The signal is the program's: the agent has it only as long as nobody else wants it. */
static void case_own_signal(void)
{
        struct sigaction action = {.sa_handler = counting_handler};
        int number = atoi(argument);

        CHECK(sigaction(number, &action, NULL) == 0);
        churn(1, 50000); /* the service thread is there */
        for (int i = 0; i < 100; i++)
                raise(number);
        CHECK(seen == 100);
}

static const struct {
        const char *name;
        void (*run)(void);
} cases[] = {
        {"plain", case_plain},
        {"fork", case_fork},
        {"vfork", case_vfork},
        {"fork-threads", case_fork_threads},
        {"exec", case_exec},
        {"thread-exit", case_thread_exit},
        {"thousand-threads", case_thousand_threads},
        {"signal-handler", case_signal_handler},
        {"longjmp", case_longjmp},
        {"coroutines", case_coroutines},
        {"errno", case_errno},
        {"alignment", case_alignment},
        {"sparse-calloc", case_sparse_calloc},
        {"rlimit-as", case_rlimit_as},
        {"close-fds", case_close_fds},
        {"no-fds", case_no_fds},
        {"mappings", case_mappings},
        {"hold", case_hold},
        {"own-signal", case_own_signal},
};

/* Before the agent's constructor, or at least not after it: there must be no order to rely on. */
static void *early;

static __attribute__((constructor(101))) void allocate_early(void)
{
        early = malloc(600000);
}

static __attribute__((destructor(101))) void free_late(void)
{
        free(early);
        free(malloc(600000));
}

int main(int argc, char **argv)
{
        argument = argc > 2 ? argv[2] : NULL;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                if (argc > 1 && strcmp(argv[1], cases[i].name) == 0) {
                        cases[i].run();
                        puts("ok");
                        return 0;
                }
        fprintf(stderr, "agent_harm: no such case\n");
        return 2;
}
