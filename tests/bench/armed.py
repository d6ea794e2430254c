# SPDX-License-Identifier: MIT
"""What it costs a process to be attended: the same victim, armed and unarmed in turn."""

import os
import re
import subprocess
import tempfile
import time
from statistics import median

from .common import BUILD, ROUNDS, SWANSONG, Victim

# victims/toll's figures, in its order: name, and the goal: a ratio, or ns on top, or none.
MEASURES = (("page fault", 1.01, None), ("system call", 1.01, None), ("thread created", None, 25000),
            ("thread created, joined", None, None), ("signal handled", None, 15000))


def toll(victim):
    victim.process.stdin.write(b"measure\n")
    victim.process.stdin.flush()
    return [float(word) for word in victim.process.stdout.readline().split()]


def traced(pid):
    """All threads; False for none of them; None in between."""
    seen = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as f:
            seen.add(re.search(r"^TracerPid:\t(\d+)", f.read(), re.M)[1] != "0")
    return seen.pop() if len(seen) == 1 else None


def until_traced(pid, wanted):
    end = time.monotonic() + 60
    while traced(pid) is not wanted:
        if time.monotonic() > end:
            raise RuntimeError(f"PID {pid}: {'not armed' if wanted else 'still armed'} after 60 s")
        time.sleep(0.01)


def run(table):
    armed, alone, interrupted = [], [], 0
    with tempfile.TemporaryDirectory(prefix="swansong-bench.") as directory, Victim([os.path.join(BUILD, "victims", "toll")]) as v:
        toll(v)    # not counted: caches
        for _ in range(ROUNDS):
            alone.append(toll(v))
            with subprocess.Popen([SWANSONG, "watch", "-p", str(v.pid), "--arm", "always", "--no-report", "-o", directory],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watcher:
                until_traced(v.pid, True)
                armed.append(toll(v))
                watcher.terminate()
            until_traced(v.pid, False)
        interrupted = int(toll(v)[-1])
    for i, (name, most_times, most_ns) in enumerate(MEASURES):
        a, b = median(r[i] for r in armed), median(r[i] for r in alone)
        if most_times:
            ratio, goal, met = f"{a / b:.3f}x", f"<= {most_times:.2f}x", a <= b * most_times
        else:
            ratio, goal, met = f"{(a - b) / 1000:+.1f} us", *((f"<= +{most_ns / 1000:.0f} us", a - b <= most_ns) if most_ns else ("", None))
        table.row(f"armed: {name}, vs unarmed", f"{a:.0f} ns", f"{b:.0f} ns", ratio, goal, met)
    table.row("armed: waits interrupted (EINTR)", str(interrupted), "0", "", "0", interrupted == 0)
