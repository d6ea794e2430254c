# SPDX-License-Identifier: MIT
"""Thousands of injections, a thousand of them killed at every step, and not one victim that would notice.

    BUILD=build python3 -m tests.bench.inject_harm [RUNS-PER-MODE=250]

In each mode of tests/victims/spied.c a third of the runs inject, a third detach, and a third are killed (SIGKILL) as they
make their nth ptrace() or pwrite64(), n going through all that there are.  After each run the victim must be untraced and
running, with its descriptors, signal masks and mappings as before; at the end of its life, after 25 runs, it checks its registers,
errno, stack and data itself.  Prints one line for each mode; the exit status is 1 if any was harmed.
"""

import sys

from tests.system.injecting import MODES, STEPS, Harmed, Spied, Tool

LIFE = 25


class Count:
    def __init__(self):
        self.runs = self.killed = self.refused = self.eintr = self.harmed = 0


def one_run(tool, victim, i, step, count):
    """The nth run; the next step to be killed at."""
    action = ["--detach"] if i % 3 == 1 else []
    count.runs += 1
    if i % 3 != 2:
        done = tool.inject(victim.pid, "--wait", "5", *action)
        count.refused += done.returncode != 0
        return step
    call, number = STEPS[step % 2], step // 2 + 1
    if tool.killed_at(tool.argv(victim.pid, "--wait", "5"), call, number):
        count.killed += 1
        return step + 1
    # One of the two has fewer: go on with the other, and begin again when it is at its end, too.
    return step + 1 if step < 60 else 0


def mode_runs(tool, mode, runs):
    count, step = Count(), 0
    for begin in range(0, runs, LIFE):
        victim = Spied(mode)
        try:
            for i in range(begin, min(begin + LIFE, runs)):
                step = one_run(tool, victim, i, step, count)
                victim.check()
            count.eintr += victim.finish()
        except Harmed as harm:
            count.harmed += 1
            print(f"HARMED: {harm}", flush=True)
        finally:
            victim.close()
    return count


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 250
    tool, total = Tool(), Count()
    print(f"{'mode':<12} {'runs':>6} {'killed':>7} {'refused':>8} {'EINTR':>6} {'harmed':>7}")
    try:
        for mode in MODES:
            count = mode_runs(tool, mode, runs)
            print(f"{mode:<12} {count.runs:>6} {count.killed:>7} {count.refused:>8} {count.eintr:>6} {count.harmed:>7}", flush=True)
            for name, value in vars(count).items():
                setattr(total, name, getattr(total, name) + value)
    finally:
        tool.close()
    print(f"{'all':<12} {total.runs:>6} {total.killed:>7} {total.refused:>8} {total.eintr:>6} {total.harmed:>7}")
    return 1 if total.harmed else 0


if __name__ == "__main__":
    sys.exit(main())
