# SPDX-License-Identifier: MIT
"""swansong run: the command's status, signals and terminal are its own; what it leaves behind is reported."""

import glob
import os
import signal
import subprocess
import sys
import unittest

from tests.system.harness import SWANSONG, need_root, victim_path, wait_until
from tests.system.test_oom import MemoryGroup
from tests.system.test_recorder import SAMPLE, RecorderTest


class Run(RecorderTest):
    def run_command(self, *args, **kwargs):
        """swansong run in the test's directory; (CompletedProcess, bundles)"""
        done = self.swansong("run", *args, **kwargs)
        bundles = [os.path.join(self.dir, line[len("bundle: "):]) for line in done.stdout.splitlines()
                   if line.startswith("bundle: ")]
        return done, bundles

    def setUp(self):
        super().setUp()
        self.before = self.remains()

    @staticmethod
    def remains():
        """Recorder directories and memory groups of runs that are over."""
        places = [f"/dev/shm/swansong-{os.geteuid()}"]
        if os.environ.get("XDG_RUNTIME_DIR"):
            places.append(os.path.join(os.environ["XDG_RUNTIME_DIR"], "swansong"))
        found = [d for place in places for d in glob.glob(os.path.join(place, "run.*"))]
        found += glob.glob("/sys/fs/cgroup/**/swansong-run.*", recursive=True)
        return {d for d in found if not os.path.exists(os.path.join("/proc", d.rsplit(".", 1)[1]))}

    def assert_nothing_left(self):
        self.assertEqual(self.remains() - self.before, set())

    def need_memory_group(self):
        """Skip where no group can be made."""
        MemoryGroup(f"swansong-probe-{os.getpid()}").remove()


class Status(Run):
    def test_is_the_commands(self):
        for command, status in ((["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -TERM $$"], 143),
                                (["/nonexistent/program"], 127), (["/etc/passwd"], 126)):
            done, bundles = self.run_command("--", *command)
            self.assertEqual((done.returncode, bundles), (status, []), f"{command}: {done.stderr}")
        self.assert_nothing_left()

    def test_a_command_that_cannot_be_executed_is_one_line(self):
        for command, status, words in (("/nonexistent/program", 127, "'/nonexistent/program': No such file or directory"),
                                       ("swansong-has-no-such", 127, "'swansong-has-no-such': No such file"),
                                       ("", 127, "'': No such file"), ("/etc/passwd", 126, "'/etc/passwd': Permission denied"),
                                       ("/", 126, "'/': Permission denied")):
            done, _ = self.run_command("--", command)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (status, 1), done.stderr)
            self.assertIn(words, done.stderr)

    def test_wrong_usage_is_our_own_failure(self):
        for args, words in (([], "which command"), (["--"], "which command"), (["--limit", "x", "--", "true"], "--limit"),
                            (["--fail-on", "rain", "--", "true"], "--fail-on"), (["--rss", "x", "--", "true"], "rss"),
                            (["-p", "1", "--", "true"], "run watches the command"), (["--victim", "--", "true"], "run watches the command"),
                            (["true"], "which command"), (["-o", "/nowhere", "--", "true"], "/nowhere")):
            done, _ = self.run_command(*args)
            self.assertEqual(done.returncode, 125, args)
            self.assertIn(words, done.stderr)

    def test_help(self):
        done, _ = self.run_command("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--fail-on", done.stdout)

    def test_output_and_arguments_are_the_commands(self):
        done, _ = self.run_command("--", "printf", "%s|", "a b", "--limit", "-p")
        self.assertEqual(done.stdout, "a b|--limit|-p|")

    def test_the_users_environment_is_kept(self):
        env = {**os.environ, "SWANSONG_OPTIONS": "sample=1M", "A": "b"}
        done, _ = self.run_command("--", "sh", "-c", 'echo "$A $SWANSONG_OPTIONS"', env=env)
        self.assertTrue(done.stdout.startswith("b sample=1M,dir="), done.stdout)


class Signals(Run):
    def test_are_passed_on(self):
        for signo in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
            process = self.spawn([SWANSONG, "run", "-o", self.dir, "--", "sh", "-c",
                                  f"trap 'echo got it; exit 9' {signo.name[3:]}; echo ready; while :; do sleep 0.05; done"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signo)
            out, err = process.communicate(timeout=120)
            self.assertEqual((process.returncode, out), (9, "got it\n"), err)

    @staticmethod
    def pending(pid):
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            return next(int(line.split()[1], 16) for line in f if line.startswith("ShdPnd:"))

    def test_what_is_sent_to_the_group_comes_once(self):
        script = ("import signal, sys\nn = 0\ndef got(*_):\n global n\n n += 1\n print(n, flush=True)\n"
                  "signal.signal(signal.SIGINT, got)\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(n))\n"
                  "print('ready', flush=True)\nwhile True: signal.pause()")
        process = self.spawn([SWANSONG, "run", "-o", self.dir, "--", sys.executable, "-c", script],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        for i in range(1, 9):
            # Two of the same that wait for their receiver are one.
            wait_until("swansong has read the signal before", lambda: self.pending(process.pid) == 0, 60)
            if i % 2:
                os.killpg(process.pid, signal.SIGINT)
            else:
                os.kill(process.pid, signal.SIGINT)
            self.assertEqual(process.stdout.readline(), f"{i}\n", "by the group" if i % 2 else "by swansong")
        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, out), (8, ""), err)

    def test_the_command_dies_with_nobody_left_behind(self):
        process = self.spawn([SWANSONG, "run", "-o", self.dir, "--", victim_path("five_sites"), "1"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.terminate()
        process.wait(timeout=120)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertEqual(glob.glob(os.path.join(self.dir, "*.swansong")), [], "the user's own word: no bundle")


class WhatIsLeft(Run):
    @need_root
    def test_a_kill_at_the_limit_names_the_five_sites(self):
        self.need_memory_group()
        env = {**os.environ, "SWANSONG_OPTIONS": SAMPLE}
        done, bundles = self.run_command("--limit", "96M", "--fail-on", "dump", "--fail-on", "leak=8M", "--", victim_path("five_sites"), env=env)
        # The command's own end comes first; the checks say what they found all the same.
        self.assertEqual(done.returncode, 128 + signal.SIGKILL, done.stderr)
        self.assertIn("--fail-on dump: 1 made", done.stderr)
        self.assertRegex(done.stderr, r"--fail-on leak=8M: \S+ MiB .*are still held")
        self.assertEqual(len(bundles), 1, done.stderr)
        report = self.report(bundles[0])
        self.assertIn("killed by the kernel for memory", report["trigger"]["sentence"])
        self.assertEqual((report["verdict"]["cause"], report["verdict"]["certainty"]), ("leak", "certain"))
        self.assert_five_sites(report)
        self.assert_nothing_left()

    @need_root
    def test_without_an_armed_watcher_the_recorder_alone_does(self):
        self.need_memory_group()
        env = {**os.environ, "SWANSONG_OPTIONS": SAMPLE}
        done, bundles = self.run_command("--limit", "96M", "--arm", "never", "--rss", "1T", "--",
                                         victim_path("five_sites"), env=env)
        self.assertEqual((done.returncode, len(bundles)), (128 + signal.SIGKILL, 1), done.stderr)
        report = self.report(bundles[0])
        self.assertEqual(report["trigger"]["guarantee"], "recorder")
        self.assertTrue(report["kill"] is None or report["kill"]["was_target"])
        self.assert_five_sites(report)

    def test_a_crash_leaves_a_bundle_with_the_heap(self):
        env = {**os.environ, "SWANSONG_OPTIONS": "sample=1"}
        done, bundles = self.run_command("--", "sh", "-c", f"ulimit -c 0; exec {victim_path('five_sites')} 24 crash", env=env)
        self.assertEqual((done.returncode, len(bundles)), (128 + signal.SIGABRT, 1), done.stderr)
        report = self.report(bundles[0])
        self.assertIn("signal 6", report["trigger"]["sentence"])
        self.assertEqual(report["heap"]["places"][0]["frame"]["function"], "leak_a")

    @need_root
    def test_a_child_killed_for_memory_has_a_bundle_of_its_own(self):
        self.need_memory_group()
        env = {**os.environ, "SWANSONG_OPTIONS": SAMPLE}
        done, bundles = self.run_command("--limit", "64M", "--", "sh", "-c", f"{victim_path('five_sites')}; exit 3", env=env)
        self.assertEqual(done.returncode, 3, done.stderr)
        if not os.access("/dev/kmsg", os.R_OK):
            self.skipTest("without the kernel's log a child's end is not known")
        self.assertEqual(len(bundles), 1, done.stderr)
        self.assert_five_sites(self.report(bundles[0]))


class Checks(Run):
    def test_a_leak_fails_the_run(self):
        env = {**os.environ, "SWANSONG_OPTIONS": "sample=1"}
        victim = victim_path("five_sites")
        done, _ = self.run_command("--fail-on", "leak=100K", "--", victim, "1", "end", env=env)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"--fail-on leak=100K: \S+ MiB are still held")
        done, _ = self.run_command("--fail-on", "leak=100M", "--", victim, "1", "end", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_nothing_left()

    def test_growth_fails_the_run(self):
        env = {**os.environ, "SWANSONG_OPTIONS": "sample=1M"}
        victim = victim_path("five_sites")
        done, _ = self.run_command("--fail-on", "growth=1M", "--", victim, "32", "end", env=env)
        self.assertEqual(done.returncode, 1, done.stderr)
        done, _ = self.run_command("--fail-on=growth=1G", "--", victim, "32", "end", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_commands_own_failure_comes_first(self):
        done, _ = self.run_command("--fail-on", "leak=1", "--", "sh", "-c", "exit 5")
        self.assertEqual(done.returncode, 5)

    def test_a_dump_fails_the_run(self):
        # It lives until it has been dumped.
        script = ('(until ls -d "$1"/*.swansong || ! kill -0 $$; do sleep 0.05; done; kill -USR1 $$) >/dev/null 2>&1 & exec "$0" 32 wait')
        done, bundles = self.run_command("--fail-on", "dump", "--rss", "8M", "--max-dumps", "1", "--",
                                         "sh", "-c", script, victim_path("five_sites"), self.dir)
        self.assertEqual((done.returncode, len(bundles)), (1, 1), done.stderr)
        done, bundles = self.run_command("--fail-on", "dump", "--", "true")
        self.assertEqual((done.returncode, bundles), (0, []), done.stderr)


class WithoutAGroup(Run):
    @need_root
    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "AddressSanitizer needs more address space than any limit leaves")
    def test_the_limit_is_said_to_be_another_one(self):
        os.chown(self.dir, 65534, 65534)
        try:
            done = subprocess.run([SWANSONG, "run", "--limit", "2G", "-o", self.dir, "--", "sh", "-c", "ulimit -v"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=self.dir,
                                  env={"PATH": os.environ["PATH"]}, user=65534, group=65534, extra_groups=[])
        except PermissionError:
            self.skipTest("the programs are not to be reached by another user here")
        self.assertEqual((done.returncode, done.stdout), (0, f"{2 << 20}\n"), done.stderr)
        self.assertIn("RLIMIT_AS", done.stderr)


if __name__ == "__main__":
    unittest.main()
