# SPDX-License-Identifier: MIT
"""What it costs to watch: CPU time and RSS of the watcher with all processes and threads that it started."""

import contextlib
import glob
import os
import re
import subprocess
import time

from tests.bench.race.groups import Group

from .common import BUILD, SWANSONG, Dumps, Skip, threads_victim, times

SECONDS = 10
PROCESSES = 1000


def run(table):
    with threads_victim(16, rss_mib=64) as v:
        watched = ["-p", str(v.pid), "--rss", "90%"]
        fast = row(table, "each 10 ms", [*watched, "-i", "0.01"], 0.5)
        bare, _rss = cost([os.path.join(BUILD, "bench", "bare_poll"), str(v.pid), "10"])
        table.row("watching, each 10 ms, vs a bare loop of nanosleep and pread", f"{fast:.2f} %", f"{bare:.2f} %", times(fast / bare), "", None)
        row(table, "at rest", watched, 0.1)
    with crowd() as group:
        row(table, f"at rest, {PROCESSES:,} processes", ["--group", group.path], 2)


def row(table, what, options, goal_percent):
    """Its share of a core, in percent."""
    with Dumps() as dumps:
        percent, rss = cost([SWANSONG, "watch", "-o", dumps.dir, "--no-report", *options])
    table.row(f"watching, {what}: CPU", f"{percent:.2f} %", f"{rss:.1f} MiB RSS", "", f"<= {goal_percent} %", percent <= goal_percent)
    return percent


def cost(argv):
    """(percent of a core, RSS in MiB) of a command that goes on, with all that it started; of the RSS most is the ballast."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(2)
        begin = cpu_s(process.pid)
        time.sleep(SECONDS)
        percent = (cpu_s(process.pid) - begin) / SECONDS * 100
        rss = rss_mib(process.pid)
        process.terminate()
    return percent, rss


@contextlib.contextmanager
def crowd():
    """A memory group with many processes that sleep."""
    try:
        group = Group(f"{os.getpid()}.0", 4096)
    except OSError as e:
        raise Skip(f"cannot make a memory group: {e}") from e
    shell = f"i=0; while [ $i -lt {PROCESSES - 1} ]; do sleep 1000 & i=$((i + 1)); done; echo ready; wait"
    with subprocess.Popen(group.command(["/bin/sh", "-c", shell]), stdout=subprocess.PIPE) as parent:
        try:
            parent.stdout.readline()
            yield group
        finally:
            group.remove()    # and all that is in it


def own_pids(pid):
    """A process and its descendants."""
    pids = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            for child in f.read().split():
                pids += own_pids(int(child))
    return pids


def cpu_s(pid):
    """User and system time in seconds, from schedstat: stat's ticks of 10 ms are too coarse."""
    total = 0
    for p in own_pids(pid):
        for path in glob.glob(f"/proc/{p}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


def rss_mib(pid):
    total = 0
    for p in own_pids(pid):
        with contextlib.suppress(OSError), open(f"/proc/{p}/status", encoding="utf-8", errors="replace") as f:
            total += sum(map(int, re.findall(r"^VmRSS:\s*(\d+)", f.read(), re.M)))    # a zombie has none
    return total / 1024
