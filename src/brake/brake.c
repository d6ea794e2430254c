/* SPDX-License-Identifier: MIT */
#include "brake/brake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory_group.h"
#include "base/size.h"
#include "brake/guard.h"

/* Room for what is still on its way when the sleepers are woken; they themselves take none. */
#define WAKE_BYTES (UINT64_C(4) << 20)

/* What other CPUs keep in stock for the group counts as used until their workers have given it back. */
#define SETTLE_TIMES 50
#define SETTLE_NS    (200 * NS_PER_US)

/* Without a guard, how long to try when the kernel refuses a limit because more is used. */
#define RETRY_TIMES 100
#define RETRY_NS    (20 * NS_PER_MS)

static int add_knob(struct brake *b, int dirfd, const char *file, struct diag *d)
{
        struct knob *k = &b->note.knobs[b->note.n];
        int r = knob_open(dirfd, file, k);

        if (r < 0)
                return diag_set(d, r, "%s/%s: cannot be set: %s", b->note.dir, file, strerror(-r));
        b->note.n++;
        return 0;
}

static int no_limit(const struct brake *b, const char *file, struct diag *d)
{
        return diag_set(d, -ENODATA, "%s/%s: there is no limit to brake at", b->note.dir, file);
}

static uint64_t read_limit(int dirfd, const char *file)
{
        char text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));

        return file_read_at(dirfd, file, &b) < 0 ? MEMORY_GROUP_UNLIMITED : memory_group_limit_parse(text);
}

static int plan_slow(struct brake *b, int dirfd, double percent, struct diag *d)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), limit = read_limit(dirfd, "memory.max");
        struct knob *high = &b->note.knobs[0];
        char text[SIZE_TEXT];
        int r;

        if (limit == MEMORY_GROUP_UNLIMITED)
                return no_limit(b, "memory.max", d);
        r = add_knob(b, dirfd, "memory.high", d);
        if (r < 0)
                return r;
        high->ours = (uint64_t)((double)limit * percent / 100) / page * page;
        b->at_once = 1;
        if (high->original <= high->ours)
                return diag_set(d, -EALREADY, "%s/memory.high is %s: it brakes already", b->note.dir,
                                size_format(high->original, text));
        return 0;
}

static int plan_hold(struct brake *b, int dirfd, struct diag *d)
{
        struct knob *k = b->note.knobs;
        uint64_t limit = read_limit(dirfd, "memory.limit_in_bytes"),
                 with_swap = read_limit(dirfd, "memory.memsw.limit_in_bytes");
        int r;

        if (limit == MEMORY_GROUP_UNLIMITED)
                return no_limit(b, "memory.limit_in_bytes", d);
        r = add_knob(b, dirfd, "memory.oom_control", d);
        if (r < 0)
                return r;
        if (k[0].original != 0)
                return diag_set(d, -EALREADY, "%s/memory.oom_control: the kill is disabled there already",
                                b->note.dir);
        k[0].ours = 1;
        b->at_once = 1;
        /* The limit may not be above that of memory and swap: that one first, and back in the other order. */
        if (with_swap < limit + WAKE_BYTES)
                r = add_knob(b, dirfd, "memory.memsw.limit_in_bytes", d);
        if (r == 0)
                r = add_knob(b, dirfd, "memory.limit_in_bytes", d);
        for (unsigned i = 1; i < b->note.n; i++)
                k[i].ours = limit + WAKE_BYTES;
        return r;
}

static int plan(struct brake *b, const struct brake_request *request, int *ret_dirfd, struct diag *d)
{
        int r;

        if ((size_t)snprintf(b->note.dir, sizeof(b->note.dir), "%s", request->dir) >= sizeof(b->note.dir))
                return diag_set(d, -ENAMETOOLONG, "%s: its name is too long", request->dir);
        *ret_dirfd = open(request->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (*ret_dirfd < 0)
                return diag_set(d, -errno, "%s: %s", request->dir, strerror(errno));
        r = request->kind == BRAKE_HOLD ? plan_hold(b, *ret_dirfd, d)
                                        : plan_slow(b, *ret_dirfd, request->percent, d);
        return r < 0 ? r : brake_note_name(*ret_dirfd, b->note_name);
}

static int note(struct brake *b, struct diag *d)
{
        int r = brake_notes_open(true, d);

        if (r < 0)
                return r;
        b->notes_fd = r;
        r = brake_note_write(b->notes_fd, b->note_name, &b->note);
        if (r == -EEXIST)
                return diag_set(d, -EALREADY, "%s: another swansong brakes there", b->note.dir);
        if (r < 0)
                return diag_set(d, r, "cannot note what the brake changes: %s", strerror(-r));
        b->note_fd = r;
        return 0;
}

int brake_check(const struct brake_request *request, struct diag *d)
{
        struct brake b = BRAKE_OFF;
        _cleanup_fd_ int dirfd = -1;
        int r;

        b.kind = request->kind;
        r = plan(&b, request, &dirfd, d);
        if (r == 0) {
                b.notes_fd = brake_notes_open(true, d);
                r = b.notes_fd < 0 ? b.notes_fd : 0;
        }
        brake_end(&b);
        return r;
}

int brake_begin(const struct brake_request *request, struct brake *ret, struct diag *d)
{
        struct brake b = BRAKE_OFF;
        _cleanup_fd_ int dirfd = -1;
        int r;

        b.kind = request->kind;
        r = plan(&b, request, &dirfd, d);
        if (r == 0)
                r = note(&b, d);
        if (r == 0)
                r = guard_start(&b, dirfd, request->deadline_ns, d);
        for (unsigned i = 0; r == 0 && i < b.at_once; i++) {
                r = knob_apply(&b.note.knobs[i]);
                if (r < 0)
                        diag_set(d, r, "%s/%s: cannot be set: %s", b.note.dir, b.note.knobs[i].file,
                                 strerror(-r));
        }
        if (r < 0)
                brake_end(&b);
        else
                *ret = b;
        return r;
}

void brake_reached(const struct brake *b)
{
        guard_tell(b->tell_fd, GUARD_CLOCK);
}

void brake_wake(const struct brake *b)
{
        const struct knob *kill = &b->note.knobs[0];
        int r = 0;

        for (unsigned i = b->at_once; r == 0 && i < b->note.n; i++)
                r = knob_apply(&b->note.knobs[i]);
        /* Somebody else has changed the limit: writing oom_control wakes them, too. */
        if (r < 0 && knob_restore(kill) == 0)
                knob_apply(kill);
}

/* The knobs from `first` on, the last one first. */
static int restore_from(const struct brake *b, unsigned first)
{
        int error = 0;

        for (unsigned i = b->note.n; i-- > first;) {
                int r = knob_restore(&b->note.knobs[i]);

                if (error == 0)
                        error = r;
        }
        return error;
}

int brake_settle(const struct brake *b)
{
        int r = restore_from(b, b->at_once);

        for (unsigned i = 0; r == -EBUSY && i < SETTLE_TIMES; i++) {
                nanosleep(&(struct timespec){.tv_nsec = (long)SETTLE_NS}, NULL);
                r = restore_from(b, b->at_once);
        }
        return r;
}

int brake_restore(const struct brake *b)
{
        return restore_from(b, 0);
}

/* The guard has gone, too. */
static int restore_alone(const struct brake *b)
{
        int r = brake_restore(b);

        for (unsigned i = 0; r < 0 && i < RETRY_TIMES; i++) {
                nanosleep(&(struct timespec){.tv_nsec = (long)RETRY_NS}, NULL);
                r = brake_restore(b);
        }
        return r;
}

void brake_end(struct brake *b)
{
        int r = b->note_fd >= 0 ? brake_restore(b) : 0;

        if (r < 0 && !guard_is_there(b))
                r = restore_alone(b);
        /* What still could not be put back stays noted. */
        if (r == 0 && b->note_fd >= 0)
                brake_note_remove(b->notes_fd, b->note_name, b->note_fd);
        if (b->guard > 0)
                guard_end(b, r == 0);
        for (unsigned i = 0; i < b->note.n; i++)
                knob_close(&b->note.knobs[i]);
        fd_closep(&b->note_fd);
        fd_closep(&b->notes_fd);
        fd_closep(&b->guard_fd);
        fd_closep(&b->tell_fd);
        fd_closep(&b->life_fd);
        *b = BRAKE_OFF;
}
