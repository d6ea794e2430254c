/* SPDX-License-Identifier: MIT */
/* spied - a program that is made to call functions, and would notice anything beyond: spied MODE [THREADS=2]
 *
 * All workers are in the same mode; nobody else is in a place where a thread may be disturbed, so one of them is chosen:
 *   epoll poll select read recv cond nanosleep   waiting, woken again and again with a number that must be the next one
 *   spin       computing in all registers, vector ones too, with values in the red zone and a rounding mode of its own
 *   malloc     allocating and freeing;  dlopen   loading and unloading;  stdio   printing: only between two calls, if ever
 *   altstack   waiting on its alternate signal stack, and now and then handling a signal there
 *   seccomp    a filter that kills for memfd_create() and mprotect(PROT_EXEC)
 * errno, the signal mask, the alternate stack and the rounding mode must stay as they are.
 *
 * Prints "ready"; on SIGTERM "right: N rounds, M EINTR" (exit 0) or "wrong: ..." (exit 1). */
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define ERRNO       93 /* what every worker has in errno, always */
#define ALT_BYTES   (64 << 10)

struct worker {
        pthread_t thread;
        int number, sockets[2], epoll;
        pthread_mutex_t mutex;
        pthread_cond_t cond;
        uint32_t posted; /* under the mutex */
        sigset_t mask;
        stack_t stack;
        atomic_ulong rounds, eintr;
};

static struct worker workers[THREADS_MAX];
static _Thread_local struct worker *self;
static atomic_int leave, wrong, started;
static atomic_ulong handled;

static void fail(const char *what)
{
        if (!atomic_exchange(&wrong, 1))
                printf("wrong: %s\n", what);
}

/* --- what must not change
 * --------------------------------------------------------------------------------------- */

static void check(struct worker *w)
{
        sigset_t mask;
        stack_t stack;

        if (errno != ERRNO)
                fail("errno");
        if (pthread_sigmask(SIG_BLOCK, NULL, &mask) != 0 || memcmp(&mask, &w->mask, 8) != 0)
                fail("the signal mask");
        if (sigaltstack(NULL, &stack) != 0 || stack.ss_sp != w->stack.ss_sp ||
            stack.ss_size != w->stack.ss_size || (stack.ss_flags & ~SS_ONSTACK) != 0)
                fail("the alternate stack");
        if (fegetround() != FE_DOWNWARD)
                fail("the rounding mode");
        errno = ERRNO;
}

/* One call that waits: may it be said to have been interrupted? */
static int interrupted(struct worker *w, long result)
{
        if (result >= 0)
                return 0;
        if (errno != EINTR)
                return 0;
        atomic_fetch_add(&w->eintr, 1);
        errno = ERRNO;
        return 1;
}

static void take_number(struct worker *w, int flags)
{
        uint32_t number = 0;
        long n;

        do
                n = flags < 0 ? read(w->sockets[0], &number, sizeof(number))
                              : recv(w->sockets[0], &number, sizeof(number), flags);
        while (interrupted(w, n));
        if (n < 0 && errno == EAGAIN) { /* the timeout of its own */
                errno = ERRNO;
                return;
        }
        if (n == 0)
                return;
        if (n != sizeof(number) || number != (uint32_t)atomic_load(&w->rounds))
                fail("a number that was sent");
        atomic_fetch_add(&w->rounds, 1);
}

/* --- modes
 * ------------------------------------------------------------------------------------------------------ */

static void do_epoll(struct worker *w)
{
        struct epoll_event e;
        int n;

        do
                n = epoll_wait(w->epoll, &e, 1, -1);
        while (interrupted(w, n));
        take_number(w, -1);
}

static void do_poll(struct worker *w)
{
        struct pollfd p = {.fd = w->sockets[0], .events = POLLIN};
        int n;

        do
                n = poll(&p, 1, -1);
        while (interrupted(w, n));
        take_number(w, -1);
}

static void do_select(struct worker *w)
{
        fd_set set;
        int n;

        do {
                FD_ZERO(&set);
                FD_SET(w->sockets[0], &set);
                n = select(w->sockets[0] + 1, &set, NULL, NULL, NULL);
        } while (interrupted(w, n));
        take_number(w, -1);
}

static void do_read(struct worker *w)
{
        take_number(w, -1);
}

static void do_recv(struct worker *w)
{
        take_number(w, 0);
}

static void do_cond(struct worker *w)
{
        pthread_mutex_lock(&w->mutex);
        while (w->posted == (uint32_t)atomic_load(&w->rounds) && !atomic_load(&leave))
                pthread_cond_wait(&w->cond, &w->mutex);
        if (w->posted != (uint32_t)atomic_load(&w->rounds))
                atomic_fetch_add(&w->rounds, 1);
        pthread_mutex_unlock(&w->mutex);
}

static void do_nanosleep(struct worker *w)
{
        struct timespec t = {.tv_nsec = 2000000}, before, after;
        int n;

        clock_gettime(CLOCK_MONOTONIC, &before);
        do
                n = nanosleep(&t, &t);
        while (interrupted(w, n));
        clock_gettime(CLOCK_MONOTONIC, &after);
        if ((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec < 2000000)
                fail("it slept too short");
        atomic_fetch_add(&w->rounds, 1);
}

#if defined(__x86_64__)
/* Values in all registers that are free, in the vector registers and in the red zone; a while later they must be there.  0: they
 * are.  vectors: 512 bytes. */
int spin_registers(const void *vectors, long turns);
__asm__(".text\n.globl spin_registers\n.type spin_registers,@function\nspin_registers:\n.cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\npush %rbp\n.cfi_adjust_cfa_offset 8\npush "
        "%r12\n.cfi_adjust_cfa_offset 8\n"
        "push %r13\n.cfi_adjust_cfa_offset 8\npush %r14\n.cfi_adjust_cfa_offset 8\npush "
        "%r15\n.cfi_adjust_cfa_offset 8\n"
        "mov %rsi,%rcx\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nvmovdqu 32*\\n(%rdi),%ymm\\n\n.endr\n"
        "mov $0x1111111111111111,%rax\nmov %rax,-8(%rsp)\nmov %rax,-64(%rsp)\nmov %rax,-128(%rsp)\n"
        "lea 1(%rax),%rbx\nlea 2(%rax),%rdx\nlea 3(%rax),%rsi\nlea 4(%rax),%rbp\nlea 5(%rax),%r8\nlea "
        "6(%rax),%r9\n"
        "lea 7(%rax),%r10\nlea 8(%rax),%r11\nlea 9(%rax),%r12\nlea 10(%rax),%r13\nlea 11(%rax),%r14\nlea "
        "12(%rax),%r15\n"
        "std\n" /* the direction flag, too */
        "1: dec %rcx\njnz 1b\n"
        "pushf\npop %rcx\n" /* overwrites -8(%rsp) only: it is checked before */
        "cld\n"
        "test $0x400,%ecx\njz 2f\n"
        "mov $0x1111111111111111,%rcx\ncmp %rcx,%rax\njne 2f\n"
        "cmp %rcx,-64(%rsp)\njne 2f\ncmp %rcx,-128(%rsp)\njne 2f\n"
        ".irp r,rbx,rdx,rsi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\ninc %rcx\ncmp %rcx,%\\r\njne 2f\n.endr\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vpxor 32*\\n(%rdi),%ymm\\n,%ymm\\n\nvptest %ymm\\n,%ymm\\n\njnz 2f\n.endr\n"
        "xor %eax,%eax\njmp 3f\n2: mov $1,%eax\n3: vzeroupper\n"
        "pop %r15\n.cfi_adjust_cfa_offset -8\npop %r14\n.cfi_adjust_cfa_offset -8\npop "
        "%r13\n.cfi_adjust_cfa_offset -8\n"
        "pop %r12\n.cfi_adjust_cfa_offset -8\npop %rbp\n.cfi_adjust_cfa_offset -8\npop "
        "%rbx\n.cfi_adjust_cfa_offset -8\n"
        "ret\n.cfi_endproc\n.size spin_registers,.-spin_registers\n");

static void do_spin(struct worker *w)
{
        uint64_t vectors[64];

        for (unsigned i = 0; i < 64; i++)
                vectors[i] = (i + 1) * 0x9e3779b97f4a7c15u ^ atomic_load(&w->rounds);
        if (spin_registers(vectors, 200000) != 0)
                fail("a register, or the red zone");
        atomic_fetch_add(&w->rounds, 1);
}
#else
static void do_spin(struct worker *w)
{
        double x = 1, y = 1;
        uint64_t a = 1, b = 1;

        for (int i = 0; i < 200000; i++) {
                x = x * 1.0000001 + 0.5;
                a = a * 6364136223846793005u + 1442695040888963407u;
                __asm__ volatile("" : "+r"(a), "+w"(x));
        }
        for (int i = 0; i < 200000; i++) {
                y = y * 1.0000001 + 0.5;
                b = b * 6364136223846793005u + 1442695040888963407u;
        }
        if (x != y || a != b)
                fail("a register");
        atomic_fetch_add(&w->rounds, 1);
}
#endif

static void do_malloc(struct worker *w)
{
        unsigned char *blocks[32];
        unsigned long n = atomic_load(&w->rounds);

        for (unsigned i = 0; i < 32; i++) {
                size_t size = 16 + (n * 31 + i * 97) % 3000;

                blocks[i] = malloc(size);
                memset(blocks[i], (int)i, size);
        }
        for (unsigned i = 0; i < 32; i++) {
                if (blocks[i][15] != i)
                        fail("a block's contents");
                free(blocks[i]);
        }
        atomic_fetch_add(&w->rounds, 1);
}

static void do_dlopen(struct worker *w)
{
        void *handle = dlopen("libm.so.6", RTLD_NOW);
        void *other = dlopen("libBrokenLocale.so.1", RTLD_NOW);

        if (!handle || !dlsym(handle, "cos"))
                fail("dlopen");
        if (other)
                dlclose(other);
        dlclose(handle);
        errno = ERRNO;
        atomic_fetch_add(&w->rounds, 1);
}

static void do_stdio(struct worker *w)
{
        static FILE *null;
        unsigned long n = atomic_load(&w->rounds);

        if (!null)
                null = fopen("/dev/null", "w");
        fprintf(null, "%lu %f\n", n, (double)n / 3);
        if (n % 16 == 0)
                fflush(null);
        errno = ERRNO;
        atomic_fetch_add(&w->rounds, 1);
}

static void on_signal(int signal)
{
        char here;

        (void)signal;
        if (&here < (char *)self->stack.ss_sp || &here >= (char *)self->stack.ss_sp + self->stack.ss_size)
                fail("a handler was not on its stack");
        atomic_fetch_add(&handled, 1);
}

/* SIGUSR1 has SA_RESTART, and read() is begun again after it. */
static void do_altstack(struct worker *w)
{
        unsigned long n = atomic_load(&w->rounds), before = atomic_load(&handled);

        if (n % 4 == 0) {
                raise(SIGUSR1);
                if (atomic_load(&handled) == before)
                        fail("a signal was not handled");
        }
        take_number(w, -1);
}

static void do_seccomp(struct worker *w)
{
        take_number(w, -1);
}

static const struct mode {
        const char *name;
        void (*work)(struct worker *w);
        int woken; /* by numbers that are sent to it */
} modes[] = {
        {"epoll", do_epoll, 1},         {"poll", do_poll, 1},   {"select", do_select, 1},
        {"read", do_read, 1},           {"recv", do_recv, 1},   {"cond", do_cond, 1},
        {"nanosleep", do_nanosleep, 0}, {"spin", do_spin, 0},   {"malloc", do_malloc, 0},
        {"dlopen", do_dlopen, 0},       {"stdio", do_stdio, 0}, {"altstack", do_altstack, 1},
        {"seccomp", do_seccomp, 1},
};
static const struct mode *mode;

static void forbid(void)
{
        struct sock_filter program[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
                exit(2);
}

static void *work(void *arg)
{
        struct worker *w = self = arg;

        w->stack = (stack_t){.ss_sp = malloc(ALT_BYTES), .ss_size = ALT_BYTES};
        sigaltstack(&w->stack, NULL);
        fesetround(FE_DOWNWARD);
        atomic_fetch_add(&started, 1);
        errno = ERRNO;
        /* Once at least, however late this thread gets a CPU. */
        do {
                mode->work(w);
                check(w);
        } while (!atomic_load(&leave));
        return NULL;
}

/* The next number to each that has taken its last one.  This thread waits in sigtimedwait(), where none is disturbed. */
static void wake(struct worker *w, uint32_t *sent)
{
        if (!mode->woken || *sent != (uint32_t)atomic_load(&w->rounds))
                return;
        if (mode->work == do_cond) {
                pthread_mutex_lock(&w->mutex);
                w->posted++;
                pthread_cond_signal(&w->cond);
                pthread_mutex_unlock(&w->mutex);
        } else if (write(w->sockets[1], sent, sizeof(*sent)) != sizeof(*sent)) {
                fail("write");
        }
        ++*sent;
}

static void start(struct worker *w, int number)
{
        struct timeval timeout = {.tv_usec = 20000};
        struct epoll_event e = {.events = EPOLLIN};

        w->number = number;
        pthread_mutex_init(&w->mutex, NULL);
        pthread_cond_init(&w->cond, NULL);
        w->epoll = epoll_create1(0);
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, w->sockets) != 0 ||
            epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->sockets[0], &e) != 0)
                exit(2);
        if (mode->work == do_recv)
                setsockopt(w->sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        pthread_sigmask(SIG_BLOCK, NULL, &w->mask);
        if (pthread_create(&w->thread, NULL, work, w) != 0)
                exit(2);
}

int main(int argc, char **argv)
{
        int n = argc > 2 ? atoi(argv[2]) : 2;
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
        unsigned long rounds = 0, eintr = 0;
        uint32_t sent[THREADS_MAX] = {0};
        sigset_t term;

        for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
                if (strcmp(argv[1], modes[i].name) == 0)
                        mode = &modes[i];
        if (!mode || n < 1 || n > THREADS_MAX)
                return 2;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigaddset(&term, SIGUSR2);
        sigprocmask(SIG_BLOCK, &term, NULL);
        sigdelset(&term, SIGUSR2);
        sigaction(SIGUSR1, &action, NULL);
        for (int i = 0; i < n; i++)
                start(&workers[i], i);
        while (atomic_load(&started) < n)
                usleep(1000);
        printf("ready\n");
        fflush(stdout);
        if (mode->work == do_seccomp)
                forbid();
        for (;;) {
                struct timespec tick = {.tv_nsec = 1000000};

                for (int i = 0; i < n; i++)
                        wake(&workers[i], &sent[i]);
                if (sigtimedwait(&term, NULL, &tick) == SIGTERM)
                        break;
        }
        atomic_store(&leave, 1);
        for (int i = 0; i < n; i++) {
                unsigned long before = atomic_load(&workers[i].rounds);
                int joined;

                /* Everyone must have gone on, wherever it was. */
                do {
                        struct timespec soon;

                        wake(&workers[i], &sent[i]);
                        clock_gettime(CLOCK_REALTIME, &soon);
                        soon.tv_nsec += 1000000;
                        if (soon.tv_nsec >= 1000000000) {
                                soon.tv_sec++;
                                soon.tv_nsec -= 1000000000;
                        }
                        joined = pthread_timedjoin_np(workers[i].thread, NULL, &soon);
                } while (joined == ETIMEDOUT);
                rounds += atomic_load(&workers[i].rounds);
                eintr += atomic_load(&workers[i].eintr);
                if (before == 0 && atomic_load(&workers[i].rounds) == 0)
                        fail("a worker that never worked");
        }
        if (!atomic_load(&wrong))
                printf("right: %lu rounds, %lu EINTR\n", rounds, eintr);
        return atomic_load(&wrong);
}
