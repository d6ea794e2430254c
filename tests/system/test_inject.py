# SPDX-License-Identifier: MIT
"""A library gets into a running process, and nobody there notices: not even when swansong is killed on the way.

The way in is what is tested, so a stand-in is loaded (standin_agent.c); test_inject_agent has the agent itself.
tests/bench/inject_harm.py does the same thousands of times.
"""

import os
import shutil
import subprocess
import unittest

from .harness import IS_ROOT, SwansongTest, is_asleep, need_root, wait_until
from .injecting import MODES, STEPS, Spied, Tool


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


class InjectTest(SwansongTest):
    def setUp(self):
        super().setUp()
        self.tool = Tool()
        self.addCleanup(self.tool.close)

    def spied(self, *args):
        victim = Spied(*args)
        self.addCleanup(victim.close)
        return victim

    def inject(self, pid, *args, status=0, says=""):
        done = self.tool.inject(pid, *([] if "--wait" in args else ["--wait", "60"]), "--timeout", "60", *args)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assert_one_line(done.stdout + done.stderr)
        self.assertIn(says, done.stdout + done.stderr)
        return done

    def inject_or_no_place(self, mode, pid, *args, says):
        """False: each thread was in malloc, the loader or stdio all the time, as in no real program."""
        if mode not in ("malloc", "dlopen", "stdio"):
            return self.inject(pid, "--wait", "60", *args, says=says)
        done = self.tool.inject(pid, "--wait", "3", "--timeout", "60", *args)
        self.assertIn((done.returncode, "no thread came to a place" in done.stderr), ((0, False), (3, True)), done.stderr)
        return done.returncode == 0

    def mapped(self, pid):
        return [line for line in read(f"/proc/{pid}/maps").splitlines() if "libswansong" in line]


class Harmless(InjectTest):
    def test_in_every_mode_the_library_comes_goes_quiet_and_the_victim_is_right(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                victim = self.spied(mode)
                for arguments, says in (([], "records from now on"), ([], "records already"),
                                        (["--detach"], "is detached"), (["--detach"], "was detached already")):
                    if not self.inject_or_no_place(mode, victim.pid, *arguments, says=says):
                        break
                else:
                    self.assertTrue(self.mapped(victim.pid))
                victim.check()
                self.assertEqual(victim.finish(), 0, "it saw EINTR")

    def test_an_agent_that_has_only_begun_is_called_until_it_is_done(self):
        victim = self.spied("poll")
        self.inject(victim.pid, "--options", "slowly", says="at the most, in several turns")
        self.inject(victim.pid, says="records already")
        victim.check(without=("files",))
        victim.finish()

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_killed_at_any_step_it_leaves_nothing_to_repair(self):
        killed = 0
        for mode in ("epoll", "read", "spin"):
            victim = self.spied(mode)
            for number in (1, 2, 4, 7, 8, 9, 10, 11, 12, 14, 17, 20, 25, 30, 40):
                for call in STEPS[: 1 + (number < 4)]:
                    killed += self.tool.killed_at(self.tool.argv(victim.pid, "--wait", "60"), call, number)
                    victim.check()
            self.inject(victim.pid, "--wait", "60")
            victim.check()
            victim.finish()
        self.assertGreater(killed, 30)


class Refused(InjectTest):
    def test_with_the_reason_and_untouched(self):
        static = self.victim("threads-static", 2, "park")
        self.inject(static.pid, status=3, says="statically linked")
        filtered = self.spied("seccomp")
        wait_until("it is filtered", lambda: "Seccomp:\t2" in read(f"/proc/{filtered.pid}/status"))
        self.inject(filtered.pid, status=3, says="seccomp")
        filtered.finish()
        stopped = self.spied("read")
        os.kill(stopped.pid, 19)
        wait_until("it is stopped", lambda: "State:\tT" in read(f"/proc/{stopped.pid}/status"))
        self.inject(stopped.pid, status=3, says="continue it first")
        os.kill(stopped.pid, 18)
        self.inject(stopped.pid, "--detach", status=3, says="has no agent")
        self.assertFalse(self.mapped(stopped.pid))
        stopped.finish()

    def test_the_doctor_knows_beforehand(self):
        for name, args, says in (("threads", (2, "park"), "can be loaded into it as it runs"), ("threads-static", (2, "park"), "statically linked")):
            victim = self.victim(name, *args)
            row, = [line for line in self.swansong("doctor", "-p", victim.pid).stdout.splitlines() if " inject  " in line]
            self.assertIn(says, row)

    def test_in_a_signal_handler_nobody_is_disturbed(self):
        victim = self.victim("handler")
        self.inject(victim.pid, "--wait", "0.2", status=3, says="in a signal handler")
        self.assert_unharmed(victim.pid)

    def test_an_agent_that_does_not_want_to_says_why(self):
        victim = self.spied("poll")
        self.inject(victim.pid, "--options", "refuse", status=4, says="No space left on device")
        self.inject(victim.pid, "--wait", "60")
        victim.check()
        victim.finish()

    def test_one_that_does_not_return_is_left_behind_running(self):
        victim = self.spied("poll", 3)
        done = self.tool.inject(victim.pid, "--options", "hang", "--timeout", "0.5")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("did not return within 0.5 s", done.stderr)
        self.assert_unharmed(victim.pid)

    def test_usage(self):
        for args in (["-p", "1x"], [], ["-p", "4711", "more"], ["--detach", "--sample", "1K", "-p", "4711"], ["--wait", "0", "-p", "4711"]):
            done = self.swansong("inject", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assert_one_line(done.stderr)


def library(name):
    found = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    return next((line.split()[-1] for line in found.splitlines() if line.split()[:1] == [name]), None)


class MallocInfo(InjectTest):
    """dump --malloc-info: a thread of the process asks its allocator."""

    def own_word(self, victim):
        bundle = self.dump(victim.pid, "--malloc-info", "--no-lines")
        victim.check()
        return bundle, self.report(bundle)["malloc"]

    def test_glibcs_own_word_stands_beside_the_census_and_agrees(self):
        victim = self.spied("cond")
        bundle, malloc = self.own_word(victim)
        own = malloc["own"]
        self.assertEqual(malloc["allocator"], "glibc")
        # To ask takes a few blocks itself, and caches them.
        self.assertAlmostEqual(own["in_use"] + own["free_held"], malloc["in_use"] + malloc["free_held"], delta=64 << 10)
        self.assertIn("its own", self.text)
        self.assertIn('<malloc version="1">', read(f"{bundle}/proc/{victim.pid}/malloc_info/text"))
        self.assertEqual(victim.finish(), 0)

    def test_other_allocators_are_asked_in_their_own_words(self):
        for name, allocator in (("libjemalloc.so.2", "jemalloc"), ("libtcmalloc_minimal.so.4", "tcmalloc")):
            path = library(name)
            if not path:
                print(f"{name} is not installed", end=" ")
                continue
            with self.subTest(allocator=allocator):
                victim = self.victim("threads", 4, "park", env=dict(os.environ, LD_PRELOAD=path))
                bundle = self.dump(victim.pid, "--malloc-info", "--no-lines")
                malloc = self.report(bundle)["malloc"]
                self.assertEqual(malloc["allocator"], allocator)
                self.assertGreater(malloc["own"]["in_use"], 0)
                self.assert_unharmed(victim.pid)

    def test_where_nobody_may_be_asked_the_dump_is_complete_and_says_why(self):
        victim = self.victim("threads-static", 2, "park")
        bundle = self.dump(victim.pid, "--malloc-info", "--no-lines")
        reason, = [m["reason"] for m in self.report(bundle)["missing"] if m["section"].endswith("malloc_info")]
        self.assertIn("statically linked", reason)
        self.assertIsNone((self.report(bundle)["malloc"] or {}).get("own"))

    def test_nobody_is_asked_unless_told_so(self):
        victim = self.spied("poll")
        bundle = self.dump(victim.pid, "--no-lines")
        self.assertFalse(os.path.exists(f"{bundle}/proc/{victim.pid}/malloc_info"))
        victim.finish()


class OtherNamespace(InjectTest):
    @need_root
    def test_an_agent_that_the_process_cannot_see_comes_as_a_memfd_and_leaves_no_descriptor(self):
        held = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
        if held.returncode != 0:
            self.skipTest("no mount namespace may be made here")
        hidden = self.spawn(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {self.tool.dir} && echo hidden && exec sleep 1000"],
                            stdout=subprocess.PIPE)
        self.assertEqual(hidden.stdout.readline(), b"hidden\n")
        wait_until("it sleeps", lambda: is_asleep(hidden.pid, "sleep"))
        before = sorted(os.listdir(f"/proc/{hidden.pid}/fd"))
        self.inject(hidden.pid, "--wait", "60", says="records from now on")
        self.assertTrue(all("memfd" in line for line in self.mapped(hidden.pid)))
        self.assertEqual(sorted(os.listdir(f"/proc/{hidden.pid}/fd")), before)
        self.inject(hidden.pid, "--wait", "60", "--detach", says="is detached")
        self.assert_unharmed(hidden.pid)

    @unittest.skipUnless(IS_ROOT, "needs root")
    def test_one_that_is_not_ours_is_not_permitted(self):
        victim = self.spied("read")
        done = subprocess.run(self.tool.argv(victim.pid), capture_output=True, text=True, check=False, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assert_one_line(done.stderr)
        victim.finish()


if __name__ == "__main__":
    unittest.main()
