# SPDX-License-Identifier: MIT
"""What is done to a server under load (served.py): dumped as it is, the agent in and out again and again, and its leak looked for.

    with Visit(server) as visit:
        visit.dump()        # without any preparation
        visit.round()       # inject, dump --malloc-info, detach, dump --malloc-info
        visit.leak()        # inject, wait, dump, detach: the share of the new memory that is named by who leaks it
    sent, answered, failed, error = server.end()
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from . import recorder
from .harness import SWANSONG, thread_states

MIB = 1 << 20
# Where the machine is busy with other things, threads that may be disturbed are still found soon, but not at once.
WAIT_S = "60"


class Trouble(AssertionError):
    """swansong or the server did not do what it should."""


class Visit:
    def __init__(self, server, *dump_options, sample="64K", recorders=None):
        """recorders: of a parent, which this process was forked from when the agent was in it."""
        self.server, self.dump_options, self.away_ms, self.dumps = server, dump_options, [], 0
        self.sample, self.inherited = sample, recorders is not None
        self.dir = tempfile.mkdtemp(prefix="swansong-visit.", dir="/dev/shm")
        # Recorders of the server and of its children go there: it must be the server's own.
        owner = os.stat(f"/proc/{server.pid}")
        os.chmod(self.dir, 0o755)
        self.recorders = recorders or os.path.join(self.dir, "recorders")
        if not recorders:
            os.mkdir(self.recorders, 0o700)
            os.chown(self.recorders, owner.st_uid, owner.st_gid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def swansong(self, *args, tries=1):
        """Its output.  A dump is incomplete (4) where the machine gave its reader no CPU for a second: then another one is made."""
        done = subprocess.run([SWANSONG, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="backslashreplace",
                              timeout=200, check=False)
        if done.returncode == 4 and tries > 1:
            return self.swansong(*args, tries=tries - 1)
        if done.returncode:
            raise Trouble(f"swansong {' '.join(map(str, args))}: status {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1000:]}")
        return done.stdout

    def dump(self, *options):
        """The report of one, as JSON."""
        out = self.swansong("dump", "-p", self.server.pid, "-o", self.dir, *self.dump_options, *options, tries=5)
        bundle = out.rstrip("\n").rsplit("bundle: ", 1)[1]
        with open(os.path.join(bundle, "report.json"), encoding="ascii") as f:
            report = json.load(f)
        shutil.rmtree(bundle)
        self.dumps += 1
        return report

    def inject(self, *args):
        said = self.swansong("inject", "-p", self.server.pid, "--wait", WAIT_S, *args)
        self.away_ms.append(float(re.search(r"for ([0-9.]+) ms", said).group(1)))

    def attach(self):
        self.inject("--sample", self.sample, "--options", f"dir={self.recorders}")

    def detach(self):
        self.inject("--detach")

    def asked(self):
        """A dump for which a thread of the process asked its allocator."""
        report = self.dump("--malloc-info")
        if not (report["malloc"] or {}).get("own"):
            raise Trouble(f"its allocator has not answered: {[m for m in report['missing'] if 'malloc_info' in m['section']]}")
        return report

    def round(self):
        self.attach()
        self.asked()
        self.detach()
        self.asked()

    def recorded(self):
        return recorder.Recorder(recorder.recorders(self.recorders)[self.server.pid])

    def leak(self, mib=4, seconds=120):
        """(share, report): of what is recorded as live, how much has the leaking function on its stack."""
        if not self.inherited:
            self.attach()
        end = time.monotonic() + seconds
        while self.server.pid not in recorder.recorders(self.recorders) or sum(self.recorded().live_bytes().values()) < mib * MIB:
            if time.monotonic() > end:
                raise Trouble(f"in {seconds} s it has not grown by {mib} MiB")
            time.sleep(0.1)
        report = self.dump()
        self.detach()
        heap = report["heap"]
        if heap["source"] != "recorder" or not (heap["injected"] or self.inherited):
            raise Trouble(f"the dump does not have the injected recorder: {heap['source']}, {heap['injected']}")
        held = {True: 0, False: 0}
        for site in heap["sites"]:
            held[any(self.server.leaks in (frame["function"] or "") for frame in site["frames"])] += site["live_bytes"]
        return held[True] / max(1, sum(held.values())), report

    def check(self):
        """Alive, and nobody is traced or stopped."""
        states = thread_states(self.server.pid)
        wrong = [tid for tid, (state, tracer) in states.items() if tracer or state in "tT"]
        if wrong or not states:
            raise Trouble(f"threads {wrong} of {len(states)} are traced or stopped")
