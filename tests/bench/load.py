# SPDX-License-Identifier: MIT
"""Into real servers under load, and out again, many times: does any client lose a request, and is the leak named?

Each server of tests/system/served.py: dumped as it is; then LOAD_ROUNDS times: inject, dump --malloc-info, inject --detach, dump
--malloc-info; then the agent stays until the server has grown by 16 MiB, and the next dump must name who leaks. LOAD_SERVERS='redis|node' chooses.
"""

import os
import re
from statistics import median

from tests.system.programs import NotHere
from tests.system.served import SERVERS, served
from tests.system.visits import Trouble, Visit

from .common import BUILD, Skip, ms

ROUNDS = int(os.environ.get("LOAD_ROUNDS", "25"))
CHOSEN = os.environ.get("LOAD_SERVERS", "")
LEAK_MIB = 16


def visited(table, name):
    try:
        with served(name, BUILD) as server, Visit(server) as visit:
            visit.dump()
            for _ in range(ROUNDS):
                visit.round()
            share = visit.leak(LEAK_MIB)[0] if server.leaks else None
            visit.check()
            sent, answered, failed, error = server.end()
    except NotHere as what:
        raise Skip(f"{what} is not here") from what
    except Trouble as trouble:
        raise RuntimeError(trouble) from trouble
    table.row(f"{name}: in or out {len(visit.away_ms)} times, {visit.dumps} dumps", f"{failed} lost", f"of {sent:,} requests", "", "0 lost",
              failed == 0 and sent == answered)
    table.row(f"{name}: one thread away", ms(median(visit.away_ms)), f"at worst {ms(max(visit.away_ms))}", "")
    if share is not None:
        table.row(f"{name}: growth under {server.leaks}", f"{100 * share:.0f} %", "of what is recorded", "", ">= 50 %", share >= 0.5)
    if error:
        print(f"  {name}: {error}")


def run(table):
    for name in SERVERS:
        if re.search(CHOSEN, name):
            table.part(name, visited, name)
