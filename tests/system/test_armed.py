# SPDX-License-Identifier: MIT
"""swansong watch, armed: present at a real kill by the kernel, in a small memory group of this machine."""

import os
import signal
import subprocess
import sys
import time
import unittest
from datetime import datetime, timezone

from tests.system.harness import (SWANSONG, SwansongTest, need_root, proc_status, thread_states, tids, victim_path,
                                  wait_until)
from tests.system.test_oom import MemoryGroup

LIMIT = 64 << 20

# The default is for machines that have a CPU for us.
PATIENT = ("--kill-budget", "2000")


class Armed(SwansongTest):
    def setUp(self):
        super().setUp()
        self.group = MemoryGroup(f"swansong-armed-{os.getpid()}")
        self.addCleanup(self.group.remove)

    def leak(self, *args):
        """The leaking service, inside the group; with a third argument, PAUSE_MIB, it waits there for go_on()."""
        process = self.spawn(self.group.command([victim_path("leak"), *args]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertTrue(process.stdout.readline().startswith(b"ready "))
        return process

    @staticmethod
    def go_on(victim):
        victim.stdin.write(b"\n")
        victim.stdin.flush()

    def watch(self, pid, *options):
        return self.spawn([SWANSONG, "watch", "-p", str(pid), "-o", self.dir, *PATIENT, *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="backslashreplace")

    def wait_armed(self, pid):
        def attended():
            states = thread_states(pid).values()
            return states and all(tracer for _, tracer in states)
        wait_until("every thread is attended", attended)

    def finish(self, watcher):
        out, err = watcher.communicate(timeout=120)
        return [line[len("bundle: "):] for line in out.splitlines()], err, watcher.returncode

    def test_a_process_that_moves_into_another_group_is_followed(self):
        victim = self.spawn([victim_path("grow")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watcher = self.watch(victim.pid, "--no-report")
        for line in watcher.stderr:
            if "watching " in line:
                break
        with open(os.path.join(self.group.path, "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(victim.pid))
        mib = LIMIT * 3 // 4 >> 20
        victim.stdin.write(b"grow %d\n" % mib)
        victim.stdin.flush()
        self.assertIn(": armed, ", watcher.stderr.readline())
        self.wait_armed(victim.pid)
        victim.stdin.write(b"grow %d\n" % mib)
        victim.stdin.flush()
        bundles, err, status = self.finish(watcher)
        self.assertEqual((victim.wait(), len(bundles), status), (-signal.SIGKILL, 1, 0), err)
        self.assertEqual(self.manifest(bundles[0])["trigger"]["guarantee"], "at-kill")

    def test_the_bundle_of_a_kill_names_the_dump_before_it(self):
        victim = self.spawn(self.group.command([victim_path("grow")]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watcher = self.watch(victim.pid, "--no-report", "--rss", "30%", "--arm", "always")
        victim.stdin.write(b"grow %d\n" % (LIMIT // 2 >> 20))
        victim.stdin.flush()
        early = os.path.basename(watcher.stdout.readline().strip())
        victim.stdin.write(b"speed 10\n")
        victim.stdin.flush()
        bundles, err, _ = self.finish(watcher)
        self.assertEqual(victim.wait(), -signal.SIGKILL, err)
        sentence = self.manifest(bundles[-1])["trigger"]["sentence"]
        self.assertRegex(sentence, r"; [12] dumps? before it, the last [0-9]+ ms before: [a-z]+\.%d\..*\.swansong$" % victim.pid)
        if len(bundles) == 1:
            self.assertIn(early, sentence)

    def test_the_kernels_kill_is_captured_with_all_threads_and_memory(self):
        # Its default: armed from 70 % of the limit on.
        victim = self.leak(60, 12, 50)
        watcher = self.watch(victim.pid)
        self.wait_armed(victim.pid)
        self.go_on(victim)
        bundles, err, status = self.finish(watcher)
        self.assertEqual(victim.wait(), -signal.SIGKILL)
        self.assertEqual((len(bundles), status), (1, 0), err)
        report = self.report(bundles[0])
        self.assertEqual(report["trigger"]["guarantee"], "at-kill")
        self.assertIn("killed by the kernel for memory", report["trigger"]["sentence"])
        self.assertEqual([t["captured"] for t in report["threads"]], ["stopped"] * 13)
        self.assertTrue(all(t["complete"] for t in report["threads"]))
        functions = [f["function"] for t in report["threads"] for f in t["frames"]]
        self.assertIn("shop::Service::serve", functions)
        self.assertEqual(functions.count("shop::Service::wait_for_work"), 12)
        # All of its memory was still there, and the group was full.
        self.assertGreater(report["memory"]["rss"], LIMIT * 0.9)
        self.assertEqual(report["memory"]["limit"], LIMIT)
        # The machine around it, as it was once the victim had been let go.
        self.assertGreater(report["system"]["processes_seen"], 1)
        self.assertEqual(report["missing"], [m for m in report["missing"] if m["optional"]])
        with open(os.path.join(bundles[0], "kmsg"), encoding="ascii") as f:
            self.assertIn(f"Killed process {victim.pid} (leak)", f.read())
        self.assert_kernels_word(report, bundles[0], victim.pid)

    def assert_kernels_word(self, report, bundle, pid):
        """What the kernel logged is in the report, and agrees with what was seen of the process itself."""
        kill = report["kill"]
        self.assertEqual((kill["victim_pid"], kill["victim_comm"], kill["was_target"]), (pid, "leak", True))
        self.assertAlmostEqual(kill["anon_rss"], report["memory"]["anon"], delta=LIMIT * 0.05)
        self.assertIn(f"Killed process {pid} (leak)", kill["text"])
        # The record's own time, on the clock that the manifest ties to the time of day.
        manifest = self.manifest(bundle)
        with open(os.path.join(bundle, "kmsg"), encoding="ascii") as f:
            record_us = int(f.read().splitlines()[-1].split(",")[2])
        time_us = (manifest["time_ns"] - manifest["monotonic_ns"] + record_us * 1000) // 1000
        self.assertEqual(kill["time"], datetime.fromtimestamp(time_us // 1000000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
                         + f".{time_us % 1000000:06}Z")
        text = self.swansong("report", bundle).stdout
        self.assertIn(f"killed leak ({pid}); ", text)
        self.assertIn("THE KERNEL'S WORD", text)
        self.assertIn(f"leak (PID {pid})", text)
        if kill["trigger_comm"] is None:
            self.skipTest("other kills used up the kernel's limit of 10 reports in 5 s: only the last line was checked")
        self.assertEqual((kill["scope"], kill["constraint"], kill["order"]), ("group", "CONSTRAINT_MEMCG", 0))
        self.assertEqual((kill["limit"], kill["uid"], kill["oom_score_adj"]), (LIMIT, 0, 0))
        self.assertTrue(kill["group"].endswith(os.path.basename(self.group.path)), kill["group"])
        self.assertIn(kill["trigger_pid"], [t["tid"] for t in report["threads"]])
        self.assertIn("leak", kill["trigger_comm"])
        self.assertIn("GFP_", kill["gfp_mask"])
        row = next(t for t in kill["tasks"] if t["pid"] == pid)
        self.assertGreater(row["rss"], LIMIT * 0.9)
        self.assertTrue(any(e.startswith("the kernel killed it because memory group") for e in report["verdict"]["evidence"]))
        self.assertIn("reached its limit of 64.0 MiB", " ".join(text.split()))

    def test_at_full_speed_armed_from_the_start(self):
        for threads in (1, 32):
            victim = self.leak(0.001, threads)
            watcher = self.watch(victim.pid, "--arm", "always", "--no-report")
            self.wait_armed(victim.pid)
            victim.kill()
            self.finish(watcher)
            # The same with a hog that fills the group as fast as the machine can.
            hog = self.spawn(self.group.command([sys.executable, "-c", FULL_SPEED, str(threads)]), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
            hog.stdout.readline()
            watcher = self.watch(hog.pid, "--arm", "always", "--no-report")
            self.wait_armed(hog.pid)
            hog.stdin.write(b"go\n")
            hog.stdin.flush()
            bundles, err, _ = self.finish(watcher)
            self.assertEqual(len(bundles), 1, err)
            totals = self.manifest(bundles[0])["threads"]
            self.assertEqual((totals["listed"], totals["stopped"]), (threads + 1, threads + 1), totals)

    def test_a_kill_by_hand_is_no_kill_for_memory(self):
        victim = self.leak(0.001)
        watcher = self.watch(victim.pid, "--arm", "always")
        self.wait_armed(victim.pid)
        victim.kill()
        bundles, err, status = self.finish(watcher)
        self.assertEqual((bundles, status), ([], 0), err)
        self.assertIn("killed by signal 9", err)

    def test_the_target_runs_on_untraced_when_the_watcher_is_killed(self):
        victim = self.leak(0.001, 8)
        for how in (signal.SIGKILL, signal.SIGTERM):
            watcher = self.watch(victim.pid, "--arm", "always")
            self.wait_armed(victim.pid)
            watcher.send_signal(how)
            watcher.wait()
            wait_until("nobody traces it", lambda: not any(t for _, t in thread_states(victim.pid).values()))
            self.assert_unharmed(victim.pid)
            self.assertEqual(len(tids(victim.pid)), 9)

    def test_an_early_dump_works_while_armed_and_leaves_it_armed(self):
        victim = self.leak(0.001, 4)
        watcher = self.watch(victim.pid, "--arm", "always", "--no-report")
        self.wait_armed(victim.pid)
        watcher.send_signal(signal.SIGUSR1)
        self.assertTrue(watcher.stdout.readline().startswith("bundle: "))
        self.wait_armed(victim.pid)
        watcher.terminate()
        err = watcher.communicate()[1]
        self.assertEqual(err.count(": armed, "), 1, err)
        bundles = [n for n in os.listdir(self.dir) if n.endswith(".swansong")]
        self.assertEqual(len(bundles), 1)
        totals = self.manifest(os.path.join(self.dir, bundles[0]))["threads"]
        self.assertEqual(totals["stopped"], 5, totals)

    def test_armed_only_near_the_limit(self):
        victim = self.leak(0.001)
        watcher = self.watch(victim.pid)
        self.assertIn("armed from", watcher.stderr.readline())
        time.sleep(0.5)
        self.assertEqual(proc_status(victim.pid)["TracerPid"], "0")
        watcher.terminate()

    def test_armed_when_others_fill_the_group(self):
        victim = self.leak(0.001)
        watcher = self.watch(victim.pid)
        self.assertIn("armed from", watcher.stderr.readline())
        self.assertEqual(proc_status(victim.pid)["TracerPid"], "0")
        other = self.spawn(self.group.command([sys.executable, "-c", "x = bytearray(50 << 20); input()"]), stdin=subprocess.PIPE)
        self.wait_armed(victim.pid)
        other.kill()
        watcher.terminate()

    def test_a_hanging_attendant_is_ended_and_replaced(self):
        for end in (signal.SIGTERM, signal.SIGKILL):
            victim = self.leak(0.001, 4)
            watcher = self.watch(victim.pid, "--arm", "always", "--no-report")
            self.wait_armed(victim.pid)
            attendant = int(proc_status(victim.pid)["TracerPid"])
            os.kill(attendant, signal.SIGSTOP)
            # It would hold the victim for ever: a signal to it, its exit.
            victim.send_signal(end)
            self.assertEqual(victim.wait(timeout=120), -end)
            _, err, _ = self.finish(watcher)
            self.assertIn("did not answer, and was ended): another one takes over", err)
            self.assertFalse(os.path.exists(f"/proc/{attendant}"))

    def test_the_next_attendant_is_present_at_the_kill(self):
        victim = self.leak(60, 4, 0)
        watcher = self.watch(victim.pid, "--arm", "always", "--no-report")
        self.wait_armed(victim.pid)
        attendant = proc_status(victim.pid)["TracerPid"]
        os.kill(int(attendant), signal.SIGKILL)
        wait_until("another one has taken over", lambda: proc_status(victim.pid)["TracerPid"] not in ("0", attendant))
        self.wait_armed(victim.pid)
        self.go_on(victim)
        bundles, err, _ = self.finish(watcher)
        self.assertIn("(it was killed): another one takes over", err)
        self.assertEqual(len(bundles), 1, err)

    def test_the_guard_and_the_attendant_die_with_the_watcher(self):
        victim = self.leak(0.001)
        watcher = self.watch(victim.pid, "--arm", "always")
        self.wait_armed(victim.pid)
        attendant = int(proc_status(victim.pid)["TracerPid"])
        guard = int(proc_status(attendant)["PPid"])
        self.assertEqual(proc_status(guard)["PPid"], str(watcher.pid))
        watcher.kill()
        watcher.wait()
        wait_until("both are gone", lambda: not any(os.path.exists(f"/proc/{pid}/fd") for pid in (guard, attendant)))

    def test_many_that_are_killed_one_after_the_other(self):
        hogs = [self.spawn(self.group.command([sys.executable, "-c", HOG]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for _ in range(5)]
        for hog in hogs:
            hog.stdout.readline()
        watcher = self.spawn([SWANSONG, "watch", "--group", self.group.path, "--arm", "always", "-o", self.dir,
                              "--no-report", *PATIENT],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for hog in hogs:
            self.wait_armed(hog.pid)
        self.fill(hogs)
        bundles = [watcher.stdout.readline() for hog in hogs if hog.wait() == -signal.SIGKILL]
        watcher.terminate()
        self.assertEqual(len(bundles), 5)
        for line in bundles:
            self.assertTrue(line.startswith("bundle: "), line)
            manifest = self.manifest(line.split()[1])
            self.assertEqual((manifest["trigger"]["guarantee"], manifest["threads"]["lost"]), ("at-kill", 0))
            kill = manifest["kill"]
            self.assertLessEqual(kill["first_stop_ns"], kill["threads_read_ns"])
            self.assertEqual(kill["let_go_ns"] - kill["first_stop_ns"], manifest["pause_ns"])

    @staticmethod
    def fill(hogs):
        for hog in hogs:
            hog.stdin.write(b"go\n")
            hog.stdin.flush()

    def test_a_crash_is_captured_when_asked_for(self):
        for kill in (signal.SIGSEGV, signal.SIGABRT):
            victim = self.leak(0.001, 3)
            watcher = self.watch(victim.pid, "--on-crash")
            self.wait_armed(victim.pid)
            victim.send_signal(kill)
            bundles, err, status = self.finish(watcher)
            self.assertEqual((victim.wait(), len(bundles), status), (-kill, 1, 0), err)
            report = self.report(bundles[0])
            self.assertEqual((report["trigger"]["kind"], report["trigger"]["guarantee"]), ("crash", "at-kill"))
            self.assertIn(f"killed by signal {int(kill)} ({kill.name}, ", report["trigger"]["sentence"])
            self.assertEqual(len([t for t in report["threads"] if t["captured"] == "stopped"]), 4)

    def test_a_crash_is_nobodys_business_otherwise(self):
        victim = self.leak(0.001)
        watcher = self.watch(victim.pid, "--arm", "always")
        self.wait_armed(victim.pid)
        victim.send_signal(signal.SIGSEGV)
        self.assertEqual(self.finish(watcher)[0], [])

    def test_signals_and_threads_come_and_go_as_ever(self):
        victim = self.spawn([sys.executable, "-c", CHURN], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        victim.stdout.readline()
        watcher = self.watch(victim.pid, "--arm", "always")
        self.wait_armed(victim.pid)
        victim.stdin.write(b"go\n")
        victim.stdin.flush()
        self.assertEqual(victim.stdout.readline(), b"300 signals, 300 threads, 30 children\n")
        victim.stdin.close()
        self.assertEqual(victim.wait(), 0)
        self.assertEqual(self.finish(watcher)[0], [])

    def traced_by_another(self, victim):
        tracer = self.spawn(["strace", "-f", "-o", "/dev/null", "-p", str(victim.pid)], stderr=subprocess.DEVNULL)
        wait_until("strace is there", lambda: {t for _, t in thread_states(victim.pid).values()} == {tracer.pid})
        return tracer

    @staticmethod
    def wait_not_armed(watcher):
        """Until it says why; what it has said before that and then."""
        said = ""
        for line in watcher.stderr:
            said += line
            if "not armed until it is let go" in line:
                return said
        raise AssertionError(f"it ended: {said}")

    def test_who_is_traced_already_is_armed_when_the_tracer_has_gone(self):
        victim = self.leak(0.001, 3)
        tracer = self.traced_by_another(victim)
        watcher = self.watch(victim.pid, "--arm", "always")
        watcher.stderr.readline()
        self.assertRegex(watcher.stderr.readline(), rf"not armed until it is let go, .*traced by PID {tracer.pid} \(strace\)")
        tracer.terminate()
        tracer.wait()
        self.assertIn("armed, 4 threads", watcher.stderr.readline())
        self.wait_armed(victim.pid)
        watcher.terminate()

    def test_a_kill_while_another_traces_says_why_nobody_was_there(self):
        victim = self.leak(60, 3, 0)
        tracer = self.traced_by_another(victim)
        watcher = self.watch(victim.pid, "--arm", "always", "--no-report")
        self.wait_not_armed(watcher)
        self.go_on(victim)
        bundles, err, _ = self.finish(watcher)
        self.assertEqual(len(bundles), 1, err)
        trigger = self.manifest(bundles[0])["trigger"]
        self.assertEqual(trigger["guarantee"], "kernel", err)
        self.assertIn(f"swansong was not there because PID {tracer.pid} traced it", trigger["sentence"])

    def test_of_one_that_may_not_be_attended_the_kernel_copies_a_thread(self):
        victim = self.leak(20, 3, 0)
        tracer = self.spawn(["strace", "-o", "/dev/null", "-p", str(victim.pid)], stderr=subprocess.DEVNULL)
        wait_until("strace is there", lambda: proc_status(victim.pid)["TracerPid"] != "0")
        watcher = self.watch(victim.pid, "--arm", "always")
        why = self.wait_not_armed(watcher)
        self.go_on(victim)
        bundles, err, status = self.finish(watcher)
        err = why + err
        tracer.wait()
        victim.wait()
        self.assertEqual((len(bundles), status), (1, 0), err)
        if "the kernel's word only: " in err:
            self.skipTest(err.partition("the kernel's word only: ")[2].partition("\n")[0])
        report = self.report(bundles[0])
        self.assertEqual(report["trigger"]["guarantee"], "kernel")
        self.assertEqual([t["captured"] for t in report["threads"]], ["witness"], err)
        functions = [f["function"] for f in report["threads"][0]["frames"]]
        self.assertIn("shop::Service::serve", functions)
        self.assertTrue(report["threads"][0]["complete"], functions)
        text = " ".join(self.swansong("report", bundles[0]).stdout.split())
        self.assertIn("the kernel's word, and the one thread that it saw", text)
        core = subprocess.run(["gdb", "-nx", "-batch", "-ex", "bt", victim_path("leak"), os.path.join(bundles[0], "core")],
                              capture_output=True, text=True, check=False).stdout
        self.assertIn("shop::Service::serve", core)


FULL_SPEED = """
import mmap, sys, threading
def parked():
    threading.Event().wait()
for _ in range(int(sys.argv[1])):
    threading.Thread(target=parked, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
memory = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
"""

HOG = """
import mmap, sys
print("ready", flush=True)
sys.stdin.readline()
memory = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
"""

CHURN = """
import os, signal, subprocess, sys, threading
seen = 0
def count(*_):
    global seen
    seen += 1
signal.signal(signal.SIGUSR1, count)
print("ready", flush=True)
sys.stdin.readline()
threads = children = 0
for i in range(300):
    os.kill(os.getpid(), signal.SIGUSR1)
    t = threading.Thread(target=lambda: None)
    t.start()
    t.join()
    threads += 1
    if i % 10 == 0:
        children += subprocess.run(["true"]).returncode == 0
print(f"{seen} signals, {threads} threads, {children} children", flush=True)
sys.stdin.readline()
"""

del need_root, unittest
