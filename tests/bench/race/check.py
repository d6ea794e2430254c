# SPDX-License-Identifier: MIT
"""Was a kill captured completely?  Asked of the bundle's bytes, never of swansong's own word.

Complete is: for each thread that the victim had, registers whose stack pointer leads to the marker which that thread put there (its
TID, this run's nonce, and its own address; tests/victims/hog.c), and a program counter inside an executable mapping; the maps, and a
status whose RSS is what the kernel says that it killed and what the limit allows; the kernel's line of this very kill; and no section
missing that the bundle ought to have.
"""

import collections
import json
import os
import re
import struct

MARKER = struct.Struct("<QIIQ")
MAGIC = 0x676f682d6b72616d

# Of NT_PRSTATUS: where pr_pid and pr_reg are, and which of the registers are PC and SP.
PRSTATUS = {62: (32, 112, 16, 19), 183: (32, 112, 32, 31)}    # EM_X86_64, EM_AARCH64
NT_PRSTATUS = 1
PT_LOAD, PT_NOTE = 1, 4

# RSS is counted in batches per CPU and thread, and what the kernel logs, too.
NEAR = 0.9
# An early dump is taken at a threshold of 90 %, a little before or after.
NEAR_EARLY = 0.8


class Core:
    """The threads' (PC, SP) by TID, and memory by address, of an ELF core."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = data = f.read()
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit ELF core")
        machine = struct.unpack_from("<H", data, 18)[0]
        phoff, phentsize, phnum = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        self.loads, self.threads = [], {}
        for i in range(phnum):
            kind, _, offset, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * phentsize)
            if kind == PT_LOAD and filesz:
                self.loads.append((vaddr, vaddr + filesz, offset))
            elif kind == PT_NOTE:
                self.read_notes(offset, offset + filesz, *PRSTATUS[machine])

    def read_notes(self, at, end, pid_at, reg_at, pc, sp):
        while at + 12 <= end:
            namesz, descsz, kind = struct.unpack_from("<III", self.data, at)
            desc = at + 12 + (namesz + 3 & ~3)
            if kind == NT_PRSTATUS:
                regs = desc + reg_at
                self.threads[struct.unpack_from("<I", self.data, desc + pid_at)[0]] = (
                    struct.unpack_from("<Q", self.data, regs + 8 * pc)[0],
                    struct.unpack_from("<Q", self.data, regs + 8 * sp)[0])
            at = desc + (descsz + 3 & ~3)

    def has_marker(self, sp, tid, nonce):
        head = MARKER.pack(MAGIC, nonce, tid, 0)[:16]
        for start, end, offset in self.loads:
            if start <= sp < end:
                at = self.data.find(head, offset + sp - start, offset + end - start)
                while at >= 0:
                    if self.data[at + 16:at + 24] == struct.pack("<Q", start + at - offset):
                        return True
                    at = self.data.find(head, at + 1, offset + end - start)
        return False


def executable_ranges(maps):
    ranges = []
    for line in maps.splitlines():
        addresses, perms = line.split(" ", 2)[:2]
        if "x" in perms:
            ranges.append(tuple(int(a, 16) for a in addresses.split("-")))
    return ranges


def read(bundle, path):
    with open(os.path.join(bundle, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def thread_shortfalls(bundle, pid, tids, nonce):
    code = executable_ranges(read(bundle, f"proc/{pid}/maps"))
    core = Core(os.path.join(bundle, "core"))
    without_registers = [t for t in tids if t not in core.threads]
    without_stack = [t for t in tids if t in core.threads and not core.has_marker(core.threads[t][1], t, nonce)]
    outside = [t for t in tids if t in core.threads and not any(a <= core.threads[t][0] < b for a, b in code)]
    if not code:
        yield "no mapping in maps"
    for what, missing in (("registers", without_registers), ("stack with its marker", without_stack), ("PC in code", outside)):
        if missing:
            yield f"{len(missing)} of {len(tids)} threads without {what}"


def memory_shortfalls(bundle, pid, kill, limit_kib, early):
    match = re.search(r"^VmRSS:\s*(\d+) kB", read(bundle, f"proc/{pid}/status"), re.M)
    if not match:
        yield "status has no RSS"
        return
    rss_kib = int(match[1])
    wanted = kill.rss_kib * (NEAR_EARLY if early else NEAR)
    if limit_kib:
        wanted = max(wanted, limit_kib * (NEAR_EARLY if early else NEAR))
    if rss_kib < wanted:
        yield f"RSS {rss_kib} KiB, the kernel killed it at {kill.rss_kib} KiB"


def shortfalls(bundle, kill, tids, nonce, limit_kib, guarantee):
    """What the bundle of this kill lacks, in words; nothing: it is complete.  `limit_kib` None: RSS says nothing about it."""
    with open(os.path.join(bundle, "manifest.json"), encoding="ascii") as f:
        manifest = json.load(f)
    trigger = manifest["trigger"]
    if trigger["guarantee"] != guarantee:
        yield f"guarantee {trigger['guarantee']}"
    try:
        yield from thread_shortfalls(bundle, kill.pid, tids, nonce)
        yield from memory_shortfalls(bundle, kill.pid, kill, limit_kib, guarantee == "early")
        if guarantee != "early" and f"Killed process {kill.pid} (" not in read(bundle, "kmsg"):
            yield "kmsg lacks the line of its kill"
    except (OSError, ValueError, IndexError, struct.error, KeyError) as e:
        yield f"unreadable: {e}"
    for section in manifest["sections"]:
        if section["status"] != "ok" and not section["optional"]:
            yield f"{section['path']}: {section['status']} ({section['reason']})"


# CLOCK_MONOTONIC, ns: the first thread was seen in its exit, all had been read; and how long the victim waited.
Times = collections.namedtuple("Times", "first_ns read_ns waited_ns", defaults=(None, None, None))


def times(bundle, pid):
    """As the manifest says."""
    with open(os.path.join(bundle, "manifest.json"), encoding="ascii") as f:
        manifest = json.load(f)
    if manifest.get("kill"):
        return Times(manifest["kill"]["first_stop_ns"], manifest["kill"]["threads_read_ns"], manifest["pause_ns"])
    # Registers and stacks come before every file.
    begins = [s["begin_ns"] for s in manifest["sections"] if s["path"].startswith(f"proc/{pid}/") and s["begin_ns"]]
    return Times(None, min(begins, default=None), manifest["pause_ns"])
