/* SPDX-License-Identifier: MIT */
/* construct - what happens when the loader has loaded us: into a program that starts, or late into one that runs. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "agent_so/agent.h"
#include "agent_so/exec.h"
#include "agent_so/interpose/mmap.h"
#include "agent_so/interpose/real.h"
#include "agent_so/modules/module_find.h"
#include "agent_so/options.h"
#include "agent_so/preload.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/seccomp.h"
#include "agent_so/service.h"

static bool constructed;

static void warn(const char *format, const char *a, const char *b)
{
        char line[512];
        int n = snprintf(line, sizeof(line), format, a, b);

        /* A message that cannot be written is lost; nothing else may happen. */
        if (n > 0 && write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
                return;
}

#define PRINTABLE 64

/* The beginning of a word that somebody wrote. */
static const char *printable(const char *word, size_t length, char out[PRINTABLE])
{
        size_t n = 0;

        for (; n < length && n < PRINTABLE - 1; n++)
                out[n] = word[n] > ' ' && word[n] < 0x7f ? word[n] : '?';
        out[n] = '\0';
        return out;
}

static void warn_option(const char *word, size_t length, const char *reason, void *arg)
{
        char text[PRINTABLE];

        (void)arg;
        printable(word, length, text);
        if (reason[0])
                warn("libswansong: " OPTIONS_VARIABLE ": \"%s\": must be %s; the default is used\n", text,
                     reason);
        else
                warn("libswansong: " OPTIONS_VARIABLE ": \"%s\" is no option; it is ignored%s\n", text, "");
}

static void warn_dir(int err)
{
        char text[PRINTABLE];

        warn("libswansong: " OPTIONS_VARIABLE ": \"dir=%s\": %s; the default is used\n",
             printable(agent_options.dir, strlen(agent_options.dir), text), strerror(-err));
}

static void find_own_text(void)
{
        struct module_range self;

        if (module_find((uintptr_t)find_own_text, &self)) {
                agent_text_start = self.start;
                agent_text_end = self.end;
        }
}

/* The loader lists itself behind what a program was started with and before whatever is dlopen()ed later: it is a
 * dependency of the C library.  (r_ldbase: AT_BASE is 0 for a program that is started as an argument of the loader.) */
static bool loaded_at_start(void)
{
        for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next) {
                if (m->l_ld == _DYNAMIC)
                        return true;
                if (m->l_addr == _r_debug.r_ldbase)
                        return false;
        }
        return false; /* in a namespace of its own: dlmopen() */
}

static __attribute__((constructor)) void construct(void)
{
        const char *why = NULL;
        int saved = errno, err;

        if (constructed)
                return;
        constructed = true;
        agent_late = !loaded_at_start();
        module_find_init();
        find_own_text();
        if (agent_late)
                return; /* swansong_inject() is the rest */
        real_resolve_once();
        mmap_resolve();
        seccomp_resolve();
        exec_resolve();
        service_init();
        options_default(&agent_options);
        /* A program with more rights than its caller is not to be looked into, nor to be steered by its environment. */
        if (getauxval(AT_SECURE))
                return;
        agent_enter();
        if (getenv(OPTIONS_VARIABLE))
                options_parse(getenv(OPTIONS_VARIABLE), &agent_options, warn_option, NULL);
        if (!agent_options.children)
                preload_shed();
        err = agent_begin(&why);
        if (err)
                warn("libswansong: %s: %s; nothing is recorded\n", why, strerror(-err));
        else if (recorder_dir_error())
                warn_dir(recorder_dir_error());
        agent_leave();
        errno = saved;
}
