#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gdb-agreement - do swansong's stacks agree with gdb's, frame by frame?

    scripts/gdb-agreement.py [--build DIR] [--names] [--core] [-v] PID...
    scripts/gdb-agreement.py [--build DIR] [-v] --programs      start redis, PostgreSQL, nginx, ... and compare each

Dumps each process with swansong, then lets gdb unwind the same threads: live, so the process should be idle, or
with --core from the bundle's core, which is the same instant for both.  Exit status 1 when a frame disagrees.

A frame agrees when the PC and the function's name are the same.  What is made equal before the names are compared:
  - gdb shows the parameters of a C++ function that it has no debug information for: "f(int)" is "f", and
    "f<int>(int) [clone .cold]" is "f<int>";
  - a compiler's or linker's suffix goes: ".constprop.0", ".isra.0", ".part.0", ".cold", ".lto_priv.0", "@@GLIBC_2.34";
  - with --names (swansong dump --no-lines) no DWARF is read, so gdb's inlined frames are left out, and the name may also
    be the one that gdb's `info symbol`, which reads no DWARF either, gives the function; "by another name" counts
    these ("poll", where gdb's backtrace has "__GI___poll").
gdb's tail-call frames, which it infers from DW_TAG_call_site and which have no frame on the stack, are left out and
counted.  So is the frame with PC 0 that gdb shows beyond a root whose return address is 0 (Go).  `backtrace past-main`
is on.  A signal trampoline is "<signal handler called>" for both.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

GDB_SCRIPT = r"""
import gdb, json
KINDS = {gdb.INLINE_FRAME: "inline", gdb.TAILCALL_FRAME: "tail", gdb.SIGTRAMP_FRAME: "signal"}
def symbol(pc):
    said = gdb.execute(f"info symbol {pc}", to_string=True)
    return None if said.startswith("No symbol") else said.split(" in section ")[0].rsplit(" + ", 1)[0]
stacks = {}
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frames, frame, exact = [], gdb.newest_frame(), True
    while frame is not None and len(frames) < 1100:
        kind = KINDS.get(frame.type(), "normal")
        frames.append([frame.pc(), frame.name(), kind, symbol(frame.pc() - (not exact))])
        if kind not in ("inline", "tail"):
            exact = kind == "signal"
        try:
            frame = frame.older()
        except gdb.error:
            frame = None
    stacks[thread.ptid[1] or thread.ptid[0]] = frames
with open(OUT, "w") as f:
    json.dump(stacks, f)
"""

Frame = collections.namedtuple("Frame", "pc name kind symbol")


def gdb_stacks(pid, exe, core=None):
    with tempfile.TemporaryDirectory(prefix="gdb-agreement.") as d:
        script, out = os.path.join(d, "stacks.py"), os.path.join(d, "out.json")
        with open(script, "w", encoding="ascii") as f:
            f.write(f"OUT = {out!r}\n{GDB_SCRIPT}")
        argv = ["gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "set backtrace past-main on"]
        argv += [exe, core] if core else ["-p", str(pid)]
        done = subprocess.run(argv + ["-x", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if not os.path.exists(out):
            raise SystemExit(f"gdb said nothing about {pid}: {done.stderr[-500:]}")
        with open(out, encoding="ascii") as f:
            return {int(tid): [Frame(*x) for x in frames] for tid, frames in json.load(f).items()}


def swansong_stacks(build, pid, names, directory):
    argv = [os.path.join(build, "swansong"), "dump", "-p", str(pid), "-q", "--only", "stacks", "-o", directory]
    done = subprocess.run(argv + (["--no-lines"] if names else []), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("bundle: "):
        raise SystemExit(f"swansong could not dump {pid}: {done.stderr.strip()}")
    bundle = done.stdout.split("bundle: ", 1)[1].strip()
    with open(os.path.join(bundle, "report.json"), encoding="ascii") as f:
        return bundle, json.load(f)["threads"]


def without_parameters(name):
    """gdb's name of a C++ function without what stands behind the name: "a::b(int) const" is "a::b"."""
    if name.startswith("<") or "(" not in name:
        return name
    depth = 0
    for i, c in enumerate(name):
        if c in "<{":
            depth += 1
        elif c in ">}" and not name[:i].endswith(("operator", "operator-", "operator<", "operator>")):
            depth -= 1
        elif c == "(" and depth == 0 and i > 0:
            if name.startswith("(anonymous namespace)", i) or name[:i].endswith("operator"):
                continue
            name = name[:i]
            break
    return name


def without_return_type(name):
    """The demangler gives template functions their return type: "int f<int>" is "f<int>"."""
    depth = 0
    for i in range(len(name) - 1, -1, -1):
        c = name[i]
        if c in ">})":
            depth += 1
        elif c in "<{(":
            depth -= 1
        elif c == " " and depth == 0 and "operator" not in name[:i + 1]:
            return name[i + 1:]
    return name


SUFFIX = re.compile(r"(\.(constprop|isra|part|cold|lto_priv|localalias|llvm|abi0|abiinternal)(\.\d+)?)+$")


def normal(name):
    if name is None:
        return None
    if name.startswith("<signal"):
        return name
    name = re.sub(r" \[clone [^]]*\]", "", name)
    name = re.sub(r"(\w)@@?[\w.]+$", r"\1", name)
    if "::" in name or "(" in name or "<" in name:
        name = without_return_type(without_parameters(name))
    return SUFFIX.sub("", name)


class Count:
    def __init__(self):
        self.same = self.alias = self.different = self.tail = self.threads = self.moved = 0

    def line(self, what):
        total = self.same + self.alias + self.different
        percent = 100 * (self.same + self.alias) / total if total else 0
        return (f"{what}: {percent:.2f} % of {total} frames of {self.threads} threads agree"
                f" ({self.alias} by another name, {self.different} differ, {self.tail} tail calls of gdb's left out"
                f"{f', {self.moved} threads moved meanwhile' if self.moved else ''})")


def compare_frame(ours, theirs, names, count):
    """Does the frame agree?"""
    ours_name = normal(ours["function"])
    theirs_name = "<signal handler called>" if theirs.kind == "signal" else normal(theirs.name)
    if ours["pc"] == theirs.pc and ours_name == theirs_name:
        count.same += 1
    elif ours["pc"] == theirs.pc and names and ours_name == normal(theirs.symbol):
        count.alias += 1
    else:
        count.different += 1
        return False
    return True


def number(value):
    return int(value, 16) if isinstance(value, str) else value


def compare(threads, stacks, args, count):
    for thread in threads:
        ours = [dict(f, pc=number(f["pc"])) for f in thread["frames"]]
        theirs = stacks.get(thread["tid"])
        if theirs is None or (not args.core and ours and theirs and ours[0]["pc"] != theirs[0].pc):
            count.moved += 1
            continue
        count.threads += 1
        count.tail += sum(f.kind == "tail" for f in theirs)
        if theirs[-1].pc == 0:
            theirs.pop()
        theirs = [f for f in theirs if f.kind != "tail" and not (args.names and f.kind == "inline")]
        for i in range(max(len(ours), len(theirs))):
            a = ours[i] if i < len(ours) else None
            b = theirs[i] if i < len(theirs) else None
            ok = bool(a and b) and compare_frame(a, b, args.names, count)
            if not (a and b):
                count.different += 1
            if not ok or args.verbose:
                theirs_text = "".join(f" {x}" for x in (hex(b.pc), b.name, args.names and b.symbol, b.kind) if x) if b else " -"
                print(f"  {'  ' if ok else '!!'} {thread['tid']} #{i:<3} {a['pc'] if a else 0:#018x} {a['function'] if a else '-'}"
                      + ("" if ok else f"   gdb:{theirs_text}"))
            if not (a and b):
                print(f"     ... swansong has {len(ours)} frames, gdb {len(theirs)}: {thread['reason'] or ''}")
                break


def agreement(pid, what, args):
    count = Count()
    with tempfile.TemporaryDirectory(prefix="gdb-agreement.") as d:
        bundle, threads = swansong_stacks(args.build, pid, args.names, d)
        exe = f"/proc/{pid}/exe"
        stacks = gdb_stacks(pid, exe, os.path.join(bundle, "core") if args.core else None)
        compare(threads, stacks, args, count)
    print(count.line(what), flush=True)
    return count.different == 0 and count.same + count.alias > 0


def main():
    parser = argparse.ArgumentParser(description="Compare swansong's stacks with gdb's, frame by frame.")
    parser.add_argument("pid", nargs="*", type=int)
    parser.add_argument("--build", default="build")
    parser.add_argument("--names", action="store_true", help="function names only, without lines and inlined functions")
    parser.add_argument("--core", action="store_true", help="let gdb read the bundle's core: the same instant")
    parser.add_argument("--programs", action="store_true", help="start the usual programs and compare each, in both modes")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the frames that agree, too")
    args = parser.parse_args()
    ok = True
    for pid in args.pid:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
            ok &= agreement(pid, f"{f.read().strip()} ({pid})", args)
    if args.programs:
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
        from tests.system.programs import each_program
        # gdb cannot unwind code that has a frame pointer and nothing else; swansong can.
        for name, pid in each_program(args.build, without=["C, frame pointers and no CFI"]):
            for args.names in (False, True):
                ok &= agreement(pid, f"{name}, {'names' if args.names else 'lines and inlined functions'}", args)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
