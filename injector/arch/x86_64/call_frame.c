/* SPDX-License-Identifier: MIT */
/* call_frame, x86_64.  From high to low addresses, below the red zone:
 *
 *   arguments in memory     each aligned to 16
 *   result                  8 bytes
 *   extended registers      XSAVE's layout, aligned to 64 (XRSTOR), FP_XSTATE_MAGIC2 behind it
 *   ucontext                what rt_sigreturn() reads at the stack pointer
 *   restorer
 *   putter, popper          with the words that they take; only once it is known where errno is
 *   keeper                  where the function returns to, the words that it takes above it; the stack pointer at its entry
 *
 * Sources: arch/x86/kernel/signal_64.c (restore_sigcontext(), rt_sigreturn), arch/x86/kernel/fpu/signal.c
 * (check_xstate_in_sigframe(): a size larger than the thread's own makes it restore only the x87 and SSE registers).
 */
#include "injector/call/call_frame.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "base/cleanup.h"

#define RED_ZONE        128
#define STORE_WORDS_MAX 32

/* include/linux/errno.h */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

#define FLAG_TRAP      UINT64_C(0x100)
#define FLAG_DIRECTION UINT64_C(0x400)

/* asm/sigcontext.h, asm/ucontext.h: not to be included beside the C library's. */
#define UC_FP_XSTATE         1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4
#define FP_XSTATE_MAGIC1     0x46505853U
#define FP_XSTATE_MAGIC2     0x46505845U
#define XSAVE_SW_RESERVED    464 /* struct _fpx_sw_bytes within the legacy area */
#define XSAVE_HEADER         512 /* xstate_bv: which features have a state other than the initial one */
#define XSAVE_LEGACY_END     576
#define XFEATURES_AMX        (UINT64_C(3) << 17)

/* sigaltstack() knows no such flag: the kernel leaves the alternate stack alone (restore_altstack(), which ignores EINVAL).
 * ptrace cannot tell what it is. */
#define NO_ALTSTACK_FLAGS 0x7fffffff

_Static_assert(offsetof(ucontext_t, uc_mcontext) == 40 && offsetof(ucontext_t, uc_sigmask) == 296,
               "the kernel's struct ucontext");

struct fpx_sw_bytes {
        uint32_t magic1, extended_size;
        uint64_t xfeatures;
        uint32_t xstate_size, padding[7];
};
_Static_assert(sizeof(struct fpx_sw_bytes) == 48, "struct _fpx_sw_bytes");

/* --- code to return through
 * ------------------------------------------------------------------------------------- */

/* __restore_rt: mov $15,%rax; syscall */
static const uint8_t restorer_code[] = {0x48, 0xc7, 0xc0, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05};

/* All registers that functions preserve, in the order in which their ends pop them. */
static const uint8_t popper_code[] = {0x5b, 0x5d, 0x41, 0x5c, 0x41, 0x5d, 0x41, 0x5e, 0x41, 0x5f, 0xc3};
enum { POPPED_RBX, POPPED_RBP, POPPED_R12, POPPED_R13, POPPED_R14, POPPED_R15, POPPED };

/* Where the popper takes a register from; -1: functions do not preserve it. */
static int popped_place(uint8_t number)
{
        switch (number) {
        case 3:
                return POPPED_RBX;
        case 5:
                return POPPED_RBP;
        case 12 ... 15:
                return POPPED_R12 + number - 12;
        default:
                return -1;
        }
}

#define REX_W 8
#define REX_R 4
#define REX_B 1

/* mov %VALUE,OFFSET(%BASE) of 64 or 32 bits, without an offset or with one of 8 bits.  Its length, 0: it is something else. */
static size_t store_parse(const uint8_t *p, const uint8_t *end, struct call_store *ret)
{
        const uint8_t *at = p;
        uint8_t rex = 0, mod, rm;

        if (end - p < 5)
                return 0;
        if ((*at & 0xf0) == 0x40)
                rex = *at++ & 0xf;
        if (*at++ != 0x89)
                return 0;
        mod = *at >> 6;
        rm = *at & 7;
        ret->value = (uint8_t)((*at++ >> 3 & 7) | (rex & REX_R) << 1);
        ret->base = (uint8_t)(rm | (rex & REX_B) << 3);
        if (mod > 1 || (mod == 0 && rm == 5)) /* relative to rip */
                return 0;
        if (rm == 4 && *at++ != 0x24) /* with an index register */
                return 0;
        ret->offset = mod == 1 ? (int8_t)*at++ : 0;
        return popped_place(ret->base) < 0 ? 0 : (size_t)(at - p);
}

/* Only pops, additions to rsp and xor %eax,%eax, then ret: words taken from the stack, or -1. */
static int epilogue_words(const uint8_t *p, const uint8_t *end)
{
        int words = 0;

        while (p < end) {
                if (*p == 0xc3)
                        return words;
                if (*p >= 0x58 && *p <= 0x5f && *p != 0x5c) {
                        words++;
                        p++;
                } else if (end - p > 2 && *p == 0x41 && p[1] >= 0x58 && p[1] <= 0x5f) {
                        words++;
                        p += 2;
                } else if (end - p > 4 && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xc4 && p[3] < 0x80 &&
                           p[3] % 8 == 0) {
                        words += p[3] / 8;
                        p += 4;
                } else if (end - p > 2 && *p == 0x31 && p[1] == 0xc0) {
                        p += 2;
                } else {
                        return -1;
                }
        }
        return -1;
}

/* A store at this very place that is followed by the end of a function. */
static bool store_find(const uint8_t *at, const uint8_t *end, struct call_store *ret)
{
        size_t length = store_parse(at, end, ret);
        int words = length ? epilogue_words(at + length, end) : -1;

        if (words < 0 || words > STORE_WORDS_MAX)
                return false;
        ret->words = (uint8_t)words;
        return true;
}

static uint64_t code_find(const uint8_t *code, size_t n, uint64_t address, const uint8_t *wanted, size_t size)
{
        const uint8_t *at = memmem(code, n, wanted, size);

        return at ? address + (uint64_t)(at - code) : 0;
}

static bool is_wide(uint8_t first)
{
        return (first & 0xf8) == (0x40 | REX_W);
}

bool call_way_find(const uint8_t *code, size_t n, uint64_t address, struct call_way *way)
{
        const uint8_t *end = code + n;

        if (!way->restorer)
                way->restorer = code_find(code, n, address, restorer_code, sizeof(restorer_code));
        if (!way->popper)
                way->popper = code_find(code, n, address, popper_code, sizeof(popper_code));
        for (const uint8_t *at = code; at < end && (!way->keeper.address || !way->putter.address); at++) {
                struct call_store s = {.address = address + (uint64_t)(at - code)};

                if (!store_find(at, end, &s))
                        continue;
                if (is_wide(*at) && s.value == 0 && !way->keeper.address)
                        way->keeper = s;
                else if (!is_wide(*at) && popped_place(s.value) >= 0 && s.value != s.base &&
                         !way->putter.address)
                        way->putter = s;
        }
        return way->restorer && way->keeper.address && way->putter.address && way->popper;
}

/* --- what the thread has now
 * ------------------------------------------------------------------------------------ */

/* The size that an XSAVE area of these features has in the kernel's (standard) layout: CPUID leaf 0xD. */
static uint32_t xsave_size(uint64_t features)
{
        uint32_t size = XSAVE_LEGACY_END, eax, ebx, ecx, edx;

        for (unsigned i = 2; i < 63; i++)
                if (features >> i & 1 && __get_cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx) && eax > 0 &&
                    ebx + eax > size)
                        size = ebx + eax;
        return size;
}

int call_state_read(pid_t tid, struct call_state *ret)
{
        struct iovec gregs = {ret->gregs, sizeof(struct user_regs_struct)},
                     extended = {ret->extended, sizeof(ret->extended)};
        struct fpx_sw_bytes sw = {.magic1 = FP_XSTATE_MAGIC1};
        uint64_t present;
        uint32_t size;

        if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &gregs) < 0)
                return -errno;
        if (gregs.iov_len != sizeof(struct user_regs_struct))
                return -ENOTSUP;
        if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &extended) < 0)
                return errno == ESRCH ? -ESRCH : -ENOTSUP;
        if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(ret->signal_mask), &ret->signal_mask) < 0)
                return -errno;
        /* There the regset has the features that the kernel uses (struct xstate_fx_sw_bytes). */
        memcpy(&sw.xfeatures, ret->extended + XSAVE_SW_RESERVED, sizeof(sw.xfeatures));
        memcpy(&present, ret->extended + XSAVE_HEADER, sizeof(present));
        if (present & XFEATURES_AMX)
                return -ENOTSUP;
        sw.xfeatures &= ~XFEATURES_AMX;
        size = xsave_size(sw.xfeatures);
        if (size > extended.iov_len || size + sizeof(uint32_t) > sizeof(ret->extended))
                return -ENOTSUP;
        sw.xstate_size = size;
        sw.extended_size = size + (uint32_t)sizeof(uint32_t);
        memcpy(ret->extended + XSAVE_SW_RESERVED, &sw, sizeof(sw));
        memcpy(ret->extended + size, &(uint32_t){FP_XSTATE_MAGIC2}, sizeof(uint32_t));
        ret->extended_size = size + sizeof(uint32_t);
        return 0;
}

void call_state_position(const struct call_state *s, struct unwind_regs *ret)
{
        const struct user_regs_struct *r = (const void *)s->gregs;

        *ret = (struct unwind_regs){.pc = r->rip, .sp = r->rsp, .fp = r->rbp, .extra = r->rbx};
}

bool call_state_in_syscall(pid_t tid, const struct call_state *s)
{
        (void)tid;
        return (int64_t)((const struct user_regs_struct *)(const void *)s->gregs)->orig_rax >= 0;
}

void call_state_restart(pid_t tid, struct call_state *s)
{
        struct user_regs_struct *r = (void *)s->gregs;

        if (!call_state_in_syscall(tid, s))
                return;
        switch (-(int64_t)r->rax) {
        case ERESTARTSYS:
        case ERESTARTNOINTR:
        case ERESTARTNOHAND:
        case ERESTART_RESTARTBLOCK: /* rt_sigreturn() forgets what was left of the time: it starts from its full length */
        case EINTR:
                r->rax = r->orig_rax;
                r->rip -= 2;
                break;
        default: /* it has returned already */
                break;
        }
        r->orig_rax = (uint64_t)-1;
}

/* --- the frame
 * -------------------------------------------------------------------------------------------------- */

static unsigned long long *preserved_register(struct user_regs_struct *r, uint8_t number)
{
        switch (popped_place(number)) {
        case POPPED_RBX:
                return &r->rbx;
        case POPPED_RBP:
                return &r->rbp;
        case POPPED_R12:
                return &r->r12;
        case POPPED_R13:
                return &r->r13;
        case POPPED_R14:
                return &r->r14;
        default:
                return &r->r15;
        }
}

#define RETURNS_MAX (2 * (STORE_WORDS_MAX + 1) + POPPED + 2)

/* The words from the function's return address to the ucontext.  Their number. */
static size_t returns_fill(const struct call_state *s, const struct call_way *way,
                           uint64_t words[RETURNS_MAX])
{
        size_t n = 0;

        words[n++] = way->keeper.address;
        for (unsigned i = 0; i < way->keeper.words; i++)
                words[n++] = 0;
        if (s->errno_at) {
                uint64_t popped[POPPED] = {0};

                popped[popped_place(way->putter.base)] = s->errno_at - (uint64_t)(int64_t)way->putter.offset;
                popped[popped_place(way->putter.value)] = (uint32_t)s->errno_was;
                words[n++] = way->popper;
                for (unsigned i = 0; i < POPPED; i++)
                        words[n++] = popped[i];
                words[n++] = way->putter.address;
                for (unsigned i = 0; i < way->putter.words; i++)
                        words[n++] = 0;
        }
        words[n++] = way->restorer;
        return n;
}

static void ucontext_fill(ucontext_t *u, const struct call_state *s, uint64_t extended_at)
{
        const struct user_regs_struct *r = (const void *)s->gregs;
        greg_t *g = u->uc_mcontext.gregs;

        u->uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
        u->uc_stack.ss_flags = NO_ALTSTACK_FLAGS;
        memcpy(&u->uc_sigmask, &s->signal_mask, sizeof(s->signal_mask));
        g[REG_R8] = (greg_t)r->r8;
        g[REG_R9] = (greg_t)r->r9;
        g[REG_R10] = (greg_t)r->r10;
        g[REG_R11] = (greg_t)r->r11;
        g[REG_R12] = (greg_t)r->r12;
        g[REG_R13] = (greg_t)r->r13;
        g[REG_R14] = (greg_t)r->r14;
        g[REG_R15] = (greg_t)r->r15;
        g[REG_RDI] = (greg_t)r->rdi;
        g[REG_RSI] = (greg_t)r->rsi;
        g[REG_RBP] = (greg_t)r->rbp;
        g[REG_RBX] = (greg_t)r->rbx;
        g[REG_RDX] = (greg_t)r->rdx;
        g[REG_RAX] = (greg_t)r->rax;
        g[REG_RCX] = (greg_t)r->rcx;
        g[REG_RSP] = (greg_t)r->rsp;
        g[REG_RIP] = (greg_t)r->rip;
        g[REG_EFL] = (greg_t)r->eflags;
        /* 16 bits each: cs, gs, fs, ss */
        g[REG_CSGSFS] = (greg_t)((r->cs & 0xffff) | (r->gs & 0xffff) << 16 | (r->fs & 0xffff) << 32 |
                                 (r->ss & 0xffff) << 48);
        u->uc_mcontext.fpregs = (fpregset_t)extended_at;
}

int call_frame_build(const struct call_state *s, const struct call_way *way, uint64_t function,
                     const struct call_argument *arguments, size_t n, struct call_frame *ret)
{
        struct user_regs_struct r;
        uint64_t top, at, extended_at, context_at, entry, returns[RETURNS_MAX];
        size_t total = 0, n_returns = returns_fill(s, way, returns);
        ucontext_t u;

        memcpy(&r, s->gregs, sizeof(r));
        top = at = (r.rsp - RED_ZONE) & ~UINT64_C(63);
        for (size_t i = 0; i < n; i++) {
                ret->argument[i] = arguments[i].number;
                if (!arguments[i].memory)
                        continue;
                total += (arguments[i].bytes + 15) & ~(size_t)15;
                if (arguments[i].bytes > CALL_MEMORY_MAX || total > CALL_MEMORY_MAX)
                        return -E2BIG;
                ret->argument[i] = at = (at - arguments[i].bytes) & ~UINT64_C(15);
        }
        ret->result_at = at -= 8;
        extended_at = at = (at - s->extended_size) & ~UINT64_C(63);
        /* At a function's entry the stack pointer is 8 above a multiple of 16. */
        context_at = ((at - sizeof(u)) & ~UINT64_C(15)) - (n_returns % 2 ? 0 : 8);
        entry = context_at - 8 * (uint64_t)n_returns;
        ret->address = entry;
        ret->size = (size_t)(top - entry);
        ret->way_back_sp = context_at;

        memset(ret->image, 0, ret->size);
        memset(&u, 0, sizeof(u));
        ucontext_fill(&u, s, extended_at);
        memcpy(ret->image, returns, 8 * n_returns);
        memcpy(ret->image + (context_at - entry), &u, sizeof(u));
        memcpy(ret->image + (extended_at - entry), s->extended, s->extended_size);
        for (size_t i = 0; i < n; i++)
                if (arguments[i].memory)
                        memcpy(ret->image + (ret->argument[i] - entry), arguments[i].memory,
                               arguments[i].bytes);

        *preserved_register(&r, way->keeper.base) = ret->result_at - (uint64_t)(int64_t)way->keeper.offset;
        r.rdi = n > 0 ? ret->argument[0] : 0;
        r.rsi = n > 1 ? ret->argument[1] : 0;
        r.rdx = n > 2 ? ret->argument[2] : 0;
        r.rcx = n > 3 ? ret->argument[3] : 0;
        r.r8 = n > 4 ? ret->argument[4] : 0;
        r.r9 = n > 5 ? ret->argument[5] : 0;
        r.rax = 0; /* of a function with variable arguments: no vector registers */
        r.rip = function;
        r.rsp = entry;
        r.eflags &= ~(FLAG_DIRECTION | FLAG_TRAP);
        r.orig_rax = (uint64_t)-1; /* no system call to begin again */
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

        (void)ret_result;
        return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) == 0 && r.orig_rax == SYS_rt_sigreturn &&
               r.rsp == f->way_back_sp;
}
