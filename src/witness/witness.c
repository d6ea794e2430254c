/* SPDX-License-Identifier: MIT */
#include "witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "witness/btf.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define BTF_MAX  ((size_t)64 << 20)

/* 31 kills that nobody has read. */
#define RING_BYTES ((size_t)512 << 10)

/* bpf_probe_read_kernel(), bpf_probe_read_user() and bpf_get_current_task_btf() are for programs under the GPL; this one is under either. */
#define LICENSE "Dual MIT/GPL"

struct kernel_facts {
        struct program_facts program;
        uint32_t tracepoint;
};

static int learn(const struct btf *b, struct kernel_facts *ret, struct diag *d)
{
        const struct arch *arch = arch_host();
        uint32_t task = btf_find(b, BTF_KIND_STRUCT, "task_struct");
        int pid = btf_field(b, task, "pid"), tgid = btf_field(b, task, "tgid");

        ret->tracepoint = btf_tracepoint(b, "mark_victim", "task_struct");
        if (pid < 0 || tgid < 0)
                return diag_set(d, -ENOTSUP, BTF_FILE ": no PID in task_struct");
        if (ret->tracepoint == 0)
                return diag_set(d, -ENOTSUP,
                                "this kernel's tracepoint oom:mark_victim does not hand over the task (Linux "
                                "6.8 does)");
        ret->program.task_pid = (int16_t)pid;
        ret->program.task_tgid = (int16_t)tgid;
        ret->program.sp = arch->sp;
        ret->program.registers_size = arch->pt_regs_size;
        return 0;
}

static int read_kernel(struct kernel_facts *ret, struct diag *d)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(BTF_MAX);
        _cleanup_(btf_done) struct btf b = {0};
        int r = file_read_at(AT_FDCWD, BTF_FILE, &text);

        if (r < 0)
                return diag_set(d, r, BTF_FILE ": %s", strerror(-r));
        r = btf_parse(text.data, text.len, &b);
        if (r < 0)
                return diag_set(d, r, BTF_FILE ": cannot be understood: %s", strerror(-r));
        return learn(&b, ret, d);
}

static int load(struct witness *w, struct kernel_facts *facts, struct diag *d)
{
        struct bpf_insn code[PROGRAM_MAX];
        union bpf_attr a = {.prog_type = BPF_PROG_TYPE_TRACING,
                            .expected_attach_type = BPF_TRACE_RAW_TP,
                            .attach_btf_id = facts->tracepoint,
                            .insns = (uintptr_t)code,
                            .license = (uintptr_t)LICENSE,
                            .prog_name = "swansong_kill"},
                       open = {.raw_tracepoint = {.name = 0}};

        facts->program.ring_fd = w->ring.fd;
        a.insn_cnt = (uint32_t)program_make(&facts->program, code);
        w->program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
        if (w->program < 0)
                return diag_set(d, -errno, "the kernel does not take the BPF program: %s", strerror(errno));
        open.raw_tracepoint.prog_fd = (uint32_t)w->program;
        w->link = (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &open, sizeof(open));
        if (w->link < 0)
                return diag_set(d, -errno, "oom:mark_victim: %s", strerror(errno));
        return 0;
}

int witness_open(struct witness *ret, struct diag *d)
{
        struct witness w = WITNESS_NONE;
        struct kernel_facts facts;
        int r = ring_open(RING_BYTES, &w.ring);

        if (r < 0)
                return diag_set(d, r, "BPF: %s%s", strerror(-r),
                                r == -EPERM ? " (it takes CAP_BPF and CAP_PERFMON)" : "");
        r = read_kernel(&facts, d);
        if (r == 0)
                r = load(&w, &facts, d);
        if (r < 0) {
                witness_close(&w);
                return r;
        }
        *ret = w;
        return 0;
}

void witness_close(struct witness *w)
{
        fd_closep(&w->link);
        fd_closep(&w->program);
        ring_close(&w->ring);
}

bool witness_read(struct witness *w, struct witness_record *ret)
{
        return w->ring.fd >= 0 && ring_read(&w->ring, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}
