# SPDX-License-Identifier: MIT
"""Large targets: complete, and in time that grows with their size; memory of the dump; sockets against memdoor."""

import json
import os

from .common import BUILD, SWANSONG, Dumps, Skip, Victim, interleaved, ms, peak_rss_mib, run_ms, threads_victim, times


def growth(table, what, small, large, factor, count):
    """Both sizes in turn; how much longer the large one takes, against how much larger it is."""
    with Dumps() as dumps, small() as s, large() as big:
        m = interleaved(large=lambda: dumps.run_ms(big.pid), small=lambda: dumps.run_ms(s.pid))
        dumps.run_ms(big.pid)
        with open(os.path.join(dumps.bundle, "report.json"), encoding="ascii") as f:
            n = count(json.load(f))
    ratio = m["large"] / m["small"]
    table.row(f"{what} ({n} seen)", ms(m["large"]), f"{ms(m['small'])} at 1/{factor}", times(ratio), f"<= {factor}x", ratio <= factor)


def victim(name, *args):
    return Victim([os.path.join(BUILD, "victims", name), *map(str, args)])


def sockets(table):
    memdoor = os.environ.get("MEMDOOR")
    if not memdoor:
        table.skip("sockets, 10,000, vs memdoor", "give MEMDOOR=path of its binary")
        return
    with Dumps() as dumps, victim("sockets", 10000) as v:
        exe = os.readlink(f"/proc/{v.pid}/exe")
        m = interleaved(ours=lambda: dumps.run_ms(v.pid, "--only", "fds,sockets", "--no-report"),
                        memdoor=lambda: run_ms([memdoor, "-p", str(v.pid), "-e", exe, "-i", "1", "-c", "1"]) - 1000)
    ratio = m["memdoor"] / m["ours"]
    table.row("sockets, 10,000, vs memdoor (less its 1 s sleep)", ms(m["ours"]), ms(m["memdoor"]), times(ratio), ">= 20x", ratio >= 20)


def peak_memory(table):
    with Dumps() as dumps, threads_victim(1024) as v:
        rss = peak_rss_mib([SWANSONG, "dump", "-p", str(v.pid), "-o", dumps.dir, "--no-report"])
        dumps.bundle = os.path.join(dumps.dir, os.listdir(dumps.dir)[0])
        stacks = os.path.getsize(os.path.join(dumps.bundle, "core")) / 2**20
    table.row("peak RSS, dump of 1,024 threads", f"{rss:.1f} MiB", f"16 MiB + {stacks:.1f} MiB", times(rss / (16 + stacks)), "<= 1x",
              rss <= 16 + stacks)


def run(table):
    table.part("4,000 threads", growth, "4,000 threads", lambda: threads_victim(1000), lambda: threads_victim(4000), 4,
               lambda r: len(r["threads"]))
    table.part("60,000 mappings", growth, "60,000 mappings", lambda: victim("mappings", 15000), lambda: victim("mappings", 60000), 4,
               lambda r: len(r["maps"]))
    what = "100,000 sockets in its network namespace"
    table.part(what, growth, what, lambda: victim("sockets", 4000, 25000), lambda: victim("sockets", 16000, 100000), 4,
               lambda r: len(r["sockets"]))
    table.part("sockets", sockets)
    table.part("peak memory", peak_memory)
