# SPDX-License-Identifier: MIT
"""swansong watch: whom it watches - several PIDs, by name, a memory group, whoever the kernel would kill next - and what it says
of kills that nobody attended."""

import glob
import os
import shutil
import signal
import subprocess
import sys

from tests.system.harness import need_root, proc_status, victim_path, wait_until
from tests.system.test_armed import PATIENT
from tests.system.test_oom import MemoryGroup
from tests.system.test_watch import Case

LIMIT = 64 << 20

# Look for new processes each 0.1 s: with -i alone it would take a dump each time.
OFTEN = ("--rss", "90G", "-i", "0.1", *PATIENT)

# A process that uses up so many MiB and says so; for each line that is a number it grows by so many more and says so, for another
# one it grows without end.
GREEDY = """
import sys, time
keep = [bytearray(b"x") * (int(sys.argv[1]) << 20)]
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip().isdigit():
        break
    keep.append(bytearray(b"x") * (int(line) << 20))
    print("ready", flush=True)
while True:
    keep.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.02)
"""


def enter(path):
    """Into this memory group, in a child that is about to execute."""
    with open(os.path.join(path, "cgroup.procs"), "w", encoding="ascii") as f:
        f.write("0")


class Targets(Case):
    def sleeper(self, name):
        """A sleeping program of that name."""
        path = os.path.join(self.dir, name)
        if not os.path.exists(path):
            shutil.copy(victim_path("grow"), path)
        return self.grow(path)

    def traced(self, pid):
        return proc_status(pid).get("TracerPid", "0") != "0"


class BadInput(Targets):
    def test_one_line_and_status_2(self):
        for words, args in (
                ("which process?", ()),
                ("not a PID", ("-p", "1,x")), ("not a PID", ("-p", "12,")), ("given twice", ("-p", "7,7")),
                ("only --group goes with it", ("--victim", "-p", "7")),
                ("only --group goes with it", ("--victim", "-e", "/bin/true")),
                ("only --group goes with it", ("--victim", "--comm", "x")),
                ("give one of the two", ("-p", "7", "--group", "/a")), ("give one of the two", ("-p", "7", "--comm", "x")),
                ("given twice", ("--group", "/a", "--group", "/b")), ("given twice", ("--comm", "a", "--comm", "b")),
                ("the name is empty", ("--comm", "")), ("keeps 15 bytes", ("--comm", "a-name-that-is-too-long"))):
            self.refused(2, words, *args)

    def test_no_such_group(self):
        self.refused(3, "no memory group /no/such/group", "--group", "/no/such/group")
        self.refused(3, "no memory group is called 'no-such.service'", "--group", "no-such.service")
        self.refused(3, "no memory group", "--group", "/a\033[31m")

    def test_one_of_several_that_is_not_there(self):
        v = self.sleeper("here")
        self.refused(3, "no such process", "-p", f"{v.pid},4194303")


class Several(Targets):
    def test_pids_until_the_last_one_ends(self):
        a, b, c = (self.sleeper("several") for _ in range(3))
        w = self.watch("-p", f"{a.pid},{b.pid}", "-p", str(c.pid), "--rss", "90%").wait_for("watching several", 3)
        for v in (b, a):
            v.send("exit 3")
            w.wait_for(f"({v.pid}) exited with status 3")
        self.assertIsNone(w.process.poll())
        c.send("exit 0")
        self.assertEqual(w.end(), (0, []))

    def test_by_name_and_those_that_come_later(self):
        first, other = self.sleeper("wanted-1"), self.sleeper("unwanted")
        w = self.watch("--comm", "wanted*", "--rss", "90%", "-i", "0.1").wait_for(f"watching wanted-1 ({first.pid})")
        second = self.sleeper("wanted-2")
        w.wait_for(f"watching wanted-2 ({second.pid})")
        self.assertNotIn(f"({other.pid})", w.said())

    def test_a_name_is_no_pattern_of_paths(self):
        v = self.sleeper("a [b]")
        self.watch("--comm", "a [b]", "--rss", "90%").wait_for(f"watching a [b] ({v.pid})")


@need_root
class Groups(Targets):
    def setUp(self):
        super().setUp()
        self.group = MemoryGroup(f"swansong-targets-{os.getpid()}", LIMIT)
        self.addCleanup(self.group.remove)

    def child_group(self, name, limit=None):
        path = os.path.join(self.group.path, name)
        os.mkdir(path)
        self.addCleanup(lambda: wait_until("the group is empty", lambda: not os.path.exists(path) or self.remove(path)))
        if limit:
            for file in ("memory.limit_in_bytes", "memory.max"):
                if os.path.exists(os.path.join(path, file)):
                    with open(os.path.join(path, file), "w", encoding="ascii") as f:
                        f.write(str(limit))
        return path

    @staticmethod
    def remove(path):
        try:
            os.rmdir(path)
            return True
        except OSError:
            return False

    def member(self, mib, path=None, adj=None):
        """A greedy process in the group."""
        enter = f'echo $$ >"{path or self.group.path}/cgroup.procs"; '
        score = f"echo {adj} >/proc/self/oom_score_adj; " if adj is not None else ""
        v = self.spawn(["/bin/sh", "-c", enter + score + 'exec "$@"', "sh", sys.executable, "-S", "-c", GREEDY, str(mib)],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(v.stdout.readline(), b"ready\n")
        return v

    @staticmethod
    def go(v):
        v.stdin.write(b"go\n")
        v.stdin.flush()

    def assert_at_kill(self, bundle, pid):
        manifest = self.manifest(bundle)
        self.assertEqual((manifest["trigger"]["guarantee"], manifest["target"]["pid"]), ("at-kill", pid))
        self.assertEqual(manifest["threads"]["stopped"], manifest["threads"]["listed"])

    def test_all_of_a_group_and_of_the_groups_below(self):
        below = self.child_group("below")
        first, second = self.member(1), self.member(1, below)
        w = self.watch("--group", self.group.path, "--arm", "always", *OFTEN).wait_for("watching 2 processes in memory group")
        wait_until("both are armed", lambda: self.traced(first.pid) and self.traced(second.pid))
        third = self.member(1, below)
        wait_until("so is the new one", lambda: self.traced(third.pid))
        self.go(third)
        self.assertEqual(third.wait(), -signal.SIGKILL)
        self.assert_at_kill(w.bundle(), third.pid)
        self.assertTrue(self.traced(first.pid) and self.traced(second.pid))
        w.process.terminate()
        self.assertEqual(w.end()[0], 0)
        for v in (first, second):
            wait_until("nobody traces it", lambda: not self.traced(v.pid))
            self.assert_unharmed(v.pid)

    def test_only_those_are_armed_whose_own_group_fills(self):
        small = self.child_group("small", LIMIT // 2)
        inside, beside = self.member(LIMIT * 2 // 5 >> 20, small), self.member(1)
        self.watch("--group", self.group.path, *OFTEN).wait_for(f"({inside.pid}): armed")
        self.assertFalse(self.traced(beside.pid))

    def test_a_watcher_inside_the_group_does_not_watch_itself(self):
        group = MemoryGroup(f"swansong-inside-{os.getpid()}", 1 << 30)
        self.addCleanup(group.remove)
        member = self.member(1, group.path)
        w = self.watch("--group", group.path, "--arm", "always", *OFTEN, preexec_fn=lambda: enter(group.path))
        # With its own helpers there would be 3 processes.
        w.wait_for("watching 1 process in memory group")
        wait_until("it is armed", lambda: self.traced(member.pid))
        w.process.terminate()
        self.assertEqual(w.end()[0], 0)

    def test_waits_for_the_first_of_a_group(self):
        w = self.watch("--group", self.group.path, "--arm", "always", *OFTEN).wait_for("waiting for one")
        v = self.member(1)
        wait_until("it is armed", lambda: self.traced(v.pid))
        w.process.terminate()

    def test_the_victim_of_a_group_is_the_one_that_the_kernel_chooses(self):
        large, marked = self.member(20), self.member(1, adj=1000)
        w = self.watch("--group", self.group.path, "--victim", "--arm", "always", *OFTEN).wait_for(
            "watching whoever the kernel would kill next in memory group")
        wait_until("both are armed", lambda: self.traced(large.pid) and self.traced(marked.pid))
        self.go(large)
        self.assertEqual([v.wait() for v in (marked, large)], [-signal.SIGKILL] * 2)
        # The second kill follows so soon that either bundle may be complete first.
        bundles = {self.manifest(bundle)["target"]["pid"]: bundle for bundle in (w.bundle(), w.bundle())}
        for v in (marked, large):
            self.assert_at_kill(bundles[v.pid], v.pid)

    def test_the_victim_changes_with_the_ranking(self):
        """Of eight only the first are armed; one that was last is, once it has grown."""
        others = [self.member(3) for _ in range(7)]
        small = self.member(1)
        w = self.watch("--group", self.group.path, "--victim", "--arm", "always", *OFTEN).wait_for("armed")
        self.assertFalse(self.traced(small.pid))
        self.assertFalse(all(self.traced(v.pid) for v in others))
        small.stdin.write(b"6\n")
        small.stdin.flush()
        self.assertEqual(small.stdout.readline(), b"ready\n")
        wait_until("it is armed instead", lambda: self.traced(small.pid))
        self.go(small)
        self.assertEqual(small.wait(), -signal.SIGKILL)
        self.assert_at_kill(w.bundle(), small.pid)

    def test_who_was_not_armed_leaves_the_kernels_word(self):
        v = self.member(1)
        w = self.watching("-p", str(v.pid), "--arm", "never", "--rss", "90G", report=True)
        self.go(v)
        self.assertEqual(v.wait(), -signal.SIGKILL)
        bundle = w.bundle()
        self.assertIn("not armed: killed by the kernel for memory", w.said())
        self.assertEqual(w.end()[0], 0)
        report = self.report(bundle)
        self.assertEqual(report["trigger"]["guarantee"], "kernel")
        self.assertIn("--arm always", report["trigger"]["better"])
        self.assertEqual((report["kill"]["victim_pid"], report["kill"]["was_target"]), (v.pid, True))
        self.assertGreater(len(report["history"]), 0)
        name = os.path.basename(self.group.path)
        limits = (glob.glob(f"{bundle}/sys/fs/cgroup/**/{name}/memory.limit_in_bytes", recursive=True) +
                  glob.glob(f"{bundle}/sys/fs/cgroup/**/{name}/memory.max", recursive=True))
        self.assertEqual(len(limits), 1)
        with open(limits[0], encoding="ascii") as f:
            self.assertEqual(int(f.read()), LIMIT)
        self.assertGreater(report["memory"]["mem_total"], LIMIT)
        with open(os.path.join(bundle, "kmsg"), encoding="ascii") as f:
            self.assertIn(f"Killed process {v.pid} ", f.read())
        with open(os.path.join(bundle, "report.txt"), encoding="utf-8") as f:
            self.assertIn("the kernel's word only", f.read())

    def test_a_kill_by_hand_is_no_kernels_word(self):
        v = self.member(1)
        w = self.watching("-p", str(v.pid), "--arm", "never", "--rss", "90G")
        v.kill()
        self.assertEqual(w.end(), (0, []))
        self.assertIn("was killed by signal 9", w.said())

    def test_who_was_not_even_watched_is_named(self):
        w = self.watch("--group", self.group.path, "--rss", "90G", "-i", "3600").wait_for("waiting for one")
        v = self.member(1)
        self.go(v)
        self.assertEqual(v.wait(), -signal.SIGKILL)
        w.wait_for(f"({v.pid}), not watched: killed by the kernel for memory")
        self.assertIsNone(w.process.poll())

    def test_the_victim_of_the_machine(self):
        """Never armed: it would be somebody else's process.  The VM's tests arm it."""
        w = self.watch("--victim", "--arm", "never", "--rss", "90G").wait_for("watching whoever the kernel would kill next")
        w.process.terminate()
        self.assertEqual(w.end()[0], 0)
