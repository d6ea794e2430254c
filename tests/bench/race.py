# SPDX-License-Identifier: MIT
"""make race-lab: real kills by the kernel in a limited memory group, and what the watcher made of each.

One row per way to use up memory: kills, bundles taken at the kill, those with all threads, how long the death waited (median and
worst, of the bundles).  KILLS=n kills per row (default 10).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from statistics import median

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.system.harness import SWANSONG, thread_states, victim_path, wait_until  # noqa: E402
from tests.system.test_armed import MemoryGroup  # noqa: E402

KILLS = int(os.environ.get("KILLS", "10"))
LIMIT_MIB = 256

# kind, threads, MiB/s (0: full speed), watch options
ROWS = [(kind, threads, speed, options)
        for options in ([], ["--arm", "always"])
        for kind, threads, speed in (
            ("anon", 1, 100), ("anon", 1, 0), ("anon", 32, 0), ("anon", 256, 0), ("shared", 1, 0), ("shared", 32, 0),
            ("populate", 1, 0), ("populate", 32, 0), ("memset", 1, 0), ("memset", 256, 0), ("huge", 1, 0))]


def one_kill(group, kind, threads, speed, options, directory):
    """(killed by SIGKILL, manifest or None)"""
    hog = subprocess.Popen(group.command([victim_path("hog"), kind, threads, speed]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    watcher = None
    try:
        hog.stdout.readline()
        watcher = subprocess.Popen([SWANSONG, "watch", "-p", str(hog.pid), "-o", directory, "--no-report", *options],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watcher.stderr.readline()    # "watching …"
        if options:
            wait_until("armed", lambda: all(tracer for _, tracer in thread_states(hog.pid).values()))
        hog.stdin.write(b"go\n")
        hog.stdin.flush()
        out, _ = watcher.communicate(timeout=60)
        killed = hog.wait(timeout=60) == -9
    finally:
        for process in (hog, watcher):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        hog.stdin.close()
        hog.stdout.close()
    bundles = [line[len("bundle: "):] for line in out.splitlines()]
    if not bundles:
        return killed, None
    with open(os.path.join(bundles[-1], "manifest.json"), encoding="ascii") as f:
        manifest = json.load(f)
    shutil.rmtree(bundles[-1])
    return killed, manifest


def is_complete(manifest, threads):
    totals = manifest["threads"]
    return (manifest["trigger"]["guarantee"] == "at-kill" and totals["stopped"] == totals["listed"] == threads and
            all(s["status"] == "ok" or s["optional"] for s in manifest["sections"]))


def main():
    group = MemoryGroup(f"swansong-race-{os.getpid()}", LIMIT_MIB << 20)
    directory = tempfile.mkdtemp(prefix="swansong-race.")
    total = complete_total = 0
    try:
        print(f"{'memory':<10} {'threads':>7} {'MiB/s':>6} {'armed':<8} {'kills':>6} {'at kill':>8} {'complete':>9}   death waited, ms")
        for kind, threads, speed, options in ROWS:
            results = [one_kill(group, kind, threads, speed, options, directory) for _ in range(KILLS)]
            kills = sum(killed for killed, _ in results)
            taken = [m for killed, m in results if killed and m]
            complete = sum(is_complete(m, threads) for m in taken)
            waits = [m["pause_ns"] / 1e6 for m in taken]
            print(f"{kind:<10} {threads:>7} {speed or 'full':>6} {'always' if options else 'at 70 %':<8} {kills:>6} {len(taken):>8} "
                  f"{complete:>9}   " + (f"median {median(waits):.1f}, worst {max(waits):.1f}" if waits else "-"), flush=True)
            total, complete_total = total + kills, complete_total + complete
        print(f"{complete_total} of {total} kills captured completely")
    finally:
        group.remove()
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if complete_total == total else 1


if __name__ == "__main__":
    sys.exit(main())
