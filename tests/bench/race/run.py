# SPDX-License-Identifier: MIT
"""One kill, and a row of them."""

import collections
import itertools
import os
import random
import shutil
import subprocess
import tempfile

from . import groups, rows
from .kernel_log import KernelLog
from .victim import Victim
from .watchers import WATCHERS, available

# A victim that is not killed in this time is no victim.
DEATH_S = 300

# What became of one kill.  Times in ms, from the kernel's line on, but waited_ms; None: not known.
Outcome = collections.namedtuple("Outcome", "armed captured lacking first_ms read_ms waited_ms death_ms")

run_numbers = itertools.count()


class Row:
    """One victim with one watcher, and all of its kills."""

    def __init__(self, victim, watcher):
        self.victim, self.watcher = victim, watcher
        self.outcomes = []
        self.skipped = available(watcher)    # why it was not run, or not to its end
        self.unwatched = None    # the same victim's row without a watcher

    def name(self):
        return rows.name(self.victim, self.watcher)


def place_of(victim):
    if victim.place == "machine":
        return groups.Machine()
    return groups.Group(f"{os.getpid()}.{next(run_numbers)}", victim.limit_mib, oom_group=victim.place == "v2 group")


def one_run(victim, watcher_class, log):
    """One victim from start to death: the Outcomes of its kills (several processes may be killed)."""
    nonce = random.getrandbits(31)
    directory = tempfile.mkdtemp(prefix="swansong-race.")
    place = place_of(victim)
    hog = watcher = None
    try:
        log.kills()
        hog = Victim(place, victim.memory, victim.threads, victim.speed, nonce)
        watcher = watcher_class(hog, directory, place)
        watcher.until_ready()
        hog.go()
        gone = hog.wait(DEATH_S)
        kills = {pid: kill for pid, kill in log.kills().items() if pid in hog.pids}
        watcher.finish(kills)
        # Of several processes none comes near the limit alone; files are not in the RSS.
        limit_kib = None if victim.memory in ("forks", "tmpfs") else place.limit_kib
        return [outcome(watcher, kill, hog.tids[pid], nonce, limit_kib, gone.get(pid)) for pid, kill in kills.items()]
    finally:
        if watcher:
            watcher.end()
        if hog:
            hog.end()
        place.remove()
        shutil.rmtree(directory, ignore_errors=True)


def outcome(watcher, kill, tids, nonce, limit_kib, gone_ns):
    captured, lacking, times = watcher.verdict(kill, tids, nonce, limit_kib)

    def later_ms(at_ns):
        return (at_ns - kill.time_ns) / 1e6 if at_ns else None

    return Outcome(watcher.armed(kill.pid), captured, lacking, later_ms(times.first_ns), later_ms(times.read_ns),
                   times.waited_ns / 1e6 if times.waited_ns is not None else None, later_ms(gone_ns))


def run_rows(victim, watchers, kills, log=None):
    """At least so many kills of this victim for each watcher, in turn, and as many unwatched; the Rows."""
    log = log or KernelLog()
    chosen = [Row(victim, name) for name in ("unwatched", *watchers)]
    for row in chosen[1:]:
        row.unwatched = chosen[0]
    while True:
        due = [row for row in chosen if not row.skipped and len(row.outcomes) < kills]
        if not due:
            return chosen[1:]
        for row in due:
            try:
                outcomes = one_run(victim, WATCHERS[row.watcher], log)
            except (OSError, RuntimeError, AssertionError, ValueError, KeyError, subprocess.TimeoutExpired) as e:
                # One row's trouble is not the others'.
                outcomes, row.skipped = [], f"{type(e).__name__}: {e}"
            if not outcomes and not row.skipped:
                row.skipped = "the kernel killed nobody"
            row.outcomes += outcomes
