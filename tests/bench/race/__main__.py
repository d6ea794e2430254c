# SPDX-License-Identifier: MIT
"""make race-lab: real kills by the kernel, and what each way of watching made of them.

KILLS=n kills per row (default 7: more than 300 of armed victims in a full run); ROWS='pattern …' only rows that a pattern matches,
as in ROWS='v1.*always machine'; MEMDOOR=path puts memdoor's rows beside; RESULT=file for the JSON (default BUILD/race-lab.json).
"""

import json
import os
import signal
import sys
import time

from tests.system.harness import BUILD

from . import groups, rows, table
from .run import run_rows

KILLS = int(os.environ.get("KILLS", "7"))


def ended(_signal, _frame):
    sys.exit("race-lab: ended by a signal")


def local_rows():
    root, limit_file = groups.memory_group_root()
    return rows.host("v2" if limit_file == "memory.max" else "v1"), root


def main():
    signal.signal(signal.SIGTERM, ended)
    patterns = os.environ.get("ROWS", "").split()
    begin = time.monotonic()
    results, misses, not_run = [], [], {}
    groups.remove_left_over()
    victims, _ = local_rows()
    print(table.HEAD, flush=True)
    for victim, watchers in rows.select(victims, patterns):
        for row in run_rows(victim, watchers, KILLS):
            if row.skipped:
                not_run.setdefault(row.skipped, []).append(row.name())
                continue
            print(table.line(row), flush=True)
            results.append(table.as_json(row))
            misses += [f"{row.name()}: {words}" for words in table.reasons(row)]
    at_kill = [r for r in results if r["watched"] in rows.ARMED]
    kills, complete = sum(r["kills"] for r in at_kill), sum(r["complete"] for r in at_kill)
    print(f"armed: {complete} of {kills} kills captured completely; {time.monotonic() - begin:.0f} s")
    for why, names in not_run.items():
        print(f"  not run, {why}: {', '.join(names)}")
    for words in misses:
        print(f"  {words}")
    with open(os.environ.get("RESULT", os.path.join(BUILD, "race-lab.json")), "w", encoding="ascii") as f:
        json.dump(results, f, indent=1)
    return 0 if complete == kills else 1


if __name__ == "__main__":
    sys.exit(main())
