# SPDX-License-Identifier: MIT
"""What it costs to watch: the watcher's CPU time while it polls each 10 ms."""

import subprocess
import time

from .common import SWANSONG, Dumps, threads_victim

SECONDS = 10


def run(table):
    for what, options, goal in (("each 10 ms", ["-i", "0.01"], 0.5), ("at rest", [], 0.1)):
        with Dumps() as dumps, threads_victim(16, rss_mib=64) as v:
            watcher = subprocess.Popen([SWANSONG, "watch", "-p", str(v.pid), "--rss", "90%", "-o", dumps.dir, *options],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(1)
            begin = cpu_s(watcher.pid)
            time.sleep(SECONDS)
            percent = (cpu_s(watcher.pid) - begin) / SECONDS * 100
            with open(f"/proc/{watcher.pid}/status", encoding="ascii") as f:
                rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024
            watcher.terminate()
            watcher.wait()
        table.row(f"watching, {what}: CPU", f"{percent:.2f} %", f"{rss:.1f} MiB RSS", "", f"<= {goal} %", percent <= goal)


def cpu_s(pid):
    """User and system time in seconds, from schedstat: stat's ticks of 10 ms are too coarse."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9
