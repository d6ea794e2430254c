# SPDX-License-Identifier: MIT
"""Stopping does no harm: to the target, whatever happens to it, to us, or to both at the same moment.

And what is taken in the pause is right: a debugger shows the same stacks from the core as from the process.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from .harness import SWANSONG, SwansongTest, proc_status, thread_states, tids, victim_path, wait_until

STACKS = ("--only", "stacks", "--no-report")


class StopTest(SwansongTest):
    def stacks(self, pid, status=0):
        """Dump the stacks only; (manifest, rows of threads.tsv, bundle)."""
        bundle = self.dump(pid, *STACKS, status=status)
        with open(os.path.join(bundle, "threads.tsv"), encoding="ascii") as f:
            names = f.readline().rstrip("\n").split("\t")
            rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in f]
        return self.manifest(bundle), rows, bundle

    def section(self, manifest, path):
        return next(s for s in manifest["sections"] if s["path"] == path)

    def start_dump(self, pid):
        return self.spawn([SWANSONG, "dump", "-p", str(pid), "-o", self.dir, *STACKS],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def clear(self):
        for name in os.listdir(self.dir):
            shutil.rmtree(os.path.join(self.dir, name), ignore_errors=True)


def frames(text, begin):
    """The functions of each thread, as a sorted list: debuggers name and order threads differently."""
    stacks, stack = [], None
    for line in text.splitlines():
        if re.match(begin, line):
            stack = []
            stacks.append(stack)
        elif stack is not None and line.startswith("#"):
            stack.append(re.sub(r"^#\d+ +(0x[0-9a-f]+ (in )?)?", "", line).split(" (")[0].split(" at ")[0])
    return sorted(stacks)


def gdb(*args):
    done = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set pagination off", *args, "-ex", "thread apply all bt"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=120,
                          check=False, env=dict(os.environ, DEBUGINFOD_URLS=""))
    return frames(done.stdout, r"Thread \d+ ")


def eu_stack(*args):
    done = subprocess.run(["eu-stack", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120, check=False, env=dict(os.environ, DEBUGINFOD_URLS=""))
    return frames(done.stdout, r"TID \d+:")


class Core(StopTest):
    def check(self, victim):
        v = self.victim(victim, 12, "park")
        manifest, rows, bundle = self.stacks(v.pid)
        core, exe = os.path.join(bundle, "core"), victim_path(victim)
        self.assertEqual(manifest["threads"], {"listed": 13, "stopped": 13, "syscall": 0, "lost": 0})
        self.assertGreater(manifest["pause_ns"], 0)
        self.assertEqual({r["how"] for r in rows}, {"stopped"})
        self.assertEqual({int(r["tid"]) for r in rows}, set(tids(v.pid)))
        self.assertLess(os.path.getsize(core), 512 * 1024 + 13 * 16 * 1024)

        live = gdb("-p", str(v.pid))
        self.assertEqual(len(live), 13)
        self.assertEqual(sum("deeper" in stack for stack in live), 12, live)
        self.assertEqual(gdb(exe, core), live)
        self.assert_gdb_is_content(exe, core)
        live = eu_stack("-p", str(v.pid))
        self.assertEqual(len(live), 13)
        self.assertTrue(all(len(stack) > 3 for stack in live), live)
        self.assertEqual(eu_stack("--core", core), live)
        self.assertEqual(eu_stack("--core", core, "-e", exe), live)
        self.assert_unharmed(v.pid)

    def assert_gdb_is_content(self, exe, core):
        """It finds all that it looks for, the thread descriptors for libthread_db too."""
        done = subprocess.run(["gdb", "-nx", "-batch", exe, core], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=120, check=False, env=dict(os.environ, DEBUGINFOD_URLS=""))
        for complaint in ("Error reading", "couldn't activate", "Unable to find", "Cannot access"):
            self.assertNotIn(complaint, done.stdout + done.stderr)

    def test_debuggers_show_the_same_stacks_from_the_core_as_live(self):
        self.check("threads")

    def test_of_a_static_program_too(self):
        self.check("threads-static")

    def test_of_a_static_position_independent_program_too(self):
        self.check("threads-static-pie")

    def test_of_a_program_without_symbols_and_frame_pointers_too(self):
        v = self.victim("threads-stripped", 4, "park")
        _, _, bundle = self.stacks(v.pid)
        live = eu_stack("-p", str(v.pid))
        self.assertEqual(len(live), 5)
        self.assertEqual(eu_stack("--core", os.path.join(bundle, "core")), live)


class Harm(StopTest):
    def finish(self, victim):
        """Ask the victim what it saw."""
        victim.terminate()
        out = victim.stdout.read().decode()
        self.assertEqual(victim.wait(), 0, out)
        return out

    def test_swansong_killed_at_any_moment_leaves_the_target_running_and_right(self):
        v = self.victim("selfcheck", 32)
        # Learn how long a dump is, then die anywhere in it.
        lengths = []
        for _ in range(9):
            begin = time.monotonic()
            self.start_dump(v.pid).wait()
            lengths.append(time.monotonic() - begin)
        killed = tries = 0
        # On a busy machine a dump's length is not to be foretold: some kills come too late, and there is no time for all.
        end = time.monotonic() + 120
        while killed < 200 and time.monotonic() < end:
            tries += 1
            dump = self.start_dump(v.pid)
            time.sleep(random.uniform(0, sorted(lengths)[4]))
            dump.kill()
            killed += dump.wait() == -signal.SIGKILL
            wait_until("untraced", lambda: all(tracer == 0 and state not in "tT"
                                               for state, tracer in thread_states(v.pid).values()))
            self.clear()
        self.assertGreater(killed, tries // 4, f"of {tries} kills too many came too late to test anything")
        self.assert_unharmed(v.pid)
        self.assertIn("right", self.finish(v))

    def test_hundreds_of_dumps_lose_no_signal_and_change_no_register(self):
        v = self.victim("selfcheck", 8)
        for _ in range(200):
            self.start_dump(v.pid).wait()
            self.clear()
        out = self.finish(v)
        self.assertIn("right", out)
        if os.uname().machine == "x86_64":
            self.assertIn(" 0 EINTR", out)

    @unittest.skipUnless(os.uname().machine == "x86_64", "the kernel hides what would be needed (injector/arch)")
    def test_no_call_returns_eintr_but_for_a_signal_of_its_own(self):
        v = self.victim("eintr")
        for _ in range(300):
            self.start_dump(v.pid).wait()
            # A timeout starts again with the call: some must come to their end.
            time.sleep(random.uniform(0, 0.01))
            self.clear()
        out = self.finish(v)
        self.assertIn("epoll_wait", out)
        for line in out.splitlines():
            name, calls, eintr, _ = line.split()
            self.assertGreater(int(calls), 0, out)
            self.assertEqual(int(eintr), 0, f"{name}: {out}")

    def test_a_target_killed_at_any_moment_ends_cleanly_and_leaves_no_dump_hanging(self):
        for i in range(60):
            v = self.victim("threads", 30, "park")
            dump = self.start_dump(v.pid)
            time.sleep(random.uniform(0, 0.008))
            v.kill()
            self.assertEqual(v.wait(), -signal.SIGKILL)
            self.assertIn(dump.wait(), (0, 3, 4))
            v.stdout.close()
            self.clear()

    def test_a_stopped_target_stays_stopped_and_goes_on_when_told(self):
        v = self.victim("threads", 4, "park")
        os.kill(v.pid, signal.SIGSTOP)
        wait_until("stopped", lambda: {s for s, _ in thread_states(v.pid).values()} == {"T"})
        os.waitid(os.P_PID, v.pid, os.WSTOPPED)     # take notice of that stop
        manifest, rows, _ = self.stacks(v.pid)
        self.assertEqual(manifest["target"]["condition"], "stopped")
        self.assertEqual({r["how"] for r in rows}, {"stopped"})
        # A thread that is let go stops again as soon as it has a CPU.
        wait_until("all are stopped again, by nobody", lambda: set(thread_states(v.pid).values()) == {("T", 0)})
        self.assertIsNone(os.waitid(os.P_PID, v.pid, os.WSTOPPED | os.WCONTINUED | os.WNOHANG),
                          "the parent saw something of the dump")
        os.kill(v.pid, signal.SIGCONT)
        wait_until("running again", lambda: {s for s, _ in thread_states(v.pid).values()} == {"S"})
        self.assert_unharmed(v.pid)

    def test_stopped_and_continued_while_it_is_dumped(self):
        v = self.victim("selfcheck", 4)
        for i in range(60):
            dump = self.start_dump(v.pid)
            time.sleep(random.uniform(0, 0.006))
            os.kill(v.pid, signal.SIGSTOP)
            time.sleep(random.uniform(0, 0.004))
            os.kill(v.pid, signal.SIGCONT)
            dump.wait()
            self.clear()
        wait_until("running", lambda: all(tracer == 0 and state not in "tT"
                                          for state, tracer in thread_states(v.pid).values()))
        self.assertIn("right", self.finish(v))

    def test_the_parent_sees_nothing_of_a_dump(self):
        v = self.victim("threads", 4, "park")
        self.stacks(v.pid)
        self.assertIsNone(os.waitid(os.P_PID, v.pid, os.WSTOPPED | os.WCONTINUED | os.WEXITED | os.WNOHANG))


class Conditions(StopTest):
    def test_a_thread_in_uninterruptible_sleep_is_read_without_stopping(self):
        v = self.victim("trouble", "vfork")
        wait_until("a thread waits for its child, the others sleep",
                   lambda: sorted(state for state, _ in thread_states(v.pid).values()) == ["D", "S", "S", "S"])
        sleeping = [tid for tid, (state, _) in thread_states(v.pid).items() if state == "D"]
        manifest, rows, _ = self.stacks(v.pid, status=4)
        self.assertEqual(manifest["threads"], {"listed": 4, "stopped": 3, "syscall": 1, "lost": 0})
        row = next(r for r in rows if int(r["tid"]) == sleeping[0])
        self.assertEqual(row["how"], "syscall")
        self.assertGreater(int(row["stack_bytes"]), 0)
        self.assertIn("uninterruptible", row["reason"])
        self.assertEqual(self.section(manifest, "core")["status"], "cut")
        self.assert_unharmed(v.pid)
        # The interrupt that it never answered must not catch it later, when its child is gone.
        with open(f"/proc/{v.pid}/task/{sleeping[0]}/children", encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGKILL)
        wait_until("the thread has come back and ended", lambda: sleeping[0] not in tids(v.pid))
        self.assert_unharmed(v.pid)

    def test_threads_without_their_leader_are_all_taken(self):
        v = self.victim("trouble", "leader-exited")
        wait_until("the leader is gone", lambda: proc_status(v.pid)["State"].startswith("Z"))
        manifest, rows, bundle = self.stacks(v.pid)
        self.assertEqual(manifest["target"]["condition"], "leader-exited")
        self.assertEqual(manifest["threads"]["stopped"], 3)
        self.assertEqual(sorted(r["how"] for r in rows), ["none", "stopped", "stopped", "stopped"])
        self.assertEqual(len(eu_stack("--core", os.path.join(bundle, "core"), "-e", victim_path("trouble"))), 3)

    def test_a_process_without_its_leader_has_memory_and_files(self):
        v = self.victim("trouble", "leader-exited")
        wait_until("the leader is gone", lambda: proc_status(v.pid)["State"].startswith("Z"))
        bundle = self.dump(v.pid)
        report = self.report(bundle)
        self.assertEqual(report["process"]["exe"], victim_path("trouble"))
        self.assertEqual(report["process"]["pid"], v.pid)
        self.assertGreater(report["memory"]["rss"], 0)
        self.assertGreater(report["memory"]["pss"], 0)
        self.assertIn(victim_path("trouble"), {m["path"] for m in report["maps"]})
        self.assertLessEqual({0, 1, 2}, {f["fd"] for f in report["fds"]})
        self.assertEqual(len(os.listdir(os.path.join(bundle, "proc", str(v.pid), "task"))), 4)

    def test_a_target_that_is_traced_names_its_tracer_and_gives_what_needs_no_stop(self):
        strace = shutil.which("strace")
        self.assertTrue(strace)
        v = self.victim("threads", 3, "park")
        tracer = self.spawn([strace, "-f", "-e", "trace=none", "-o", "/dev/null", "-p", str(v.pid)], stderr=subprocess.PIPE, text=True)
        # It has interrupted every thread before it says so.
        self.assertIn("attached", tracer.stderr.readline())
        wait_until("traced, and asleep again", lambda: set(thread_states(v.pid).values()) == {("S", tracer.pid)})
        manifest, rows, _ = self.stacks(v.pid, status=4)
        self.assertEqual(manifest["target"]["condition"], "traced")
        self.assertIsNone(manifest["pause_ns"])
        self.assertEqual({r["how"] for r in rows}, {"syscall"})
        core = self.section(manifest, "core")
        self.assertEqual(core["status"], "cut")
        self.assertIn(f"PID {tracer.pid} (strace)", core["reason"])
        self.assertEqual({t for _, t in thread_states(v.pid).values()}, {tracer.pid})

    def test_a_zombie_is_named_one(self):
        v = self.victim("trouble", "zombie")
        manifest, _, _ = self.stacks(int(v.first_line.split()[1]), status=4)
        self.assertEqual(manifest["target"]["condition"], "zombie")
        self.assertEqual(self.section(manifest, "core")["status"], "missing")

    def test_threads_that_begin_and_end_meanwhile_are_no_trouble(self):
        v = self.victim("trouble", "churn")
        for _ in range(60):
            manifest, rows, _ = self.stacks(v.pid)
            self.assertGreaterEqual(manifest["threads"]["stopped"], 1)
            self.assertEqual(manifest["threads"]["syscall"], 0)
            self.assertEqual({r["reason"] for r in rows if r["how"] == "none"} - {"it ended meanwhile"}, set())
            self.clear()
        self.assert_unharmed(v.pid)

    def test_a_program_that_executes_itself_meanwhile_goes_on(self):
        v = self.victim("trouble", "exec")
        for _ in range(100):
            self.assertIn(self.start_dump(v.pid).wait(), (0, 4))
            self.clear()
        # It still does: each exec starts with one thread.
        wait_until("another exec", lambda: len(tids(v.pid)) == 8)
        wait_until("another exec", lambda: len(tids(v.pid)) < 8)
        wait_until("untraced", lambda: all(tracer == 0 for _, tracer in thread_states(v.pid).values()))
        self.assertIsNone(v.poll())


if __name__ == "__main__":
    unittest.main()
