/* SPDX-License-Identifier: MIT */
/* call_frame, aarch64.  From high to low addresses:
 *
 *   arguments in memory   each aligned to 16
 *   siginfo, ucontext     struct rt_sigframe of arch/arm64/kernel/signal.c, at the stack pointer, aligned to 16
 *
 * A function returns by x30, which holds the vdso's __kernel_rt_sigreturn; the result is still in x0 when that makes its
 * system call, so no keeper is needed.  The way back brings the general and the vector registers; of SVE only what a system
 * call leaves: a thread that has SVE or SME state outside of one is refused, and so is one with a guarded control stack.
 */
#include "injector/call/call_frame.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "injector/resume.h"

#define RED_ZONE 128 /* no such thing on this machine; as far away as elsewhere */

#define MOV_X8_RT_SIGRETURN 0xd2801168u
#define SVC_0               0xd4000001u
#define NO_SYSCALL          (-1)
#define PSTATE_BTYPE        (UINT64_C(3) << 10)

/* asm/sigcontext.h and linux/elf.h, newer ones than may be here. */
#define FPSIMD_MAGIC_ 0x46508001u
#define REGSET_SVE    0x405
#define REGSET_SSVE   0x40b
#define REGSET_GCS    0x410
#define SVE_REGS_SVE  1 /* struct user_sve_header's flags: more than the vector registers is live */

struct context_head {
        uint32_t magic, size;
};
struct context_fpsimd {
        struct context_head head;
        uint32_t fpsr, fpcr;
        __uint128_t vregs[32];
};
_Static_assert(sizeof(struct context_fpsimd) == 528, "struct fpsimd_context");

struct rt_sigframe {
        siginfo_t info;
        ucontext_t context;
};
_Static_assert(sizeof(siginfo_t) == 128 && offsetof(ucontext_t, uc_mcontext) == 176,
               "the kernel's struct ucontext");

bool call_way_find(const uint8_t *code, size_t n, uint64_t address, struct call_way *way)
{
        static const uint32_t wanted[] = {MOV_X8_RT_SIGRETURN, SVC_0};

        for (size_t at = 0; !way->restorer && at + sizeof(wanted) <= n; at += 4)
                if (memcmp(code + at, wanted, sizeof(wanted)) == 0)
                        way->restorer = address + at;
        return way->restorer != 0;
}

/* Does the regset's header say that there is live state?  A kernel without it has none. */
static bool has_state(pid_t tid, int regset)
{
        struct {
                uint32_t size, max_size;
                uint16_t vl, max_vl, flags, reserved;
        } header = {0};
        struct iovec io = {&header, sizeof(header)};

        return ptrace(PTRACE_GETREGSET, tid, regset, &io) == 0 && io.iov_len == sizeof(header) &&
               (header.flags & SVE_REGS_SVE);
}

static bool has_control_stack(pid_t tid)
{
        uint64_t gcs[3] = {0};
        struct iovec io = {gcs, sizeof(gcs)};

        return ptrace(PTRACE_GETREGSET, tid, REGSET_GCS, &io) == 0 && (gcs[0] & 1);
}

int call_state_read(pid_t tid, struct call_state *ret)
{
        struct iovec gregs = {ret->gregs, sizeof(struct user_regs_struct)};
        struct iovec vectors = {ret->extended, sizeof(struct user_fpsimd_struct)};

        if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &gregs) < 0)
                return -errno;
        if (gregs.iov_len != sizeof(struct user_regs_struct))
                return -ENOTSUP;
        if (ptrace(PTRACE_GETREGSET, tid, NT_FPREGSET, &vectors) < 0 ||
            ptrace(PTRACE_GETSIGMASK, tid, sizeof(ret->signal_mask), &ret->signal_mask) < 0)
                return -errno;
        if (has_state(tid, REGSET_SVE) || has_state(tid, REGSET_SSVE) || has_control_stack(tid))
                return -ENOTSUP;
        ret->extended_size = vectors.iov_len;
        return 0;
}

void call_state_position(const struct call_state *s, struct unwind_regs *ret)
{
        const struct user_regs_struct *r = (const void *)s->gregs;

        *ret = (struct unwind_regs){.pc = r->pc, .sp = r->sp, .fp = r->regs[29], .extra = r->regs[30]};
}

bool call_state_in_syscall(pid_t tid, const struct call_state *s)
{
        int number = NO_SYSCALL;
        struct iovec io = {&number, sizeof(number)};

        (void)s;
        return ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &io) == 0 && number != NO_SYSCALL;
}

void call_state_restart(pid_t tid, struct call_state *s)
{
        struct iovec io = {s->gregs, sizeof(struct user_regs_struct)};

        /* What the kernel begins again is back at its instruction already; the rest is done there. */
        resume_unnoticed(tid, s->gregs);
        ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io);
}

static void context_fill(ucontext_t *u, const struct call_state *s)
{
        const struct user_regs_struct *r = (const void *)s->gregs;
        struct user_fpsimd_struct vectors;
        struct context_fpsimd record = {.head = {FPSIMD_MAGIC_, sizeof(record)}};

        memcpy(&vectors, s->extended, sizeof(vectors));
        record.fpsr = vectors.fpsr;
        record.fpcr = vectors.fpcr;
        memcpy(record.vregs, vectors.vregs, sizeof(record.vregs));
        u->uc_stack.ss_flags =
                0x7fffffff; /* EINVAL: the alternate stack stays as it is (restore_altstack()) */
        memcpy(&u->uc_sigmask, &s->signal_mask, sizeof(s->signal_mask));
        memcpy(u->uc_mcontext.regs, r->regs, sizeof(r->regs));
        u->uc_mcontext.sp = r->sp;
        u->uc_mcontext.pc = r->pc;
        u->uc_mcontext.pstate = r->pstate;
        memcpy(u->uc_mcontext.__reserved, &record, sizeof(record)); /* the end's head is zeroes */
}

int call_frame_build(const struct call_state *s, const struct call_way *way, uint64_t function,
                     const struct call_argument *arguments, size_t n, struct call_frame *ret)
{
        struct user_regs_struct r;
        struct rt_sigframe frame;
        uint64_t top, at, frame_at;
        size_t total = 0;

        memcpy(&r, s->gregs, sizeof(r));
        top = at = (r.sp - RED_ZONE) & ~UINT64_C(15);
        for (size_t i = 0; i < n; i++) {
                ret->argument[i] = arguments[i].number;
                if (!arguments[i].memory)
                        continue;
                total += (arguments[i].bytes + 15) & ~(size_t)15;
                if (arguments[i].bytes > CALL_MEMORY_MAX || total > CALL_MEMORY_MAX)
                        return -E2BIG;
                ret->argument[i] = at = (at - arguments[i].bytes) & ~UINT64_C(15);
        }
        frame_at = (at - sizeof(frame)) & ~UINT64_C(15);
        ret->address = frame_at;
        ret->size = (size_t)(top - frame_at);
        ret->result_at = 0;
        ret->way_back_sp = frame_at;

        memset(&frame, 0, sizeof(frame));
        context_fill(&frame.context, s);
        memset(ret->image, 0, ret->size);
        memcpy(ret->image, &frame, sizeof(frame));
        for (size_t i = 0; i < n; i++)
                if (arguments[i].memory)
                        memcpy(ret->image + (ret->argument[i] - frame_at), arguments[i].memory,
                               arguments[i].bytes);

        for (size_t i = 0; i < CALL_ARGUMENTS; i++)
                r.regs[i] = i < n ? ret->argument[i] : 0;
        r.regs[8] = r.regs[0]; /* where a structure is returned to, if it is one */
        r.regs[30] = way->restorer;
        r.sp = frame_at;
        r.pc = function;
        r.pstate &= ~PSTATE_BTYPE;
        memcpy(ret->gregs, &r, sizeof(r));
        return 0;
}

int call_frame_commit(pid_t tid, const struct call_frame *f)
{
        struct iovec io = {(void *)f->gregs, sizeof(struct user_regs_struct)};

        return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io) < 0 ? -errno : 0;
}

bool call_frame_returns(pid_t tid, const struct call_frame *f, uint64_t *ret_result)
{
        struct user_regs_struct r;
        struct iovec io = {&r, sizeof(r)};

        if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) < 0 || r.regs[8] != SYS_rt_sigreturn ||
            r.sp != f->way_back_sp)
                return false;
        *ret_result = r.regs[0];
        return true;
}
