# SPDX-License-Identifier: MIT
"""What the benchmarks share: victims, interleaved rounds, and a table of ratios with the goals beside them."""

import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from statistics import median

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SWANSONG = os.path.join(BUILD, "swansong")
ROUNDS = int(os.environ.get("ROUNDS", "5"))


class Skip(Exception):
    """This peer or victim is not on the machine."""


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


class Victim:
    """A process that is ended with the `with` block; `pid` is ready to be looked at."""

    def __init__(self, argv, wait_line=True, **kwargs):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        **kwargs)
        self.pid = self.process.pid
        self.line = self.process.stdout.readline().decode(errors="replace") if wait_line else ""
        if wait_line and not self.line:
            raise RuntimeError(f"{argv[0]} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Gap:
    """The longest time that a real-time thread of the victim did not run: what a pause is to the program itself."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="swansong-gap.")
        self.file.truncate(4096)
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def reset(self):
        self.map[0:8] = bytes(8)

    def ms(self):
        time.sleep(0.02)    # the thread must have run again
        return struct.unpack("Q", self.map[0:8])[0] / 1e6


def threads_victim(n, mode="park", rss_mib=0, gap=None):
    argv = [os.path.join(BUILD, "victims", "threads"), str(n), mode, "24", str(rss_mib)]
    return Victim(argv + ([gap.file.name] if gap else []))


def run_ms(argv, **kwargs):
    """Wall time of a command whose output goes nowhere, in ms; its exit status must be 0."""
    begin = time.monotonic()
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, **kwargs)
    return (time.monotonic() - begin) * 1e3


def cpu_ms(argv, env=None):
    """CPU time, user and system, of a command and the children that it waits for, in ms: what others on the machine do counts for little."""
    pid = os.posix_spawnp(argv[0], argv, dict(env if env is not None else os.environ),
                          file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)])
    _pid, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise RuntimeError(f"{argv[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return (usage.ru_utime + usage.ru_stime) * 1e3


class Dumps:
    """Runs `swansong dump` into a directory of its own; the last bundle is at hand.

    In memory where there is a tmpfs: how long ext4 takes for a new file (50 us to 1 ms, more after many were deleted) is
    not what is measured.  The peers get the same directory for what they write.
    """

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="swansong-bench.", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.bundle = None
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run_ms(self, pid, *options):
        if self.bundle:
            shutil.rmtree(self.bundle, ignore_errors=True)
        ms_taken = run_ms([SWANSONG, "dump", "-p", str(pid), "-o", self.dir, *options])
        self.bundle = next(os.path.join(self.dir, n) for n in os.listdir(self.dir) if n.endswith(".swansong"))
        return ms_taken

    def pause_ms(self):
        with open(os.path.join(self.bundle, "manifest.json"), encoding="ascii") as f:
            return int(re.search(r'"pause_ns": ?(\d+)', f.read()).group(1)) / 1e6


def interleaved(**measures):
    """Call each measure in turn, ROUNDS times after one round that does not count; {name: median}."""
    values = {name: [] for name in measures}
    for i in range(ROUNDS + 1):
        for name, measure in measures.items():
            value = measure()
            if i > 0:
                values[name].append(value)
    return {name: median(v) for name, v in values.items()}


# In a small process of its own: execve() counts the memory of the one that it was forked from as the new program's peak
# (exec_mmap, fs/exec.c), and ours is large by now.
PEAK = """import os, sys
pid = os.fork()
if pid == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_rss_mib(argv):
    """Peak RSS of a command and its waited-for children, in MiB, the largest single process."""
    done = subprocess.run([sys.executable, "-S", "-c", PEAK, *argv], stdout=subprocess.PIPE, check=True, text=True)
    return int(done.stdout) / 1024


class Table:
    """Prints a row as soon as it is measured."""

    def __init__(self):
        self.missed = 0
        self.failed = 0
        print(f"{'what':<44} {'swansong':>12} {'peer':>22} {'ratio':>9}  {'goal':<16} {'':<6}", flush=True)

    def row(self, what, ours, peer, ratio, goal="", met=None):
        verdict = "" if met is None else "met" if met else "MISSED"
        self.missed += met is False
        print(f"{what:<44} {ours:>12} {peer:>22} {ratio:>9}  {goal:<16} {verdict}", flush=True)

    def skip(self, what, reason):
        print(f"{what:<44} skipped: {reason}", flush=True)

    def part(self, what, measure, *args):
        """Measure one part; when a program of it fails, the others are measured all the same."""
        try:
            measure(self, *args)
        except Skip as reason:
            self.skip(what, reason)
        except (subprocess.SubprocessError, OSError, RuntimeError) as error:
            self.failed += 1
            print(f"{what:<44} FAILED: {error}", flush=True)


def ms(value):
    return f"{value:.3g} ms" if value < 1000 else f"{value:.0f} ms"


def times(value):
    return f"{value:.3g}x" if value < 1000 else f"{value:.0f}x"
