# SPDX-License-Identifier: MIT
"""The heap counted from outside: how fast, how much of it is seen while it changes, and how far from mallinfo2."""

import csv
import glob
import os
import time

from .common import BUILD, Dumps, Victim, interleaved

GIB = 1 << 30


def rows(dumps, name):
    path, = glob.glob(os.path.join(dumps.bundle, "proc", "*", "census", name + ".tsv"))
    with open(path, encoding="ascii") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def census(dumps, pid):
    dumps.run_ms(pid, "--only", "heap", "--no-report")
    totals = {row["what"]: row["value"] for row in rows(dumps, "totals")}
    arenas = {key: sum(int(row[key]) for row in rows(dumps, "arenas")) for key in ("system", "in_use", "free", "cached", "top", "unseen")}
    return int(totals["bytes_read"]) / int(totals["duration_ns"]), arenas


def raw_speed(pid):
    """Nothing but reading the same memory through /proc/PID/mem: GB/s."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        start, end = next((int(a, 16) for a in line.split()[0].split("-")) for line in f if line.endswith("[heap]\n"))
    buffer = bytearray(1 << 20)
    begin = time.monotonic()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        left = end - start
        while left > 0:
            got = memory.readinto(buffer)
            if not got:
                break
            left -= got
    return (end - start - left) / 1e9 / (time.monotonic() - begin)


def quiet(table):
    with Dumps() as dumps, Victim([os.path.join(BUILD, "victims", "shop"), "720000"]) as v:
        m = interleaved(ours=lambda: census(dumps, v.pid)[0], raw=lambda: raw_speed(v.pid))
        _, sums = census(dumps, v.pid)
        arena, in_use, free = map(int, v.line.split()[1:4])
    table.row(f"census, heap of {arena / GIB:.2f} GiB in small blocks", f"{m['ours']:.2f} GB/s", f"{m['raw']:.2f} GB/s read", f"{m['ours'] / m['raw']:.2f}x",
              ">= 3 GB/s", m["ours"] >= 3)
    off = max(abs(sums["in_use"] + sums["cached"] - in_use), abs(sums["free"] + sums["top"] - free)) / arena * 100
    table.row("census, quiet heap, away from mallinfo2", f"{off:.4f} %", "", "", "<= 0.1 %", off <= 0.1)


def busy(table):
    with Dumps() as dumps, Victim([os.path.join(BUILD, "victims", "churn"), "4"]) as v:
        seen = [100 - 100 * s["unseen"] / s["system"] for s in (census(dumps, v.pid)[1] for _ in range(5))]
    table.row("census, heap under full load, seen", f"{min(seen):.2f} %", "worst of 5", "", ">= 98 %", min(seen) >= 98)


def run(table):
    table.part("census of a quiet heap", quiet)
    table.part("census of a busy heap", busy)
