# SPDX-License-Identifier: MIT
"""One victim: tests/victims/hog, from its start to its death."""

import contextlib
import os
import select
import subprocess
import time

from tests.system.harness import tids, victim_path


class Victim:
    """Waits for go() with all its threads; pids are the processes that will use memory."""

    def __init__(self, place, kind, threads, speed, nonce):
        argv = [victim_path("hog"), kind, str(threads), str(speed), str(nonce)]
        self.process = subprocess.Popen(place.command(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().split()
        if line[:1] != [b"ready"]:
            self.end()
            raise RuntimeError(f"the victim did not start: {line}")
        self.pids = [int(pid) for pid in line[1:]]
        self.tids = {pid: sorted(tids(pid)) for pid in self.pids}
        self.pidfds = {os.pidfd_open(pid): pid for pid in self.pids}

    def go(self):
        # Dead already, if memory ran out before it was told to use any.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()

    def wait(self, seconds):
        """{PID: when it was dead, CLOCK_MONOTONIC ns} for all; those still alive after so long are missing."""
        poll, gone, end = select.poll(), {}, time.monotonic() + seconds
        for fd in self.pidfds:
            poll.register(fd, select.POLLIN)
        while len(gone) < len(self.pids) and time.monotonic() < end:
            for fd, _ in poll.poll(max(0, end - time.monotonic()) * 1000):
                gone[self.pidfds[fd]] = time.monotonic_ns()
                poll.unregister(fd)
        return gone

    def end(self):
        """Its children are told by their parent's death (prctl), and by the end of their stdin."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        for fd in getattr(self, "pidfds", ()):
            os.close(fd)
        self.pidfds = {}
