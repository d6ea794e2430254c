# SPDX-License-Identifier: MIT
"""make race-lab: real kills by the kernel, and what each way of watching made of them.

KILLS=n kills per row (default 6: more than 300 of armed victims in a full run; in the virtual machine half as many); ROWS='pattern …' only rows that a pattern matches,
as in ROWS='v1.*always machine'; ROWS=soak [MINUTES=30] real servers, armed under load; MEMDOOR=path puts memdoor's rows beside; CONSOLE=off: the kernel
writes nothing of its kills to this machine's consoles meanwhile (console.py); RESULT=file for the JSON (default BUILD/race-lab.json).
"""

import contextlib
import json
import os
import signal
import sys
import time

from tests.system.harness import BUILD

from . import console, groups, rows, soak, table, vm
from .run import run_rows

KILLS = int(os.environ.get("KILLS", "6"))


def ended(_signal, _frame):
    sys.exit("race-lab: ended by a signal")


def all_rows(patterns):
    """The rows of this machine, then those of the virtual one, as table.as_json() makes them; or a line to be shown."""
    _, limit_file = groups.memory_group_root()
    for victim, watchers in rows.select(rows.host("v2" if limit_file == "memory.max" else "v1"), patterns):
        for row in run_rows(victim, watchers, KILLS):
            yield table.as_json(row)
    if rows.select(rows.VM, patterns):
        yield from vm.run(patterns, (KILLS + 1) // 2)


def show(row, results):
    if isinstance(row, str):
        print(row, flush=True)
        return
    results.append(row)
    if row["line"]:
        print(row["line"], flush=True)


def show_end(results, seconds):
    """The sums, and whatever needs an explanation; were all kills of armed victims captured completely?"""
    for watched in dict.fromkeys(r["watched"] for r in results):
        rows_of = [r for r in results if r["watched"] == watched]
        print(f"{watched}: {sum(r['complete'] for r in rows_of)} of {sum(r['kills'] for r in rows_of)} kills captured completely")
    armed = [r for r in results if r["watched"] in rows.UNNAMED]
    kills, complete = sum(r["kills"] for r in armed), sum(r["complete"] for r in armed)
    print(f"armed, all together: {complete} of {kills}; {seconds / 60:.0f} minutes")
    for line in table.goals(results):
        print(line)
    if console.slow():
        print(f"  (each victim waits while the kernel writes of its kill to {', '.join(console.slow())}: CONSOLE=off leaves that out)")
    not_run = {}
    for r in results:
        if r["skipped"]:
            not_run.setdefault(r["skipped"], []).append(r["name"])
        for words in r["reasons"]:
            print(f"  {r['name']}: {words}")
    for why, names in not_run.items():
        print(f"  not run ({why}): {', '.join(names)}")
    return complete == kills


def main():
    signal.signal(signal.SIGTERM, ended)
    patterns = os.environ.get("ROWS", "").split()
    groups.remove_left_over()
    if patterns == ["soak"]:
        return soak.run()
    with console.off() if os.environ.get("CONSOLE") == "off" else contextlib.nullcontext():
        return run(patterns)


def run(patterns):
    begin, results = time.monotonic(), []
    print(table.HEAD, flush=True)
    for row in all_rows(patterns):
        show(row, results)
    with open(os.environ.get("RESULT", os.path.join(BUILD, "race-lab.json")), "w", encoding="ascii") as f:
        json.dump(results, f, indent=1)
    return 0 if show_end(results, time.monotonic() - begin) else 1


if __name__ == "__main__":
    sys.exit(main())
