# SPDX-License-Identifier: MIT
"""How long the target stands still: against gdb, and against the least that is possible."""

import os
import subprocess

from .common import BUILD, Dumps, Gap, interleaved, ms, need, run_ms, threads_victim, times

GOAL_GDB = {16: 500, 1024: 100}


def bare_ms(pid):
    out = subprocess.run([os.path.join(BUILD, "bench", "bare_pause"), str(pid)], capture_output=True, check=True, text=True)
    return int(out.stdout.split()[0]) / 1e6


def gdb_gap_ms(pid, gap):
    gap.reset()
    run_ms([need("gdb"), "-nx", "-p", str(pid), "-batch", "-ex", "thread apply all bt"])
    return gap.ms()


def dump_pause_ms(dumps, pid):
    dumps.run_ms(pid, "--only", "stacks", "--no-report")
    return dumps.pause_ms()


def against_bare(table, n):
    with Dumps() as dumps, threads_victim(n) as v:
        m = interleaved(ours=lambda: dump_pause_ms(dumps, v.pid), bare=lambda: bare_ms(v.pid))
    ratio = m["ours"] / m["bare"]
    table.row(f"pause, {n} parked threads, vs bare stop", ms(m["ours"]), ms(m["bare"]), times(ratio), "<= 1.6x", ratio <= 1.6)


def against_gdb(table, n):
    gap = Gap()
    with Dumps() as dumps, threads_victim(n, gap=gap) as v:
        m = interleaved(ours=lambda: dump_pause_ms(dumps, v.pid), gdb=lambda: gdb_gap_ms(v.pid, gap))
    ratio = m["gdb"] / m["ours"]
    goal = GOAL_GDB.get(n)
    table.row(f"pause, {n} parked threads, vs gdb", ms(m["ours"]), ms(m["gdb"]), times(ratio),
              f">= {goal}x" if goal else "", ratio >= goal if goal else None)


def alone_pause_ms(dumps, mode):
    """A victim of its own for each measurement: spinning threads next door would slow down the parked ones, too."""
    with threads_victim(128, mode) as v:
        return dump_pause_ms(dumps, v.pid)


def spinning(table):
    with Dumps() as dumps:
        m = interleaved(spin=lambda: alone_pause_ms(dumps, "spin"), park=lambda: alone_pause_ms(dumps, "park"))
    ratio = m["spin"] / m["park"]
    table.row("pause, 128 spinning threads, vs parked", ms(m["spin"]), ms(m["park"]), times(ratio), "<= 4x", ratio <= 4)


def rss(table):
    with Dumps() as dumps, threads_victim(16) as small, threads_victim(16, rss_mib=4096) as large:
        m = interleaved(large=lambda: dump_pause_ms(dumps, large.pid), small=lambda: dump_pause_ms(dumps, small.pid))
    ratio = m["large"] / m["small"]
    table.row("pause, 4 GiB RSS, vs none (16 threads)", ms(m["large"]), ms(m["small"]), times(ratio), "independent", ratio < 2)


def run(table):
    for n in (16, 128, 1024, 4096):
        table.part(f"pause, {n} parked threads, vs bare stop", against_bare, n)
        if n <= 1024:
            table.part(f"pause, {n} parked threads, vs gdb", against_gdb, n)
    table.part("pause, 128 spinning threads", spinning)
    table.part("pause, 4 GiB RSS", rss)
