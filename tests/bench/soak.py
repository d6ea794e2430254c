# SPDX-License-Identifier: MIT
"""A watcher's weeks in a minute: it arms, forewarns, dumps, lets older bundles go, some hundred times; then its memory
and its descriptors must be what they were.  SOAK_DUMPS says how many."""

import os
import re
import signal
import subprocess
import time

from .common import BUILD, SWANSONG, Dumps, Victim

DUMPS = int(os.environ.get("SOAK_DUMPS", "300"))
WARM_UP = 30
MORE_KIB = 256  # the allocator's own wavering
MORE_FDS = 0


def run(table):
    with Dumps() as dumps, Victim([os.path.join(BUILD, "victims/grow")], wait_line=False) as v:
        watcher = subprocess.Popen([SWANSONG, "watch", "-p", str(v.pid), "-o", dumps.dir, "--no-report", "--arm", "always",
                                    "--rss", "20M", "--growth", "10M/s", "--snapshot", "--cooldown", "0", "-i", "0.02",
                                    "--keep", "3", "--max-disk", "16M"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(watcher, "watching ")
            for _ in range(WARM_UP // 2):
                rise_and_fall(v, watcher)
            before = holds(watcher)
            for _ in range((DUMPS - WARM_UP) // 2):
                rise_and_fall(v, watcher)
            after = holds(watcher)
            left = len(os.listdir(dumps.dir))
            watcher.terminate()
            taken = wait_for(watcher, "dumps taken: ").rsplit(" ", 1)[1].strip()
        finally:
            watcher.kill()
            watcher.wait()
            watcher.stderr.close()
    what = f"soak, {taken} dumps, {left} left: "
    table.row(what + "descriptors", f"{before[1]} before", f"{after[1]} after", "", f"+ {MORE_FDS}",
              after[1] <= before[1] + MORE_FDS)
    table.row(what + "private KiB", f"{before[0]} before", f"{after[0]} after", "", f"+ {MORE_KIB}",
              after[0] <= before[0] + MORE_KIB)


def wait_for(watcher, words):
    for line in watcher.stderr:
        if words in line:
            return line
    raise RuntimeError("the watcher ended")


def tell(v, command):
    v.process.stdin.write(command + b"\n")
    v.process.stdin.flush()
    if v.process.stdout.readline() != b"ok\n":
        raise RuntimeError("the victim died")


def rise_and_fall(v, watcher):
    """Two dumps by hand, and those of the conditions that come true meanwhile."""
    for command in (b"grow 30", b"shrink"):
        tell(v, command)
        watcher.send_signal(signal.SIGUSR1)
        wait_for(watcher, "asked for by hand")


def holds(watcher):
    """Its private memory in KiB and its descriptors: the least of a second, when no dump is going on."""
    fds, kib = [], []
    for _ in range(50):
        time.sleep(0.02)
        fds.append(len(os.listdir(f"/proc/{watcher.pid}/fd")))
        with open(f"/proc/{watcher.pid}/status", encoding="ascii") as f:
            kib.append(int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)))
    return min(kib), min(fds)
