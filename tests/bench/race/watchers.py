# SPDX-License-Identifier: MIT
"""Who watches the victim: swansong in each of its modes, memdoor, or nobody."""

import glob
import os
import re
import shutil
import subprocess
import time

from tests.system.harness import SWANSONG, thread_states, wait_until

from . import check
from .groups import unprotected

WAIT_S = 60


class Nobody:
    """The victim alone: what the others' delay of the death is measured against."""

    def __init__(self, victim, directory, place):
        pass

    def until_ready(self):
        pass

    def finish(self, kills):
        pass

    def end(self):
        pass

    def armed(self, pid):
        return False

    def verdict(self, kill, tids, nonce, limit_kib):
        """(captured: bool, what is lacking: [words], check.Times)"""
        return False, [], check.Times()


class Swansong(Nobody):
    """`swansong watch`, for one process by PID, for several by their memory group."""

    options = ()
    guarantee = "at-kill"

    def __init__(self, victim, directory, place):
        self.victim, self.dir = victim, directory
        self.errors = os.path.join(directory, "stderr")
        who = self.who(place)
        self.ends = who[0] == "-p"    # with its target
        with open(self.errors, "wb") as err, open(os.path.join(directory, "stdout"), "wb") as out:
            command = unprotected([SWANSONG, "watch", *who, "-o", directory, "--no-report", *self.options])
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def who(self, place):
        if len(self.victim.pids) == 1:
            return ["-p", str(self.victim.pids[0])]
        return ["--group", place.path]

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as f:
            return f.read()

    def until_ready(self):
        def watched():
            if self.process.poll() is not None:
                raise RuntimeError(f"swansong watch ended: {self.said()}")
            return "watching " in self.said()

        wait_until("swansong watches", watched, WAIT_S)

    def bundle(self, pid):
        return next(iter(glob.glob(os.path.join(self.dir, f"*.{pid}.*Z.swansong"))), None)

    def finish(self, kills):
        """Until it has written what it has."""
        if self.ends:
            self.process.wait(WAIT_S)
            return
        end = time.monotonic() + WAIT_S / 4
        while not all(map(self.bundle, kills)) and time.monotonic() < end:
            time.sleep(0.05)
        self.process.terminate()
        self.process.wait(WAIT_S)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def armed(self, pid):
        return re.search(rf"\({pid}\): armed, ", self.said()) is not None

    def verdict(self, kill, tids, nonce, limit_kib):
        bundle = self.bundle(kill.pid)
        if not bundle:
            said = [line.removeprefix("swansong watch: ") for line in self.said().splitlines() if str(kill.pid) in line]
            return False, ["no bundle: " + " | ".join(line for line in said if not line.startswith("watching "))], check.Times()
        lacking = list(check.shortfalls(bundle, kill, tids, nonce, limit_kib, self.guarantee))
        times = check.times(bundle, kill.pid)
        shutil.rmtree(bundle)
        return True, lacking, times


class AtLevel(Swansong):
    """As it is started without options: armed from 70 % of the limit on."""


class Always(Swansong):
    options = ("--arm", "always")

    def until_ready(self):
        super().until_ready()
        wait_until("every thread is attended", lambda: all(
            tracer for pid in self.victim.pids for _, tracer in thread_states(pid).values()), WAIT_S)

    def armed(self, pid):
        return True


class Early(Swansong):
    """A dump at a condition, and nobody there at the kill."""

    options = ("--arm", "never", "--rss", "90%")
    guarantee = "early"

    def armed(self, pid):
        return False


class Held(Swansong):
    options = ("--hold",)
    guarantee = "held"


class Braked(Swansong):
    """v2: slowed down before the limit, for as long as --brake-deadline allows; then killed as ever."""

    options = ("--brake", "--brake-deadline", "2")


class NextVictim(Swansong):
    """No process is named: whoever the kernel would kill next, in the group or on the machine."""

    def who(self, place):
        return ["--victim", *(["--group", place.path] if place.limit_kib else [])]


class Memdoor(Nobody):
    """Each second, its shortest interval.  Captured is: it printed the process with 90 % of what the kernel then killed."""

    def __init__(self, victim, directory, place):
        self.report = os.path.join(directory, "memdoor")
        pid = victim.pids[0]
        with open(self.report, "wb") as out:
            self.process = subprocess.Popen([os.environ["MEMDOOR"], "-p", str(pid), "-e", os.readlink(f"/proc/{pid}/exe"), "-i", "1"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)

    def finish(self, kills):
        self.process.wait(WAIT_S)    # it ends when the process is gone

    end = Swansong.end

    def verdict(self, kill, tids, nonce, limit_kib):
        with open(self.report, encoding="utf-8", errors="replace") as f:
            seen = [int(kib) for kib in re.findall(r"^Process RSS Memory Usage: (\d+) kB", f.read(), re.M)]
        if max(seen, default=0) >= kill.rss_kib * check.NEAR:
            return True, [], check.Times()
        return False, [f"the last RSS of {len(seen)} that it printed: {seen[-1] if seen else 0} KiB, killed at {kill.rss_kib} KiB"], check.Times()


WATCHERS = {"unwatched": Nobody, "at 70 %": AtLevel, "always": Always, "early": Early, "held": Held, "braked": Braked, "victim": NextVictim,
            "memdoor": Memdoor}


def available(name):
    """None, or why this watcher cannot be had here."""
    if name == "memdoor" and not os.environ.get("MEMDOOR"):
        return "give MEMDOOR=path of its binary"
    return None
