# SPDX-License-Identifier: MIT
"""swansong watch --hold: the kernel waits at the limit of a v1 group, and whoever of us is killed, everything is put back."""

import glob
import os
import random
import signal
import subprocess
import sys
import time
import unittest

from tests.system.harness import SWANSONG, SwansongTest, proc_status, thread_states, victim_path, wait_until
from tests.system.test_armed import LIMIT, PATIENT
from tests.system.test_oom import MemoryGroup

V1 = os.geteuid() == 0 and os.access("/sys/fs/cgroup/memory/memory.oom_control", os.W_OK)
NOTES = "/run/swansong"

# Steps of the watcher while it puts the brake on, and of the holder at the limit: at each of these calls it is killed.
WATCHER_STEPS = ["linkat", "clone:when=1", "pwrite64:when=1", "socketpair", "clone:when=2", "epoll_ctl:when=4"]
HOLDER_STEPS = ["ptrace:when=1", "ptrace:when=8", "pwrite64:when=1", "pwrite64:when=2", "ptrace:when=40", "pwrite64:when=3",
                "ptrace:when=60"]

RANDOM_KILLS = int(os.environ.get("BRAKE_KILLS", "4"))


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(c) for c in f.read().split()]
    except OSError:
        return []


def comm(pid):
    return proc_status(pid).get("Name")


@unittest.skipUnless(V1, "needs root and a cgroup v1 memory controller")
class Hold(SwansongTest):
    def setUp(self):
        super().setUp()
        self.group = MemoryGroup(f"swansong-hold-{os.getpid()}")
        self.addCleanup(self.group.remove)
        # First of all when a test fails: nothing may hang there.
        self.addCleanup(self.write, "memory.oom_control", "0")

    def path(self, file):
        return os.path.join(self.group.path, file)

    def write(self, file, value):
        with open(self.path(file), "w", encoding="ascii") as f:
            f.write(value)

    def read(self, file):
        with open(self.path(file), encoding="ascii") as f:
            return f.read()

    def kill_disabled(self):
        return "oom_kill_disable 1" in self.read("memory.oom_control")

    def note(self):
        st = os.stat(self.group.path)
        return os.path.exists(f"{NOTES}/brake.{st.st_dev:x}.{st.st_ino}")

    def leak(self, *args):
        process = self.spawn(self.group.command([victim_path("leak"), *args]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def hog(self, threads=4):
        """Waits for a line on stdin, then fills the group at full speed, in page faults."""
        process = self.spawn(self.group.command([sys.executable, "-c", HOG, str(threads)]), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def go(self, hog):
        hog.stdin.write(b"go\n")
        hog.stdin.flush()

    def watch(self, pid, *options, arm="always", before=()):
        return self.spawn([*before, SWANSONG, "watch", "-p", str(pid), "-o", self.dir, "--hold", "--no-report", "--arm",
                           arm, *PATIENT, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="backslashreplace")

    def watch_holding(self, pid, **options):
        """A watcher whose brake is on and whose holder is ready."""
        watcher = self.watch(pid, **options)
        for line in watcher.stderr:
            if "will be held at its limit" in line:
                return watcher
        raise AssertionError("the watcher ended")

    def helpers(self, watcher):
        """The guard and the holder of that watcher."""
        found = {}

        def are_there():
            found.update((comm(c), c) for c in children(watcher.pid))
            return {"swansong-guard", "swansong-hold"} <= set(found)

        wait_until("the guard and the holder are there", are_there)
        return found["swansong-guard"], found["swansong-hold"]

    def assert_undone(self, what):
        wait_until(f"{what}: the kill is permitted again", lambda: not self.kill_disabled(), 60)
        wait_until(f"{what}: the limit is back", lambda: int(self.read("memory.limit_in_bytes")) == LIMIT, 60)
        wait_until(f"{what}: the note is gone", lambda: not self.note(), 60)

    def assert_free(self, victim, what):
        """The victim is not traced nor stopped, or the kernel has killed it."""
        def free():
            states = thread_states(victim.pid)
            return victim.poll() is not None or (states and all(s not in "tT" and t == 0 for s, t in states.values()))
        wait_until(f"{what}: nobody holds it", free, 60)

    def test_the_kernel_waits_until_all_threads_are_copied_then_kills(self):
        victim = self.leak(60, 12, 0)
        watcher = self.watch_holding(victim.pid)
        self.go(victim)
        out, err = watcher.communicate(timeout=120)
        self.assertEqual((watcher.returncode, victim.wait()), (0, -signal.SIGKILL), err + self.short_sections())
        self.assert_undone(err)
        bundle = out.splitlines()[0][len("bundle: "):]
        manifest = self.manifest(bundle)
        self.assertEqual((manifest["trigger"]["guarantee"], manifest["trigger"]["kind"]), ("held", "hold"))
        self.assertEqual((manifest["threads"]["listed"], manifest["threads"]["stopped"]), (13, 13), err)
        done = self.swansong("report", bundle)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("held: the kernel waited until the capture was done", done.stdout)
        report = self.json_report(bundle)
        self.assertEqual([t["captured"] for t in report["threads"]], ["stopped"] * 13)
        functions = [f["function"] for t in report["threads"] for f in t["frames"]]
        self.assertIn("shop::Service::serve", functions)
        self.assertEqual(functions.count("shop::Service::wait_for_work"), 12)
        self.assertEqual(report["trigger"]["guarantee"], "held")
        # On a busy machine the kill may come later than the bundle waits for it, and the kernel may refuse the old limit
        # until somebody has died.
        if report["kill"]:
            self.assertTrue(report["kill"]["was_target"])
            self.assertIn(report["kill"]["limit"], (None, LIMIT, LIMIT + (4 << 20)))

    def json_report(self, bundle):
        done = self.swansong("report", bundle, "--format", "json", "-o", os.path.join(self.dir, "report.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.report(self.dir)

    def test_the_watcher_killed_at_each_step_of_putting_it_on(self):
        victim = self.leak(0.001, 3)
        for step in WATCHER_STEPS:
            call, _, when = step.partition(":")
            inject = f"inject={call}:signal=SIGKILL" + (f":{when}" if when else "")
            watcher = self.watch(victim.pid, before=["strace", "-o", "/dev/null", "-e", inject])
            watcher.communicate(timeout=120)
            self.assert_undone(step)
            self.assert_free(victim, step)
            self.assertIsNone(victim.poll(), step)

    def test_the_holder_killed_at_each_step_at_the_limit(self):
        for step in HOLDER_STEPS:
            call, _, when = step.partition(":")
            victim = self.hog(8)
            watcher = self.watch_holding(victim.pid)
            _, holder = self.helpers(watcher)
            tracer = self.spawn(["strace", "-f", "-o", os.path.join(self.dir, "trace"), "-e",
                                 f"inject={call}:signal=SIGKILL:{when}", "-p", str(holder)], stderr=subprocess.DEVNULL)
            wait_until("strace is there", lambda: proc_status(holder).get("TracerPid") != "0")
            self.go(victim)
            tracer.wait(timeout=120)
            self.assert_undone(step)
            self.assert_free(victim, step)
            victim.kill()
            watcher.communicate(timeout=120)

    def test_everything_killed_at_random_moments(self):
        for i in range(RANDOM_KILLS):
            victim = self.hog(8)
            watcher = self.watch(victim.pid) if i % 2 else self.watch_holding(victim.pid)
            self.go(victim)
            time.sleep(random.random() * 0.06)
            watcher.kill()
            self.assert_undone(i)
            self.assert_free(victim, i)
            victim.kill()
            watcher.communicate(timeout=120)
            victim.wait()

    def test_the_guard_killed_or_the_watcher_asked_to_end(self):
        victim = self.leak(0.001, 3)
        watcher = self.watch_holding(victim.pid)
        self.assertTrue(self.kill_disabled())
        os.kill(self.helpers(watcher)[0], signal.SIGKILL)
        self.assert_undone("the guard killed")
        self.assertIn("braked no longer", watcher.stderr.readline())
        # It goes on as any other.
        self.assertIn("present if the kernel kills it", watcher.stderr.readline())
        watcher.terminate()
        watcher.communicate(timeout=120)
        watcher = self.watch_holding(victim.pid)
        watcher.terminate()
        watcher.communicate(timeout=120)
        self.assert_undone("SIGTERM")
        self.assert_unharmed(victim.pid)

    def test_all_killed_at_once_is_undone_at_the_next_start(self):
        victim = self.leak(0.001, 3)
        watcher = self.watch_holding(victim.pid)
        guard, _ = self.helpers(watcher)
        watcher.send_signal(signal.SIGSTOP)
        os.kill(guard, signal.SIGKILL)
        watcher.kill()
        watcher.communicate(timeout=120)
        # Another test's swansong may have started in between, and has undone it then.
        done = self.swansong("--version")
        self.assertEqual(done.returncode, 0)
        if self.kill_disabled():
            self.assertTrue(self.note())
            done = self.swansong("dump", "-p", victim.pid, "--only", "process", "-o", self.dir, "--no-report")
        if self.group.path in done.stderr:
            self.assertIn("a brake was left behind when swansong was killed, and is undone now", done.stderr)
        self.assert_undone("the next start")
        self.assert_unharmed(victim.pid)

    def test_what_somebody_else_has_set_meanwhile_stays(self):
        victim = self.leak(0.001, 3)
        watcher = self.watch_holding(victim.pid)
        self.write("memory.limit_in_bytes", str(2 * LIMIT))
        watcher.kill()
        watcher.communicate(timeout=120)
        wait_until("the kill is permitted again", lambda: not self.kill_disabled())
        wait_until("the note is gone", lambda: not self.note())
        self.assertEqual(int(self.read("memory.limit_in_bytes")), 2 * LIMIT)

    def test_a_target_that_has_moved_is_not_held_at_the_old_limit(self):
        victim = self.leak(0.001, 3)
        watcher = self.watch_holding(victim.pid)
        with open(os.path.join(os.path.dirname(self.group.path), "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(victim.pid))
        hog = self.hog(2)
        self.go(hog)
        self.assertEqual(hog.wait(timeout=120), -signal.SIGKILL)
        self.assert_undone("the target moved")
        watcher.terminate()
        watcher.communicate(timeout=120)
        self.assert_unharmed(victim.pid)

    def grow(self):
        return self.spawn(self.group.command([victim_path("grow")]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, victim, line, answered=True):
        victim.stdin.write(line.encode() + b"\n")
        victim.stdin.flush()
        if answered:
            self.assertEqual(victim.stdout.readline(), b"ok\n")

    def test_what_was_captured_at_the_limit_stays_when_somebody_else_dies_there(self):
        held, other = self.grow(), self.grow()
        with open(f"/proc/{other.pid}/oom_score_adj", "w", encoding="ascii") as f:
            f.write("1000")
        self.tell(held, "grow 10")
        self.tell(other, "grow 40")
        # Armed because of the other, whose end makes room: a moment later it need not be armed any more.
        watcher = self.watch_holding(held.pid, arm="70%")
        self.tell(other, "speed 50", answered=False)
        self.assertEqual(other.wait(), -signal.SIGKILL)
        bundles = wait_until("there is a bundle", lambda: glob.glob(os.path.join(self.dir, "grow.*.swansong")), 60)
        manifest = self.manifest(bundles[0])
        self.assertEqual((manifest["trigger"]["guarantee"], manifest["threads"]["stopped"]), ("held", 1))
        self.assert_undone("the other has died")
        watcher.terminate()
        watcher.communicate(timeout=120)
        self.assert_unharmed(held.pid)

    def test_one_hold_for_a_group(self):
        first, second = self.leak(0.001, 2), self.leak(0.001, 2)
        watcher = self.watch_holding(first.pid)
        other = self.watch(second.pid)
        lines = [other.stderr.readline() for _ in range(3)]
        self.assertTrue(any("not braked, armed without" in line and "disabled there already" in line for line in lines), lines)
        for w in (other, watcher):
            w.terminate()
            w.communicate(timeout=120)
        self.assert_undone("both ended")

    def test_bad_input_is_said_at_the_start(self):
        victim = self.leak(0.001)
        done = self.swansong("watch", "-p", victim.pid, "--brake", "--count", 1)
        self.assertEqual(done.returncode, 3)
        self.assertIn("which has no memory.high; there it is --hold", done.stderr)
        done = self.swansong("watch", "-p", os.getpid(), "--hold", "--arm", "90%", "--count", 1, "-o", self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not braked, armed without: PID", done.stderr)
        self.assertIn("no memory group limits it", done.stderr)
        for options in (["--brake", "--hold"], ["--hold", "--arm", "never", "--rss", "50%"], ["--brake=0"], ["--brake=x"],
                        ["--brake-deadline", "0"]):
            done = self.swansong("watch", "-p", victim.pid, *options)
            self.assertEqual(done.returncode, 2, options)
            self.assert_one_line(done.stderr)
        self.assert_undone("bad input")

    def test_who_may_not_write_to_the_group_is_told(self):
        victim = self.spawn(self.group.command(["setpriv", "--reuid=65534", "--clear-groups", "sleep", "60"]))
        wait_until("it is the other user's", lambda: proc_status(victim.pid).get("Uid", "").startswith("65534"))
        os.chmod(self.dir, 0o777)
        done = self.swansong("watch", "-p", victim.pid, "--hold", "--count", 1, "-o", self.dir, user=65534)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not braked, armed without: ", done.stderr)
        self.assertIn("memory.oom_control: cannot be set: Permission denied", done.stderr)


HOG = """
import mmap, sys, threading
def parked():
    threading.Event().wait()
for _ in range(int(sys.argv[1])):
    threading.Thread(target=parked, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
memory = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, 1 << 30, 4096):
    memory[at] = 1
"""

