# SPDX-License-Identifier: MIT
"""The core file: against gcore, in time and in bytes."""

import os

from .common import Dumps, interleaved, ms, need, run_ms, threads_victim, times


def core_bytes(dumps):
    return os.path.getsize(os.path.join(dumps.bundle, "core"))


def size(table):
    for n in (16, 1024, 4096):
        with Dumps() as dumps, threads_victim(n) as v:
            dumps.run_ms(v.pid, "--only", "stacks", "--no-report")
            have, most = core_bytes(dumps), 512 * 1024 + 16 * 1024 * n
        table.row(f"core, {n} threads", f"{have / 2**20:.2f} MiB", f"{most / 2**20:.2f} MiB", times(have / most), "<= 1x",
                  have <= most)


def against_gcore(table):
    for gib in (1, 4):
        with Dumps() as dumps, threads_victim(16, rss_mib=gib * 1024) as v:
            path = os.path.join(dumps.dir, "gcore")
            ours = lambda: dumps.run_ms(v.pid, "--only", "stacks", "--no-report")
            m = interleaved(ours=ours, gcore=lambda: run_ms([need("gcore"), "-o", path, str(v.pid)]))
            theirs = os.path.getsize(f"{path}.{v.pid}")
            ours()
            have = core_bytes(dumps)
        ratio, smaller = m["gcore"] / m["ours"], theirs / have
        goal = (500, 5000) if gib == 4 else (None, None)
        table.row(f"core at {gib} GiB RSS, vs gcore, time", ms(m["ours"]), ms(m["gcore"]), times(ratio),
                  f">= {goal[0]}x" if goal[0] else "", ratio >= goal[0] if goal[0] else None)
        table.row(f"core at {gib} GiB RSS, vs gcore, size", f"{have / 2**20:.2f} MiB", f"{theirs / 2**20:.0f} MiB",
                  times(smaller), f">= {goal[1]}x" if goal[1] else "", smaller >= goal[1] if goal[1] else None)


def run(table):
    table.part("core, size", size)
    table.part("core, against gcore", against_gcore)
