# SPDX-License-Identifier: MIT
"""Inside the virtual machine: run its rows, one JSON object per line on stdout (scripts/vm.sh BUILD --lab)."""

import json
import os
import sys

from . import rows, table
from .run import run_rows


def main():
    # Whoever keeps the books must outlive a machine that is out of memory.
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as f:
        f.write("-1000")
    for victim, watchers in rows.select(rows.VM, os.environ["ROWS"].split()):
        for row in run_rows(victim, watchers, int(os.environ["KILLS"])):
            print(json.dumps(table.as_json(row)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
