# SPDX-License-Identifier: MIT
"""make bench: python3 -m tests.bench.run [NAME…]; docs/benchmarks.md says what the rows mean."""

import sys

from . import accuracy, agent, armed, census, core, inject, load, names, pause, scale, soak, watching
from .common import ROUNDS, Table

BENCHMARKS = {"agent": agent, "accuracy": accuracy, "census": census, "inject": inject, "load": load, "pause": pause, "names": names, "core": core,
              "scale": scale, "watching": watching, "soak": soak,
              "armed": armed}


def main():
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"bench: unknown benchmark '{unknown[0]}'; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    print(f"medians of {ROUNDS} interleaved rounds; ratios hold on a noisy machine, absolute times do not")
    table = Table()
    for name in chosen:
        table.part(name, BENCHMARKS[name].run)
    print(f"{table.missed} goals missed" if table.missed else "all goals met")
    if table.failed:
        print(f"{table.failed} parts failed", file=sys.stderr)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
