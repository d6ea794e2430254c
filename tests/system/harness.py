# SPDX-License-Identifier: MIT
"""What the system tests share: victims, swansong, and looks at /proc.

Every process that a test starts is ended by its PID; every directory is removed.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SWANSONG = os.path.join(BUILD, "swansong")
IS_ROOT = os.geteuid() == 0


def victim_path(name):
    return os.path.join(BUILD, "victims", name)


def wait_until(what, condition, seconds=60):
    """Poll until condition() is true; the deadline is for broken things only, no test measures time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"after {seconds} s still not: {what}")


def proc_status(pid):
    """/proc/PID/status as a dict, {} when the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    except OSError:
        return {}


def is_asleep(pid, comm):
    """Has it become this program, and does it wait?  A program that has just been started is still being executed."""
    status = proc_status(pid)
    return status.get("Name") == comm and status.get("State", "").startswith("S")


def tids(pid):
    try:
        return [int(t) for t in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def thread_states(pid):
    """{tid: (state letter, tracer pid)}"""
    states = {}
    for tid in tids(pid):
        try:
            with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as f:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            states[tid] = (fields["State"][0], int(fields["TracerPid"]))
        except (OSError, KeyError):
            continue
    return states


class SwansongTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="swansong-test.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def spawn(self, argv, **kwargs):
        """Start a process that is ended with the test."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(argv, **kwargs)
        self.addCleanup(self.end, process)
        if argv[0] == "sleep":
            wait_until("it sleeps", lambda: is_asleep(process.pid, "sleep"))
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                stream.close()

    def victim(self, name, *args, ready=True, **kwargs):
        """Start build/victims/NAME; with `ready` wait for its first line of output."""
        process = self.spawn([victim_path(name), *map(str, args)], stdout=subprocess.PIPE, **kwargs)
        if ready:
            process.first_line = process.stdout.readline().decode(errors="replace").strip()
            self.assertTrue(process.first_line, f"{name} said nothing")
        return process

    def swansong(self, *args, **kwargs):
        """Run swansong to its end; the CompletedProcess with text output (undecodable bytes kept as \\xNN)."""
        return subprocess.run([SWANSONG, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="backslashreplace", timeout=120, cwd=self.dir, **kwargs)

    def short_sections(self):
        """The manifest lines of what is not complete, of all bundles in the test's directory."""
        lines = []
        for path in glob.glob(os.path.join(self.dir, "*.swansong*", "manifest.json")):
            with open(path, encoding="ascii") as f:
                lines += [str(s) for s in json.load(f)["sections"] if s["status"] != "ok" and not s["optional"]]
        return "\n".join(lines)

    def dump(self, pid, *args, status=0, **kwargs):
        """swansong dump -p PID into the test's directory; the bundle's path."""
        done = self.swansong("dump", "-p", pid, "-o", self.dir, *args, **kwargs)
        if done.returncode != status:
            self.fail(f"exit status {done.returncode}, not {status}: {done.stdout[-2000:]}{done.stderr}{self.short_sections()}")
        last = done.stdout.rstrip("\n").rsplit("\n", 1)[-1]
        self.assertTrue(last.startswith("bundle: "), last)
        bundle = last[len("bundle: "):]
        self.assertTrue(os.path.isdir(bundle), bundle)
        self.text = done.stdout
        return bundle

    def report(self, bundle):
        with open(os.path.join(bundle, "report.json"), encoding="ascii") as f:
            return json.load(f)

    def manifest(self, bundle):
        with open(os.path.join(bundle, "manifest.json"), encoding="ascii") as f:
            return json.load(f)

    def assert_unharmed(self, pid):
        """Alive, untraced, no thread stopped: but one that has just been let go may have to be given a CPU first."""
        for tid, (_, tracer) in thread_states(pid).items():
            self.assertEqual(tracer, 0, f"thread {tid} is traced")
        wait_until("no thread is stopped", lambda: all(state not in "tT" for state, _ in thread_states(pid).values()))
        self.assertTrue(tids(pid), "the process is gone")

    def assert_one_line(self, text):
        self.assertEqual(text.count("\n"), 1, f"one line of message expected: {text!r}")


def need_root(test):
    return unittest.skipUnless(IS_ROOT, "needs root")(test)
