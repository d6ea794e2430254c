# SPDX-License-Identifier: MIT
"""Thousands of injections, a thousand of them killed at every step, and not one victim that would notice.

    BUILD=build python3 -m tests.bench.inject_harm [RUNS-PER-MODE=264 [MODE…]]

In each mode of tests/victims/spied.c a third of the runs inject, a third detach, and a third are killed (SIGKILL) as they
make their nth ptrace() or pwrite64(), n going through all that there are; then the same at every step of the first injection
into a new victim.  After each run the victim must be untraced and running, with its descriptors, signal masks and mappings
as before; at the end of its life, after 24 runs, it checks its registers, errno, stack and data itself.  Prints one line for
each mode; the exit status is 1 if any was harmed.  What is loaded is a stand-in that clobbers what a function may; with
AGENT=build/libswansong.so in the environment it is that.  With WHAT=malloc-info the runs are `dump --malloc-info`
instead: two thirds to their end, a third killed, and never a library loaded.
"""

import os
import sys

from tests.system.injecting import MODES, STEPS, Harmed, Spied, Tool

LIFE = 24
FRESH = ("epoll", "read", "spin", "dlopen")
ASKING = os.environ.get("WHAT", "inject") == "malloc-info"


class Count:
    def __init__(self):
        self.runs = self.killed = self.refused = self.eintr = self.harmed = 0


class Steps:
    """(ptrace, 1), (ptrace, 2), … until there is none, then pwrite64's, and again."""

    def __init__(self):
        self.call, self.number, self.rounds = 0, 1, 0

    def kill(self, tool, victim, count):
        argv = tool.asking(victim.pid) if ASKING else tool.argv(victim.pid, "--wait", "5")
        if tool.killed_at(argv, STEPS[self.call], self.number):
            count.killed += 1
            self.number += 1
        else:
            self.call, self.number = (self.call + 1) % len(STEPS), 1
            self.rounds += self.call == 0


def one_run(tool, victim, i, steps, count):
    count.runs += 1
    if i % 3 == 2:
        steps.kill(tool, victim, count)
    elif ASKING:
        count.refused += not tool.ask(victim.pid)
    else:
        done = tool.inject(victim.pid, "--wait", "5", *(["--detach"] if i % 3 else []))
        count.refused += done.returncode != 0
    victim.check()


def life(mode, count, work):
    """A victim from its start to its word."""
    victim = Spied(mode)
    try:
        work(victim)
        count.eintr += victim.finish()
    except Harmed as harm:
        count.harmed += 1
        print(f"HARMED: {harm}", flush=True)
    finally:
        victim.close()


def mode_runs(tool, mode, runs):
    count, steps = Count(), Steps()
    for begin in range(0, runs, LIFE):
        def work(victim):
            for i in range(begin, min(begin + LIFE, runs)):
                one_run(tool, victim, i, steps, count)
        life(mode, count, work)
    return count


def fresh_runs(tool, mode):
    """Every step of the first injection, each into a new victim."""
    count, steps = Count(), Steps()
    while steps.rounds == 0:
        def work(victim):
            count.runs += 1
            steps.kill(tool, victim, count)
            victim.check()
        life(mode, count, work)
    return count


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 264
    works = {**{mode: mode_runs for mode in MODES}, **{"new " + mode: fresh_runs for mode in FRESH if not ASKING}}
    chosen = sys.argv[2:] or list(works)
    tool, total = Tool(os.environ.get("AGENT")), Count()
    print(f"{'mode':<14} {'runs':>6} {'killed':>7} {'refused':>8} {'EINTR':>6} {'harmed':>7}")
    try:
        for name in chosen:
            count = mode_runs(tool, name, runs) if works[name] is mode_runs else fresh_runs(tool, name.split()[1])
            print(f"{name:<14} {count.runs:>6} {count.killed:>7} {count.refused:>8} {count.eintr:>6} {count.harmed:>7}", flush=True)
            for field, value in vars(count).items():
                setattr(total, field, getattr(total, field) + value)
    finally:
        tool.close()
    print(f"{'all':<14} {total.runs:>6} {total.killed:>7} {total.refused:>8} {total.eintr:>6} {total.harmed:>7}")
    return 1 if total.harmed else 0


if __name__ == "__main__":
    sys.exit(main())
