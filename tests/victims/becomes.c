/* SPDX-License-Identifier: MIT */
/* becomes - a program that goes on as another one, by each function there is for it.
 *
 *   becomes HOW [AGENT OPTIONS]     HOW is execve, execl, ...; with AGENT it loads it into itself before, as `swansong inject` does
 *
 * It allocates a block, tries a program that is not there, and lets the child of a vfork() become one that looks at its words
 * and at its environment: says "failed" if both went as they should, waits for a line, and becomes `sleep 1000`. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEN_AS_IT_SHOULD 7

void *volatile kept;

/* Three words are enough for everybody. */
static void become(const char *how, const char *path, const char *one, const char *two, const char *three,
                   char *const environment[])
{
        const char *name = strrchr(path, '/') + 1;
        char *const words[] = {(char *)name, (char *)one, (char *)two, (char *)three, NULL};
        int fd;

        if (strcmp(how, "execve") == 0) {
                execve(path, words, environment);
        } else if (strcmp(how, "execv") == 0) {
                execv(path, words);
        } else if (strcmp(how, "execvp") == 0) {
                execvp(name, words);
        } else if (strcmp(how, "execvpe") == 0) {
                execvpe(name, words, environment);
        } else if (strcmp(how, "execl") == 0) {
                execl(path, name, one, two, three, (char *)NULL);
        } else if (strcmp(how, "execlp") == 0) {
                execlp(name, name, one, two, three, (char *)NULL);
        } else if (strcmp(how, "execle") == 0) {
                execle(path, name, one, two, three, (char *)NULL, environment);
        } else if (strcmp(how, "execveat") == 0) {
                execveat(AT_FDCWD, path, words, environment, 0);
        } else if (strcmp(how, "fexecve") == 0) {
                fd = open(path, O_RDONLY | O_CLOEXEC);
                fexecve(fd, words, environment);
        }
}

static int load(const char *agent, const char *options)
{
        void *library = dlopen(agent, RTLD_NOW);
        int (*inject)(const char *) =
                library ? (int (*)(const char *))dlsym(library, "swansong_inject") : NULL;
        int (*go_on)(void) = library ? (int (*)(void))dlsym(library, "swansong_continue") : NULL;
        int r = inject ? inject(options) : -ENOENT;

        while (r == -EINPROGRESS || r == -EBUSY)
                r = go_on();
        return r;
}

int main(int argc, char **argv)
{
        static const char script[] = "test \"$0$WORD\" = wordz && exit 7";
        char word[] = "WORD=z", path[4096];
        char *const environment[] = {word, path, NULL};
        int status = 0;
        pid_t pid;

        if (argc < 2)
                return 2;
        if (argc > 3 && load(argv[2], argv[3]) != 0)
                return 3;
        snprintf(path, sizeof(path), "PATH=%s", getenv("PATH"));
        setenv("WORD", "z", 1);
        kept = malloc(1000000);
        become(argv[1], "/no-such-directory/no-such-program", NULL, NULL, NULL, environment);
        if (errno != ENOENT && errno != EINVAL)
                return 4;
        pid = vfork();
        if (pid == 0) {
                become(argv[1], "/bin/sh", "-c", script, "word", environment);
                _exit(1);
        }
        if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != SEEN_AS_IT_SHOULD)
                return 5;
        puts("failed");
        fflush(stdout);
        if (getchar() == EOF)
                return 0;
        become(argv[1], "/bin/sleep", "1000", NULL, NULL, environment);
        return 6;
}
