/* SPDX-License-Identifier: MIT */
/* Its allocator, by the libraries that are mapped, and its symbols, by the headers of its file. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/elf_brief.h"
#include "base/file.h"
#include "base/maps_line.h"
#include "capture/manifest.h"
#include "cli/doctor/doctor.h"
#include "injector/call/call_target.h"

#define MAPS_MAX ((size_t)64 << 20)

/* The first row that is mapped counts: a preloaded allocator stands before the C library's own. */
static const struct {
        const char *file; /* pattern of the mapped file's name, as fnmatch(3) */
        const char *name;
        enum finding_level level;
        const char *note;
} allocators[] = {
        {"libjemalloc.so*", "jemalloc", FINDING_OK, "its heap is counted by its own statistics only"},
        {"libtcmalloc*.so*", "tcmalloc", FINDING_OK, "its heap is counted by its own statistics only"},
        {"libmimalloc*.so*", "mimalloc", FINDING_OK, "its heap is counted by its own statistics only"},
        {"ld-musl-*", "musl", FINDING_OK, "no census of its heap; the agent needs glibc"},
        {"libc.musl-*", "musl", FINDING_OK, "no census of its heap; the agent needs glibc"},
        {"libc.so.6", "glibc", FINDING_OK, "a capture counts the heap"},
        {"libc-2.*.so", "glibc", FINDING_OK, "a capture counts the heap"},
};

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Which row of the table is mapped: its number, or the number of rows. */
static size_t find_allocator(struct doctor *d, const struct buf *maps)
{
        size_t best = ARRAY_SIZE(allocators);
        const char *line = maps->data, *end = maps->data + maps->len, *next;
        struct maps_line m;

        for (; line < end; line = next) {
                char path[PATH_MAX];

                if (maps_line_parse(line, (size_t)(end - line), &m, &next) < 0 || m.path_len == 0 ||
                    m.path_len >= sizeof(path))
                        continue;
                memcpy(path, m.path, m.path_len);
                path[m.path_len] = '\0';
                d->has_agent |= strcmp(base_name(path), "libswansong.so") == 0;
                for (size_t i = 0; i < best; i++)
                        if (fnmatch(allocators[i].file, base_name(path), 0) == 0)
                                best = i;
        }
        return best;
}

static int exe_open(const struct doctor *d, struct elf_brief *ret)
{
        _cleanup_fd_ int fd = openat(d->target->proc_fd, "exe", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd < 0 ? -errno : elf_brief_read(fd, ret);
}

void doctor_allocator(struct doctor *d)
{
        _cleanup_buf_ struct buf maps = BUF_GROWING(MAPS_MAX);
        struct elf_brief elf;
        size_t found;
        int r = file_read_at(d->target->proc_fd, "maps", &maps);

        if (r < 0 || maps.len == 0) {
                doctor_say(d, FINDING_NOTE,
                           "which allocator it uses could not be seen: its mappings are not ours to read");
                return;
        }
        found = find_allocator(d, &maps);
        if (exe_open(d, &elf) == 0 && elf.go) {
                d->allocator = "Go";
                doctor_say(d, FINDING_NOTE,
                           "Go's own allocator: its heap is anonymous memory here, with no sites");
        } else if (found < ARRAY_SIZE(allocators)) {
                d->allocator = allocators[found].name;
                doctor_say(d, allocators[found].level, "allocator: %s; %s", d->allocator,
                           allocators[found].note);
        } else {
                d->allocator = "static";
                doctor_say(d, FINDING_NOTE,
                           "statically linked: its allocator cannot be told, and no agent can be loaded by "
                           "LD_PRELOAD");
        }
        if (d->has_agent)
                doctor_say(d, FINDING_OK,
                           "the agent (libswansong.so) is loaded: its recorder has the heap by site");
}

/* Could the agent still be loaded into it?  Nothing is stopped to find that out; whether a thread comes to a place where it may
 * be disturbed only the try can tell. */
void doctor_inject(struct doctor *d)
{
        struct call_target call;
        struct diag why = {""};

        if (d->has_agent || !d->may_attach)
                return;
        if (call_target_make(d->target, &call, &why) < 0) {
                doctor_say(d, FINDING_NOTE, "the agent cannot be loaded into it now: %s", why.text);
                return;
        }
        if (call.code.allocator_in_program)
                doctor_say(d, FINDING_NOTE,
                           "the agent would see nothing: the allocator is linked into the program");
        else
                doctor_advise(doctor_say(d, FINDING_OK, "the agent can be loaded into it as it runs"),
                              "swansong inject -p %d", d->target->pid);
        call_target_done(&call);
}

static bool has_debug_file(const char *build_id)
{
        char path[256];

        if (strlen(build_id) < 3)
                return false;
        snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", build_id, build_id + 2);
        return access(path, R_OK) == 0;
}

void doctor_symbols(struct doctor *d)
{
        struct identity id = {0};
        struct elf_brief elf;
        bool beside, named;

        identity_read(d->target, &id);
        snprintf(d->exe, sizeof(d->exe), "%s", id.exe);
        snprintf(d->build_id, sizeof(d->build_id), "%s", id.build_id);
        if (exe_open(d, &elf) < 0) {
                doctor_say(d, FINDING_NOTE, "whether its program has symbols could not be seen");
                return;
        }
        beside = has_debug_file(id.build_id);
        named = elf.symbols || elf.mini || beside;
        if (elf.debug_info || beside)
                doctor_say(d, FINDING_OK, "symbols and lines: %s",
                           elf.debug_info ? "in the program" : "in its debug file below /usr/lib/debug");
        else if (named)
                doctor_advise(doctor_say(d, FINDING_NOTE, "its program has names of functions, but no lines"),
                              "install its debug symbols, or set $DEBUGINFOD_URLS for swansong report");
        else
                doctor_advise(doctor_say(d, FINDING_NOTE,
                                         "its program is stripped: stacks show addresses in it%s%s",
                                         id.build_id[0] ? ", build ID " : "", id.build_id),
                              "install its debug symbols, or set $DEBUGINFOD_URLS for swansong report");
}
