# SPDX-License-Identifier: MIT
"""Getting into a running process: how long is it held up for that, and how long does it take?

The victim is a process whose real-time thread notes the longest time in which it did not run (tests/victims/threads.c), with as many
threads as a small server.  swansong holds up one other thread, and says for how long; gdb, and heaptrack --pid, which uses it for the same,
stops them all, the real-time thread too.  A new victim for each injection: a library is loaded once.
"""

import os
import re
import subprocess

from .common import BUILD, SWANSONG, Gap, interleaved, ms, need, run_ms, threads_victim, times

THREADS = 32


class Injection:
    """Measures of one way in: what the program saw, and what the way itself says, ms."""

    def __init__(self, argv):
        self.argv = argv
        self.gap = Gap()
        self.own = []

    def measure(self):
        with threads_victim(THREADS, gap=self.gap) as victim:
            self.gap.reset()
            argv = [word.replace("PID", str(victim.pid)) for word in self.argv]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
                                  start_new_session=True)
            with open(f"/proc/{victim.pid}/maps", encoding="utf-8", errors="replace") as f:
                if "libswansong" not in f.read():
                    raise RuntimeError(f"{argv[0]}: the library is not there: {done.stderr[-200:]}")
            away = re.search(r"for ([0-9.]+) ms", done.stdout)
            if away:
                self.own.append(float(away.group(1)))
            return self.gap.ms()


def gdb_injection():
    library = os.path.join(BUILD, "libswansong.so")
    return [need("gdb"), "-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", "PID", "-ex",
            f'call (void *)dlopen("{library}", 2)', "-ex", "detach"]


def wall_ms(argv):
    with threads_victim(THREADS) as victim:
        return run_ms([word.replace("PID", str(victim.pid)) for word in argv])


def run(table):
    ours, gdb = Injection([SWANSONG, "inject", "-p", "PID"]), Injection(gdb_injection())
    found = interleaved(swansong=ours.measure, gdb=gdb.measure)
    away = sorted(ours.own)[len(ours.own) // 2]
    table.row(f"inject: one thread away, of {THREADS}", ms(away), f"gdb {ms(found['gdb'])}", times(found["gdb"] / away), "under 2 ms", away < 2)
    table.row("inject: the program's other threads", ms(found["swansong"]), f"gdb {ms(found['gdb'])}",
              times(found["gdb"] / max(found["swansong"], 0.001)))
    wall = interleaved(swansong=lambda: wall_ms(ours.argv), gdb=lambda: wall_ms(gdb.argv))
    table.row("inject: from start to end", ms(wall["swansong"]), f"gdb {ms(wall['gdb'])}", times(wall["gdb"] / wall["swansong"]))
