/* SPDX-License-Identifier: MIT */
/* exec - the process goes on as another program: our recorder is as of now, and says so.
 *
 * A program that loads the agent again takes the file over, and it runs as before; one that does not (an agent that was injected,
 * `children=no`, a static or setuid program) leaves it for good, and whoever reads it later must not think of a kill.
 * Called in children of vfork(), too, whose memory is their parent's, and in signal handlers: no lock is taken, nothing is
 * looked up or allocated.  execl() and its kin would go past us, inside libc: theirs are written anew, with the words on the
 * stack, as libc has them. */
#include <alloca.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/state.h"
#include "agent_so/exec.h"
#include "agent_so/interpose/real.h"
#include "base/clock.h"

static int (*next_execvp)(const char *, char *const[]);
static int (*next_execvpe)(const char *, char *const[], char *const[]);
static int (*next_fexecve)(int, char *const[], char *const[]);

void exec_resolve(void)
{
        next_execvp = (int (*)(const char *, char *const[]))real_symbol("execvp");
        next_execvpe = (int (*)(const char *, char *const[], char *const[]))real_symbol("execvpe");
        next_fexecve = (int (*)(int, char *const[], char *const[]))real_symbol("fexecve");
}

/* Is it this process that goes (not the child of its vfork())? */
static bool leave(void)
{
        struct recorder_header *h = agent.header;

        if ((agent.state != AGENT_ON && agent.state != AGENT_DETACHED) || !h || getpid() != agent.pid)
                return false;
        h->finished_ns = clock_monotonic_ns();
        __atomic_store_n(&h->state, RECORDER_REPLACED, __ATOMIC_RELEASE);
        return true;
}

/* It could not. */
static int stay(bool left, int result)
{
        if (left)
                __atomic_store_n(&agent.header->state, RECORDER_RUNNING, __ATOMIC_RELEASE);
        return result;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
        bool left = leave();

        return stay(left, (int)syscall(SYS_execve, path, argv, envp));
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
        bool left = leave();

        return stay(left, (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}

EXPORT int execv(const char *path, char *const argv[])
{
        return execve(path, argv, environ);
}

#define THROUGH(next, ...)                                                                                   \
        bool left;                                                                                           \
                                                                                                             \
        if (!(next))                                                                                         \
                exec_resolve(); /* a constructor that runs before ours */                                    \
        if (!(next)) {                                                                                       \
                errno = ENOSYS;                                                                              \
                return -1;                                                                                   \
        }                                                                                                    \
        left = leave();                                                                                      \
        return stay(left, (next)(__VA_ARGS__))

EXPORT int execvp(const char *file, char *const argv[])
{
        THROUGH(next_execvp, file, argv);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
        THROUGH(next_execvpe, file, argv, envp);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
        THROUGH(next_fexecve, fd, argv, envp);
}

/* How many words there are before the NULL. */
static size_t count_words(const char *word, va_list *more)
{
        size_t n = 0;

        for (; word; n++)
                word = va_arg(*more, const char *);
        return n;
}

/* Those, and the NULL; *more is then behind it. */
static void copy_words(char **out, const char *word, va_list *more)
{
        for (; word; word = va_arg(*more, const char *))
                *out++ = (char *)word;
        *out = NULL;
}

/* argv: the words of an ellipsis that begins with `word`.  What follows on them is still to be had from `more`. */
#define WORDS(argv, word)                                                                                    \
        char **argv;                                                                                         \
        va_list more;                                                                                        \
                                                                                                             \
        va_start(more, word);                                                                                \
        argv = alloca((count_words(word, &more) + 1) * sizeof(*argv));                                       \
        va_end(more);                                                                                        \
        va_start(more, word);                                                                                \
        copy_words(argv, word, &more)

EXPORT int execl(const char *path, const char *word, ...)
{
        WORDS(argv, word);
        va_end(more);
        return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *word, ...)
{
        WORDS(argv, word);
        va_end(more);
        return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *word, ...)
{
        char *const *envp;

        WORDS(argv, word);
        envp = va_arg(more, char *const *);
        va_end(more);
        return execve(path, argv, envp);
}
