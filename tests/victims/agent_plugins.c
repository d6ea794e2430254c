/* SPDX-License-Identifier: MIT */
/* agent_plugins - load and unload libraries whose constructors allocate, from several threads, while others allocate.
 *
 *   agent_plugins ROUNDS LIBRARY...     each library has a function `void *plugin_block(size_t)`
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rounds, n_libraries;
static char **libraries;

static void *load_and_unload(void *arg)
{
        for (int i = 0; i < rounds; i++) {
                void *library = dlopen(libraries[((long)arg + i) % n_libraries], RTLD_NOW | RTLD_LOCAL);
                void *(*block)(size_t) = library ? (void *(*)(size_t))dlsym(library, "plugin_block") : NULL;

                if (!block) {
                        fprintf(stderr, "%s\n", dlerror());
                        exit(1);
                }
                for (int n = 0; n < 20; n++) {
                        char *p = block(5000);

                        memset(p, 1, 5000);
                        free(p);
                }
                dlclose(library);
        }
        return NULL;
}

int main(int argc, char **argv)
{
        pthread_t threads[3];

        rounds = argc > 2 ? atoi(argv[1]) : 0;
        libraries = argv + 2;
        n_libraries = argc - 2;
        for (long i = 0; i < 3; i++)
                if (pthread_create(&threads[i], NULL, load_and_unload, (void *)i) != 0)
                        return 1;
        for (int i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
        puts("ok");
        return 0;
}
