# SPDX-License-Identifier: MIT
"""What the recorder of a killed process says, beside the truth: tests/victims/agent_sites writes what its sites hold into a shared file.

Whole reports are read (`swansong report --format json`), so the reader is measured, too.
"""

import glob
import json
import os
import random
import struct
import subprocess
import tempfile
import time
from statistics import mean

from .common import BUILD, SWANSONG, Skip, ms, run_ms
from .race.groups import Group

SITES = (1, 4, 10, 15, 30, 40)
VICTIM = os.path.join(BUILD, "victims", "agent_sites")
AGENT = os.path.join(BUILD, "libswansong.so")
RUNS, KILLS = 20, 100
HEAP_MIB = 1024
BLOCK_MAX = 16 + (200 << 5)  # the largest that agent_sites asks for


def run(table):
    with tempfile.TemporaryDirectory(prefix="swansong-bench.", dir="/dev/shm") as directory:
        for options in ("sample=512K", "sample=64K"):
            table.part(f"accuracy, {options}, SIGKILL", accuracy, options, "SIGKILL at a random moment", killed, directory)
        if os.geteuid() == 0:
            table.part("accuracy, OOM kills", accuracy, "sample=512K", "killed by the kernel for memory", out_of_memory, directory)
        else:
            table.skip("accuracy, OOM kills", "needs root")
        table.part("completeness", completeness, directory)
        table.part("reading", reading, directory)


class Victim:
    """agent_sites under the agent, from its first block on."""

    def __init__(self, directory, total, kind, options, into=lambda argv: argv):
        self.dir = tempfile.mkdtemp(dir=directory)
        self.truth = os.path.join(self.dir, "truth")
        env = dict(os.environ, SWANSONG_OPTIONS=f"dir={self.dir},{options}")
        argv = ["/usr/bin/env", f"LD_PRELOAD={AGENT}", VICTIM, str(total), kind, self.truth]
        self.process = subprocess.Popen(into(argv), env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline() != "begun\n":
            raise RuntimeError("agent_sites did not begin")

    def held(self):
        try:
            with open(self.truth, "rb") as f:
                return sum(struct.unpack("6Q", f.read(48)))
        except (OSError, struct.error):
            return 0

    def end(self):
        """(truth in bytes, path of the recorder) of the process that has been killed."""
        self.process.wait()
        self.process.stdout.close()
        with open(self.truth, "rb") as f:
            truth = dict(zip((f"site_{percent}" for percent in SITES), struct.unpack("6Q", f.read(48))))
        found = glob.glob(os.path.join(self.dir, "*.rec"))
        if len(found) != 1:
            raise RuntimeError(f"{len(found)} recorders were left")
        return truth, found[0]


def killed(directory, options, rng):
    victim = Victim(directory, HEAP_MIB << 20, "random", options)
    # While it grows, or, in one of four runs, while it only churns.
    moment = rng.uniform(0.25, 1.25) * (HEAP_MIB << 20)
    while victim.held() < moment:
        if moment > HEAP_MIB << 20:
            victim.process.stdout.readline()
            time.sleep(rng.uniform(0, 0.3))
            break
        time.sleep(0.005)
    victim.process.kill()
    return victim.end()


def out_of_memory(directory, options, _rng):
    group = Group(f"accuracy-{os.getpid()}", HEAP_MIB)
    try:
        return Victim(directory, 2 * HEAP_MIB << 20, "random", options, group.command).end()
    finally:
        group.remove()


def places(path):
    """{function: (live bytes, 95 % interval's half)} as the report has it."""
    done = subprocess.run([SWANSONG, "report", "--format", "json", path], capture_output=True, text=True, check=True)
    found = {p["frame"]["function"]: (p["live_bytes"], p["live_error"]) for p in json.loads(done.stdout)["heap"]["places"] if p["frame"]}
    return {f"site_{percent}": found.get(f"site_{percent}", (0, 0)) for percent in SITES}


def accuracy(table, options, how, measure, directory):
    rng, totals, shares, inside, checked = random.Random(4711), [], [], 0, 0
    for _ in range(RUNS):
        truth, path = measure(directory, options, rng)
        found = places(path)
        held, estimate = sum(truth.values()), sum(b for b, _error in found.values())
        totals.append(estimate / held - 1)
        for name, true in truth.items():
            shares.append(abs(found[name][0] / estimate - true / held))
            inside += abs(found[name][0] - true) <= found[name][1] + BLOCK_MAX
            checked += 1
        os.unlink(path)
    bias = mean(totals)
    table.row(f"total, {options}, {how}",
              f"{100 * bias:+.2f} %", f"{100 * max(map(abs, totals)):.1f} % at worst", f"{RUNS} runs", "|mean| <= 2 %",
              abs(bias) <= 0.02)
    table.row(f"shares, {options}", f"{100 * sorted(shares)[len(shares) // 2]:.2f} points", f"{100 * max(shares):.1f} points at worst", "")
    table.row(f"sites in their 95 % interval, {options}", f"{inside} of {checked}", "", f"{inside / checked:.2f}", ">= 0.9",
              inside >= 0.9 * checked)


def completeness(table, directory):
    """With every allocation recorded, what is missing at the kill is at most the block in hand."""
    rng, complete = random.Random(815), 0
    for _ in range(KILLS):
        victim = Victim(directory, 40 << 20, "random", "sample=1,size=8M")
        time.sleep(rng.uniform(0, 0.15))
        victim.process.kill()
        truth, path = victim.end()
        found = places(path)
        missing = [abs(found[name][0] - true) for name, true in truth.items()]
        complete += sum(missing) <= BLOCK_MAX and sum(m > 0 for m in missing) <= 1
        os.unlink(path)
    table.row("recorders complete to the last block, sample=1", f"{complete} of {KILLS}", "", "", "all", complete == KILLS)


def reading(table, directory):
    victim = Victim(directory, 1280 << 20, "random", "sample=64K")
    if not victim.process.stdout.readline().startswith("ready"):
        raise Skip("the victim ended early")
    victim.process.kill()
    _truth, path = victim.end()
    argv = [SWANSONG, "report", "--no-lines", "--format", "json", "-o", os.devnull, path]
    took = min(run_ms(argv) for _ in range(5))
    table.row("report of 20,000 live samples, no lines", ms(took), "", "", "< 50 ms", took < 50)
