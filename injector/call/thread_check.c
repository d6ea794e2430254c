/* SPDX-License-Identifier: MIT */
#include "injector/call/thread_check.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/maps_line.h"

#define STACK_READ_MAX ((uint64_t)1 << 20) /* a deeper stack is not looked through */
#define FRAMES_MAX     512
#define SYSCALL_BYTES  4 /* the instruction: 2 bytes on x86_64, 4 on AArch64 */

static const struct {
        int64_t number;
        int rank, timeout, mask;
} waiting[] = {
#define WAITING(number_, rank_, timeout_, mask_) {number_, rank_, timeout_, mask_},
#include "injector/call/waiting_calls.def"
#undef WAITING
};

_printf_(2, 3) static int refuse(char why[THREAD_REASON], const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(why, THREAD_REASON, format, ap);
        va_end(ap);
        return -EAGAIN;
}

/* --- where it waits
 * --------------------------------------------------------------------------------------------- */

/* A mutex waits by FUTEX_WAIT; condition variables, semaphores and joins by FUTEX_WAIT_BITSET with an absolute time. */
static bool is_mutex_wait(const struct blocked *b)
{
        uint64_t op = b->args[1] & FUTEX_CMD_MASK;

        return b->syscall == SYS_futex && op != FUTEX_WAIT_BITSET;
}

/* An infinite time is NULL, or -1 where it is a number of milliseconds. */
static bool has_timeout(const struct blocked *b, int argument)
{
        if (argument < 0 || b->syscall == SYS_futex)
                return false;
        return b->args[argument] != 0 && (uint32_t)b->args[argument] != UINT32_MAX;
}

void thread_look(int task_fd, pid_t tid, struct thread_look *ret)
{
        struct thread_look look = {.rank = THREAD_UNFIT};
        int r = blocked_read(task_fd, tid, &look.where);

        if (r == -EAGAIN) {
                look.rank = THREAD_RUNS;
        } else if (r < 0) {
                refuse(look.why, "%s", r == -ESRCH ? "it has ended" : strerror(-r));
        } else if (look.where.syscall < 0) {
                refuse(look.why, "it waits for memory");
        } else if (is_mutex_wait(&look.where)) {
                refuse(look.why, "it waits for a mutex");
        } else {
                look.in_call = true;
                if (look.where.syscall == SYS_restart_syscall)
                        refuse(look.why,
                               "it waits in a system call that has been restarted, until that returns");
                else
                        refuse(look.why, "in system call %lld", (long long)look.where.syscall);
                for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
                        if (waiting[i].number == look.where.syscall &&
                            (waiting[i].mask < 0 || look.where.args[waiting[i].mask] == 0))
                                look.rank = waiting[i].rank > 0 ? THREAD_WAITS
                                            : has_timeout(&look.where, waiting[i].timeout)
                                                    ? THREAD_WAITS_TIMED
                                                    : THREAD_WAITS_QUIETLY;
        }
        *ret = look;
}

/* --- its stack
 * -------------------------------------------------------------------------------------------------- */

static bool mapping_of(const struct buf *maps, uint64_t address, struct maps_line *ret)
{
        const char *at = maps->data, *end = maps->data + maps->len;

        while (at < end)
                if (maps_line_parse(at, (size_t)(end - at), ret, &at) == 0 && address >= ret->start &&
                    address < ret->end)
                        return true;
        return false;
}

/* The pointer to the thread's own block, which glibc puts at the top of the stack that it makes. */
static uint64_t thread_pointer(const struct remote_thread *t)
{
        uint16_t at = arch_host()->tp;

        return at ? arch_get(t->state.gregs, at) : 0;
}

static bool main_stack_may_grow(pid_t pid, uint64_t bytes)
{
        struct rlimit limit;

        return prlimit(pid, RLIMIT_STACK, NULL, &limit) < 0 || limit.rlim_cur >= bytes;
}

/* Its own stack, with room for what is to come: from *ret_top downwards.  The main thread's grows by itself. */
static int find_stack(const struct thread_ground *g, const struct remote_thread *t, uint64_t sp,
                      uint64_t *ret_top, char why[THREAD_REASON])
{
        uint64_t tp = thread_pointer(t), room;
        struct maps_line l;

        if (!mapping_of(g->maps, sp, &l) || l.perms[0] != 'r' || l.perms[1] != 'w' || l.perms[3] != 'p')
                return refuse(why, "its stack pointer is in no stack");
        room = sp - l.start;
        if (maps_line_is(&l, "[stack]")) {
                /* The kernel makes it larger as the thread goes down, but not for us who write first. */
                if (room < CALL_IMAGE_MAX + 256 || !main_stack_may_grow(t->pid, l.end - sp + g->stack_bytes))
                        return refuse(why, "its stack has no room");
        } else if (tp && (tp <= sp || tp >= l.end)) {
                return refuse(why, "it is on a stack that is not its own");
        } else if (room < g->stack_bytes) {
                return refuse(why, "its stack has %llu KiB left, and %llu are needed",
                              (unsigned long long)(room / 1024), (unsigned long long)(g->stack_bytes / 1024));
        }
        *ret_top = tp > sp && tp < l.end ? tp : l.end;
        if (*ret_top - sp > STACK_READ_MAX)
                return refuse(why, "its stack is deeper than %llu KiB",
                              (unsigned long long)(STACK_READ_MAX / 1024));
        return 0;
}

struct stack_words {
        uint64_t from;
        size_t n; /* words */
        uint64_t *words;
};

static bool word_at(const struct stack_words *s, uint64_t address, uint64_t *ret)
{
        if (address < s->from || address % 8 != 0 || (address - s->from) / 8 >= s->n)
                return false;
        *ret = s->words[(address - s->from) / 8];
        return true;
}

/* One frame outwards (see base/unwind/cfi.h).  1; 0: that was the outermost; -1: no way to tell. */
static int unwind_step(const struct code_map *code, const struct stack_words *s, bool exact,
                       struct unwind_regs *r)
{
        uint64_t pc = r->pc - !exact, cfa, next = 0, fp = r->fp, extra = r->extra;
        const struct code_module *module = code_map_module(code, pc);
        struct cfi_row row = {.kind = CFI_NONE};

        if (module)
                module_view_row(&module->view, pc, &row);
        switch ((enum cfi_kind)row.kind) {
        case CFI_SP:
                cfa = r->sp + (uint64_t)(int64_t)row.offset;
                break;
        case CFI_FP:
                cfa = r->fp + (uint64_t)(int64_t)row.offset;
                break;
        case CFI_EXTRA:
                cfa = r->extra + (uint64_t)(int64_t)row.offset;
                break;
        case CFI_FP_DEREF:
                if (!word_at(s, r->fp + (uint64_t)(int64_t)row.offset, &cfa) ||
                    !word_at(s, r->fp + (uint64_t)(int64_t)row.fp * 8, &fp))
                        return -1;
                row.fp = 0;
                break;
        case CFI_END:
                return 0;
        case CFI_SIGNAL:
        case CFI_NONE:
        default:
                return -1;
        }
        if (MACHINE_RA_IN_REGISTER) {
                next = r->extra;
                if (row.extra && !word_at(s, cfa + (uint64_t)(int64_t)row.extra * 8, &next))
                        return -1;
        } else {
                if (!word_at(s, cfa - 8, &next))
                        return -1;
                if (row.extra && !word_at(s, cfa + (uint64_t)(int64_t)row.extra * 8, &extra))
                        return -1;
        }
        if (row.fp && !word_at(s, cfa + (uint64_t)(int64_t)row.fp * 8, &fp))
                return -1;
        next = machine_strip(next);
        if (next == 0)
                return 0;
        if (cfa < r->sp || (cfa == r->sp && !exact))
                return -1;
        *r = (struct unwind_regs){
                .pc = next, .sp = cfa, .fp = fp, .extra = MACHINE_RA_IN_REGISTER ? next : extra};
        return 1;
}

static bool is_signal_frame(const struct code_map *code, uint64_t pc)
{
        const struct code_module *module = code_map_module(code, pc);
        struct cfi_row row;

        return module && module_view_row(&module->view, pc, &row) && row.kind == CFI_SIGNAL;
}

/* A word that may be a return address, where frames cannot be told apart.  Code begins nowhere near these numbers else. */
static int scan_rest(const struct code_map *code, const struct stack_words *s, uint64_t from,
                     char why[THREAD_REASON])
{
        uint64_t word;

        for (uint64_t at = (from + 7) & ~UINT64_C(7); word_at(s, at, &word); at += 8) {
                const char *what = code_map_forbids(code, word - 1);

                if (what)
                        return refuse(why, "perhaps in %s (its stack could not be unwound)", what);
                if (is_signal_frame(code, word))
                        return refuse(why, "perhaps in a signal handler (its stack could not be unwound)");
        }
        return 0;
}

static int check_frames(const struct code_map *code, const struct stack_words *s, struct unwind_regs regs,
                        char why[THREAD_REASON])
{
        bool exact = true;

        for (unsigned i = 0; i < FRAMES_MAX; i++) {
                const char *what = code_map_forbids(code, regs.pc - !exact);
                int step;

                if (what)
                        return refuse(why, "in %s", what);
                if (is_signal_frame(code, regs.pc))
                        return refuse(why, "in a signal handler");
                step = unwind_step(code, s, exact, &regs);
                if (step == 0)
                        return 0;
                if (step < 0)
                        break;
                exact = false;
        }
        return scan_rest(code, s, regs.sp, why);
}

static int check_stack(const struct thread_ground *g, const struct remote_thread *t,
                       const struct unwind_regs *regs, char why[THREAD_REASON])
{
        _cleanup_free_ uint64_t *words = NULL;
        struct stack_words s = {.from = regs->sp & ~UINT64_C(7)};
        uint64_t top = 0;
        int r = find_stack(g, t, regs->sp, &top, why);

        if (r < 0)
                return r;
        words = malloc(top - s.from + 8);
        if (!words)
                return refuse(why, "%s", strerror(ENOMEM));
        s.words = words;
        s.n = remote_read_large(g->memory, s.from, words, (top - s.from) & ~UINT64_C(7)) / 8;
        return check_frames(g->code, &s, *regs, why);
}

/* --- one that runs
 * ---------------------------------------------------------------------------------------------- */

/* include/uapi/linux/rseq.h and ptrace.h, Linux 5.13; not in all C libraries. */
#define GET_RSEQ_CONFIGURATION 0x420f
#define RSEQ_CS_AT             8
struct rseq_configuration {
        uint64_t address;
        uint32_t size, signature, flags, padding;
};
struct rseq_section {
        uint32_t version, flags;
        uint64_t start, length, abort;
};

/* The kernel would not send it to the sequence's abort handler, as it does after a preemption: it looks at the new PC. */
static bool in_restartable_sequence(const struct thread_ground *g, pid_t tid, uint64_t pc)
{
        struct rseq_configuration c = {0};
        struct rseq_section section;
        uint64_t at;

        if (ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, tid, sizeof(c), &c) < 0 || !c.address)
                return false;
        if (remote_read(g->memory, c.address + RSEQ_CS_AT, &at, sizeof(at)) != sizeof(at) || at == 0)
                return false;
        return remote_read(g->memory, at, &section, sizeof(section)) != sizeof(section) ||
               pc - section.start < section.length;
}

static int check_running(const struct thread_ground *g, const struct remote_thread *t, uint64_t pc,
                         char why[THREAD_REASON])
{
        const struct code_module *module = code_map_module(g->code, pc);

        if (call_state_in_syscall(t->tid, &t->state))
                return refuse(why, "in a system call that has only begun");
        if (g->code->allocator_in_program)
                return refuse(why, "running, in a program that has its own allocator");
        if (!module)
                return refuse(why, "running code that no file has");
        if (module->kind != CODE_OTHER && !code_map_function(g->code, pc))
                return refuse(why, "running in %s", module->name);
        if (in_restartable_sequence(g, t->tid, pc))
                return refuse(why, "in a restartable sequence");
        return 0;
}

int thread_check(const struct thread_ground *ground, const struct remote_thread *t,
                 const struct thread_look *look, char why[THREAD_REASON])
{
        struct unwind_regs regs;

        call_state_position(&t->state, &regs);
        if (look->in_call) {
                /* On AArch64 the PC is back at the instruction already. */
                if (regs.sp != look->where.sp || look->where.pc - regs.pc > SYSCALL_BYTES)
                        return refuse(why, "it has just gone on");
        } else {
                int r = check_running(ground, t, regs.pc, why);

                if (r < 0)
                        return r;
        }
        return check_stack(ground, t, &regs, why);
}
