# SPDX-License-Identifier: MIT
"""Whatever happens to a whole dump: the target's work goes on and is right, nobody is left behind, no evidence is lost.

test_stop does this to the stop alone; here the collectors run, too, and every bundle that remains must be readable.
The victim is `selfcheck`: threads that compute what can be checked, under a storm of signals of which each must
arrive once.  Moments are random, and spread over what a dump was measured to take here and now.
"""

import ctypes
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from tests.system.harness import SWANSONG, SwansongTest, proc_status, thread_states, tids, wait_until

KILLS = 300
# So many of them, at least, while the target is traced: quiet, every fourth is.
TRACED = 5
ENOUGH_S = 100
THREADS = 30
PR_SET_CHILD_SUBREAPER = 36


def children():
    found = set()
    for tid in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{tid}/children", encoding="ascii") as f:
            found.update(map(int, f.read().split()))
    return found


class Case(SwansongTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(20261121)
        # Whatever a swansong leaves behind becomes our child.
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0)
        self.addCleanup(libc.prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def assert_works_on(self, pid):
        """Every thread of it gets to run."""
        def runs():
            found = {}
            for tid in tids(pid):
                with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as stat:
                    found[tid] = [int(stat.read().rsplit(")", 1)[1].split()[11])]
                with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as status:
                    found[tid] += [int(line.split()[1]) for line in status if "ctxt_switches" in line]
            return found
        before = runs()
        wait_until("every thread runs on", lambda: all(runs()[tid] != was for tid, was in before.items()))

    def assert_right(self, victim):
        """End it, and let it say whether all of its work was right and every signal came once."""
        self.assert_works_on(victim.pid)
        victim.terminate()
        said = victim.stdout.read().decode()
        self.assertEqual((victim.wait(), said.split(":")[0]), (0, "right"), said)
        return said

    def start_dump(self, pid, *args):
        return subprocess.Popen([SWANSONG, "dump", "-p", str(pid), "-o", self.out, *args], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def out(self):
        path = os.path.join(self.dir, "out")
        os.makedirs(path, exist_ok=True)
        return path

    def dump_seconds(self, pid):
        took = []
        for _ in range(5):
            began = time.monotonic()
            self.assertEqual(self.start_dump(pid, "--no-report").wait(), 0)
            took.append(time.monotonic() - began)
        shutil.rmtree(self.out)
        return sorted(took)[2]

    def assert_nobody_left(self, known):
        """Collectors end with their swansong; a zombie whose parent has died comes to us."""
        def reaped():
            for pid in children() - known:
                os.waitpid(pid, os.WNOHANG)
            return not children() - known
        wait_until("nobody of swansong's is left", reaped)

    def assert_free(self, pid):
        """Untraced, and no thread stopped: at once, but for a thread that is just being woken."""
        def free():
            return all(tracer == 0 and state not in "tT" for state, tracer in thread_states(pid).values())
        self.assertEqual(proc_status(pid).get("TracerPid"), "0")
        wait_until("no thread of it is stopped", free)

    def read_what_remains(self, with_report):
        """What is in the directory: how many bundles, and are they what their names say?"""
        names = os.listdir(self.out)
        for name in names:
            path = os.path.join(self.out, name)
            self.assertRegex(name, r"\.swansong(\.partial)?$")
            files = set(os.listdir(path))
            try:
                self.assertEqual(self.manifest(path)["complete"], not name.endswith(".partial"), name)
            except (OSError, json.JSONDecodeError):  # nothing is taken before the first manifest is written
                self.assertTrue(name.endswith(".partial"))
                self.assertLessEqual(files, {"manifest.json", "manifest.json.new", "manifest.json.first"})
            if with_report and "manifest.json" in files:
                self.assert_report(path)
        shutil.rmtree(self.out)
        return names

    def assert_report(self, path):
        done = self.swansong("report", "--format", "json", "--no-lines", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["format"], 1)


class SwansongKilled(Case):
    def kill_at(self, victim, moment, after_seize):
        swansong = self.start_dump(victim.pid, "--no-report")
        if after_seize:
            # Its threads are traced for about a millisecond: start from there.
            while swansong.poll() is None and proc_status(victim.pid)["TracerPid"] == "0":
                pass
        end = time.monotonic() + moment
        while time.monotonic() < end:
            pass
        traced = proc_status(victim.pid)["TracerPid"] != "0"
        swansong.kill()
        self.end(swansong)
        # 4: done before it was killed, and a thread did not stop in time, as happens on a busy machine.
        self.assertIn(swansong.returncode, (0, 4, -signal.SIGKILL))
        return traced

    def test_at_any_moment_the_target_works_on_and_the_bundle_can_be_read(self):
        victim = self.victim("selfcheck", THREADS, 1)
        seconds = self.dump_seconds(victim.pid)
        known = children()
        traced = partial = complete = 0
        began = time.monotonic()
        for i in itertools.count():
            # A busy machine takes seconds for each, and few of them fall within the capture.
            if (i >= KILLS or time.monotonic() > began + ENOUGH_S) and (traced >= TRACED or time.monotonic() > began + 2 * ENOUGH_S):
                break
            after_seize = i % 2 == 0
            moment = self.random.uniform(0, 0.002 if after_seize else seconds)
            traced += self.kill_at(victim, moment, after_seize)
            self.assert_free(victim.pid)
            self.assertEqual(len(tids(victim.pid)), THREADS + 2)
            self.assert_nobody_left(known)
            names = self.read_what_remains(with_report=i % 5 == 0)
            self.assertLessEqual(len(names), 1)
            partial += any(name.endswith(".partial") for name in names)
            complete += any(name.endswith(".swansong") for name in names)
            if i % 50 == 0:
                self.assert_works_on(victim.pid)
        said = self.assert_right(victim)
        print(f"killed at {i} moments over {1000 * seconds:.0f} ms, {traced} while the target was traced; "
              f"{partial} partial bundles, {complete} complete; target {said}", end="")
        self.assertGreaterEqual(traced, TRACED, "too few moments were within the capture")
        self.assertGreater(partial, i // 10)

    def test_in_the_report_the_bundle_is_complete_and_nobody_is_left(self):
        victim = self.victim("threads", 8, "park")
        known = children()
        for _ in range(10):
            swansong = self.start_dump(victim.pid)

            def complete():
                return swansong.poll() is not None or any(name.endswith(".swansong") for name in os.listdir(self.out))
            wait_until("the bundle is complete", complete)
            time.sleep(self.random.uniform(0, 0.1))
            swansong.kill()
            self.end(swansong)
            self.assert_nobody_left(known)
            name, = os.listdir(self.out)
            self.assert_report(os.path.join(self.out, name))
            self.read_what_remains(with_report=False)
            self.assert_free(victim.pid)


class TargetKilled(Case):
    def test_at_any_moment_the_status_says_so_and_the_bundle_can_be_read(self):
        probe = self.victim("threads", THREADS, "park")
        seconds = self.dump_seconds(probe.pid)
        known = children()
        statuses = {}
        for i in range(100):
            victim = self.victim("threads", THREADS, "park")
            swansong = self.start_dump(victim.pid, "--no-report")
            time.sleep(self.random.uniform(0, seconds))
            victim.kill()
            if i % 2:  # as often a zombie as reaped at once
                victim.wait()
            said, complaint = swansong.communicate(timeout=120)
            self.end(victim)
            statuses[swansong.returncode] = statuses.get(swansong.returncode, 0) + 1
            self.assert_nobody_left(known)
            with self.subTest(i=i, status=swansong.returncode):
                self.assertIn(swansong.returncode, (0, 3, 4), complaint)
                if swansong.returncode == 3:
                    self.assert_one_line(complaint)
                    self.assertEqual((said, os.listdir(self.out)), ("", []))
                    continue
                bundle = said.splitlines()[-1][len("bundle: "):]
                short = [s for s in self.manifest(bundle)["sections"] if s["status"] != "ok" and not s["optional"]]
                self.assertEqual(bool(short), swansong.returncode == 4, short)
                self.assertEqual(self.read_what_remains(with_report=i % 3 == 0), [os.path.basename(bundle)])
        print(f"target killed at 100 moments over {1000 * seconds:.0f} ms: exit statuses {statuses}")
        self.assertGreater(statuses.get(4, 0), 0, "no moment was within a dump")


class TargetExecutes(Case):
    def test_parts_of_different_programs_are_never_passed_off_as_one(self):
        victim = self.victim("trouble", "exec")
        statuses = {}
        for _ in range(40):
            swansong = self.start_dump(victim.pid, "--no-report")
            said, complaint = swansong.communicate(timeout=120)
            statuses[swansong.returncode] = statuses.get(swansong.returncode, 0) + 1
            self.assertIn(swansong.returncode, (0, 4), complaint)
            bundle = said.splitlines()[-1][len("bundle: "):]
            if swansong.returncode == 0:
                self.assertIsNone(self.manifest(bundle)["target"]["condition"])
                self.assert_stacks_are_of_the_mappings(bundle, victim.pid)
            elif self.manifest(bundle)["target"]["condition"] == "executed":
                statuses["executed"] = statuses.get("executed", 0) + 1
            shutil.rmtree(bundle)
        self.assertGreater(statuses.get("executed", 0), 0, statuses)

    def assert_stacks_are_of_the_mappings(self, bundle, pid):
        with open(f"{bundle}/proc/{pid}/maps", encoding="utf-8") as f:
            maps = [[int(x, 16) for x in line.split(" ", 1)[0].split("-")] for line in f]
        with open(f"{bundle}/threads.tsv", encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f][1:]
        for tid, how, _, sp, *_ in rows:
            if how != "none":
                self.assertTrue(any(a <= int(sp, 16) < b for a, b in maps), f"the stack of {tid} is in no mapping")


class TargetHeld(Case):
    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    def test_one_that_gdb_holds_is_named_and_stays_gdbs(self):
        victim = self.victim("threads", 8, "park")
        gdb = self.spawn(["gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", str(victim.pid), "-ex",
                          "python import os; os.write(1, b'attached\\n'); os.read(0, 1)"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_until("gdb has it", lambda: b"attached" in gdb.stdout.readline())
        bundle = self.dump(victim.pid, status=4)
        manifest, report = self.manifest(bundle), self.report(bundle)
        self.assertEqual(manifest["target"]["condition"], "traced")
        self.assertTrue(manifest["complete"])
        core, = [s for s in manifest["sections"] if s["path"] == "core"]
        self.assertRegex(core["reason"], rf"traced by PID {gdb.pid} \(gdb\)")
        self.assertIn(f"traced by PID {gdb.pid} (gdb)", self.text)
        self.assertGreater(report["memory"]["rss"], 0)
        self.assertEqual(proc_status(victim.pid)["TracerPid"], str(gdb.pid))
        gdb.stdin.close()
        self.assertEqual(gdb.wait(timeout=120), 0)
        self.assert_free(victim.pid)


if __name__ == "__main__":
    unittest.main()
