# SPDX-License-Identifier: MIT
"""swansong watch, on processes that grow as they are told to (tests/victims/grow.c)."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from tests.system.harness import SWANSONG, SwansongTest, need_root, victim_path, wait_until
from tests.system.test_oom import MemoryGroup

GROW = victim_path("grow")
PATIENCE = 120  # seconds until a test that waits gives up; nothing is measured
NOBODY = 65534


def is_sanitized():
    """Under ASan mlockall() does nothing and freed memory is kept for a while."""
    with open(SWANSONG, "rb") as f:
        return b"__asan_init" in f.read()


class Victim:
    """grow, spoken to line by line."""

    def __init__(self, program=GROW, **options):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True, **options)
        self.pid = self.process.pid
        self.tell("shrink")  # it has started, its executable is the right one

    def send(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def tell(self, command):
        self.send(command)
        assert self.process.stdout.readline() == "ok\n", "the victim died"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Watch:
    """A running swansong watch, its stderr in a file."""

    def __init__(self, test, *args, program=SWANSONG, report=False, **options):
        self.errors = tempfile.NamedTemporaryFile("r+", dir=test.dir, delete=False)
        self.process = subprocess.Popen([program, "watch", "-o", test.out, *([] if report else ["--no-report"]), *args],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True, **options)
        test.addCleanup(self.close)

    def said(self):
        with open(self.errors.name) as f:
            return f.read()

    def wait_for(self, words, times=1):
        """Until it has said so on stderr."""
        wait_until(f"said {words!r}",
                   lambda: self.said().count(words) >= times or self.process.poll() is not None, PATIENCE)
        assert self.said().count(words) >= times, f"never said {words!r}, but: {self.said()}"
        return self

    def bundle(self):
        """The next bundle's path."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        assert line.startswith("bundle: "), f"no bundle: {line!r}; {self.said()}"
        return line[len("bundle: "):-1]

    def end(self):
        """Its exit status and the bundles that were not taken yet."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out.splitlines()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Case(SwansongTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)

    def kind(self, bundle):
        return self.manifest(bundle)["trigger"]["kind"]

    def grow(self, *args, **options):
        v = Victim(*args, **options)
        self.addCleanup(v.close)
        return v

    def watch(self, *args, **options):
        return Watch(self, *args, **options)

    def watching(self, *args, **options):
        """Started, and already watching."""
        return self.watch(*args, **options).wait_for("watching ")

    def refused(self, status, words, *args):
        """One line, this exit status, and nothing left behind."""
        r = self.swansong("watch", *args)
        self.assertEqual(r.returncode, status, f"{args}: {r.stderr}")
        self.assert_one_line(r.stderr)
        self.assertIn(words, r.stderr)
        self.assertEqual(r.stdout, "")
        self.assertEqual(os.listdir(self.out), [])


class Conditions(Case):
    def test_rss_fires_where_it_was_told_to(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "64M")
        v.tell("grow 40")
        v.tell("grow 40")
        bundle = w.bundle()
        m = self.manifest(bundle)
        self.assertEqual(m["trigger"]["kind"], "rss")
        self.assertRegex(m["trigger"]["sentence"], r"^RSS [0-9.]+ MiB reached 64.0 MiB \(--rss 64M\)")
        self.assertEqual(m["trigger"]["guarantee"], "early")
        self.assertTrue(m["complete"])
        with open(os.path.join(bundle, "history.tsv")) as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
        self.assertEqual(rows[0], "time_ns rss anon file shmem swap group_usage available".split())
        times = [int(row[0]) for row in rows[1:]]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(int(rows[-1][1]), 64 << 20)
        self.assertLess(int(rows[1][1]), 64 << 20)
        v.send("exit 3")
        self.assertEqual(w.end(), (0, []))
        self.assertRegex(w.said(), rf"grow \({v.pid}\) exited with status 3; RSS was [0-9.]+ MiB when last seen\n$")

    def test_several_conditions_any_of_which_fires(self):
        for condition in ("pss", "uss"):
            v = self.grow()
            w = self.watching("-p", str(v.pid), "--rss", "1G", "--swap", "1G", f"--{condition}", "50M")
            v.tell("shared 80")
            self.assertEqual(self.kind(w.bundle()), condition)
            v.close()
            w.end()

    def test_pss_waits_when_only_rss_is_above(self):
        v = self.grow()
        v.tell("shared 100")
        other = self.victim_sharing(v)
        w = self.watching("-p", str(v.pid), "--pss", "90M")
        v.tell("grow 10")  # RSS 112 MiB, PSS 62 MiB
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")
        v.tell("grow 40")  # PSS 102 MiB
        self.assertEqual(self.kind(w.bundle()), "pss")
        other.kill()
        other.wait()

    def victim_sharing(self, v):
        """A process that maps the victim's shared memory and touches all of it."""
        code = ("import mmap,os,re,sys\n"
                "for line in open(f'/proc/{sys.argv[1]}/maps'):\n"
                "    where = line.split()\n"
                "    if '/dev/zero' in line:\n"
                "        f = open(f'/proc/{sys.argv[1]}/map_files/{where[0]}', 'r+b')\n"
                "        a, b = (int(x, 16) for x in where[0].split('-'))\n"
                "        m = mmap.mmap(f.fileno(), b - a)\n"
                "        sum(m[i] for i in range(0, b - a, 4096))\n"
                "print('ok', flush=True); sys.stdin.read()\n")
        p = subprocess.Popen([sys.executable, "-c", code, str(v.pid)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        if p.stdout.readline() != "ok\n":
            self.skipTest("map_files cannot be opened here")
        return p

    def test_percent_of_the_machine(self):
        with open("/proc/meminfo") as f:
            total = int(f.readline().split()[1]) >> 10
        if total > 60000:
            self.skipTest("one percent of this machine is too much to touch")
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-m", "1")
        v.tell(f"grow {total // 100 + 2}")
        m = self.manifest(w.bundle())
        self.assertEqual(m["trigger"]["kind"], "pressure")
        self.assertIn("reached 1 % of the ", m["trigger"]["sentence"])
        self.assertIn("of this machine's memory (-m 1)", m["trigger"]["sentence"])

    def test_percent_of_the_group_and_the_kernels_kill(self):
        group = MemoryGroup(f"swansong-test-watch-{os.getpid()}", 100 << 20)
        self.addCleanup(group.remove)
        v = self.grow()
        with open(os.path.join(group.path, "cgroup.procs"), "w") as f:
            f.write(str(v.pid))
        w = self.watching("-p", str(v.pid), "--rss", "80%")
        # Not at once to the limit: it would be killed before a busy machine's watcher has looked.
        v.tell("grow 85")
        self.assertRegex(self.manifest(w.bundle())["trigger"]["sentence"],
                         rf"reached 80 % of the 100 MiB of memory group /\S*{os.path.basename(group.path)}")
        v.send("speed 0")
        v.process.wait()
        w.end()
        self.assertIn("was killed by signal 9 (SIGKILL)", w.said())

    def test_fires_again_only_after_a_dip_or_much_growth(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "100M", "--cooldown", "0", "-i", "0.05")
        v.tell("grow 110")
        self.assertEqual(self.kind(w.bundle()), "rss")
        v.tell("grow 10")  # less than a quarter
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")
        v.tell("grow 30")
        self.assertEqual(self.kind(w.bundle()), "rss")
        v.tell("shrink")
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")
        self.wait_until_seen(w)
        v.tell("grow 110")
        self.assertEqual(self.kind(w.bundle()), "rss")

    def wait_until_seen(self, w):
        """Until the watcher has looked at the victim again.  It shows by how often it has read; a few of these
        reads are of signals."""
        def reads():
            with open(f"/proc/{w.process.pid}/io") as f:
                return int(re.search(r"syscr: (\d+)", f.read()).group(1))
        before = reads()
        wait_until("it has looked again", lambda: reads() >= before + 20, PATIENCE)

    def test_cooldown(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "20M", "--cooldown", "3600", "-i", "0.05")
        v.tell("grow 30")
        self.assertEqual(self.kind(w.bundle()), "rss")
        v.tell("grow 200")
        self.wait_until_seen(w)
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")

    def test_goes_on_when_the_first_thread_has_ended(self):
        v = self.grow()
        v.tell("leader")
        w = self.watching("-p", str(v.pid), "--rss", "50M")
        v.tell("grow 60")
        self.assertEqual(self.kind(w.bundle()), "rss")
        self.assertIsNone(w.process.poll())
        v.send("exit 5")
        w.end()
        self.assertIn("exited with status 5", w.said())


class Ends(Case):
    def test_the_last_word_names_the_signal(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "1G")
        v.process.send_signal(signal.SIGSEGV)
        v.process.wait()
        self.assertEqual(w.end(), (0, []))
        self.assertIn("was killed by signal 11 (SIGSEGV)", w.said())

    def test_signals_end_it_cleanly(self):
        v = self.grow()
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            w = self.watching("-p", str(v.pid), "-i", "3600")
            self.assertEqual(self.kind(w.bundle()), "interval")
            w.process.send_signal(signo)
            self.assertEqual(w.end(), (0, []))
        self.assertEqual([n for n in os.listdir(self.out) if not n.endswith(".swansong")], [])
        self.assertIsNone(v.process.poll())

    def test_a_signal_that_was_ignored_stays_ignored(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.2", "-c", "3",
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        w.bundle()
        w.process.send_signal(signal.SIGINT)
        status, more = w.end()
        self.assertEqual((status, len(more)), (0, 2))

    def test_count_is_of_intervals(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "3")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 3))
        for n, line in enumerate(bundles, 1):
            trigger = self.manifest(line[len("bundle: "):])["trigger"]
            self.assertEqual(trigger["kind"], "interval")
            self.assertEqual(trigger["sentence"], f"every 0.05 s, as asked for by -i: number {n}")
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "3", "--rss", "1G")
        self.assertEqual(w.end(), (0, []))

    def test_max_dumps(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.05", "--max-dumps", "2")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 2))


class Executables(Case):
    def test_of_another_executable_is_refused(self):
        v = self.grow()
        self.refused(3, f"PID {v.pid} (grow) runs {os.path.realpath(GROW)}, not /bin/sh", "-p", str(v.pid),
                     "-e", "/bin/sh", "-i", "1", "-o", self.out)

    def test_one_that_becomes_another_is_left(self):
        p = subprocess.Popen(["/bin/sh", "-c", "echo ready; read x; exec sleep 1000"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        p.stdout.readline()
        w = self.watching("-p", str(p.pid), "-e", "/bin/sh", "--rss", "1G", "-i", "0.1")
        p.stdin.write("\n")
        p.stdin.flush()
        self.assertEqual(w.end(), (3, []))
        self.assertRegex(w.said(), r"has become \S*sleep: no longer watched")

    def copy(self, name="server"):
        path = os.path.join(self.dir, name)
        shutil.copy(GROW, path)
        return path

    def test_all_of_an_executable_and_those_that_come_later(self):
        path = self.copy()
        first = self.grow(path)
        stranger = self.grow()
        w = self.watching("-e", path, "--rss", "50M", "-i", "0.1")
        second = self.grow(path)
        w.wait_for(f"watching server ({second.pid})")
        for v in (stranger, second, first):
            v.tell("grow 60")
        pids = {self.manifest(w.bundle())["target"]["pid"] for _ in range(2)}
        self.assertEqual(pids, {first.pid, second.pid})
        self.assertNotIn(f"({stranger.pid})", w.said())
        first.send("exit 1")
        w.wait_for(f"server ({first.pid}) exited with status 1")
        second.send("exit 2")
        w.wait_for(f"server ({second.pid}) exited with status 2")
        self.assertIsNone(w.process.poll(), "more may come")
        w.process.terminate()
        self.assertEqual(w.end(), (0, []))

    def test_waits_for_the_first(self):
        path = self.copy()
        w = self.watch("-e", path, "-i", "0.1", "--max-dumps", "1").wait_for("waiting for one")
        v = self.grow(path)
        self.assertEqual(self.manifest(w.bundle())["target"]["pid"], v.pid)
        self.assertEqual(w.end(), (0, []))

    def test_a_deleted_executable_is_still_that_one(self):
        path = self.copy()
        v = self.grow(path)
        os.unlink(path)
        w = self.watching("-p", str(v.pid), "-e", path, "-i", "0.1", "-c", "1")
        self.assertEqual(w.end()[0], 0)
        w = self.watching("-e", path, "-i", "0.1", "--max-dumps", "1")
        self.assertEqual(self.manifest(w.bundle())["target"]["pid"], v.pid)

    def test_a_link_to_the_executable_will_do(self):
        link = os.path.join(self.dir, "link")
        path = self.copy()
        os.symlink(path, link)
        v = self.grow(path)
        w = self.watching("-p", str(v.pid), "-e", link, "-i", "0.1", "-c", "1")
        self.assertEqual(w.end()[0], 0)

    def test_an_executable_that_never_was(self):
        for path in ("/no/such/program", "/etc", "/dev/null"):
            self.refused(3, f"{path}: no such executable", "-e", path, "-i", "1", "-o", self.out)


class Bundles(Case):
    def test_keep(self):
        v = self.grow()
        stays = [f"grow.{v.pid}.20200101T000000Z.swansong.partial", "grow.1.20200101T000000Z.swansong"]
        for name in stays + [f"grow.{v.pid}.20200101T000000Z.swansong"]:
            os.mkdir(os.path.join(self.out, name))
        w = self.watching("-p", str(v.pid), "-i", "1.1", "-c", "4", "--keep", "2")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 4))
        kept = [os.path.basename(line) for line in bundles[2:]]
        self.assertEqual(sorted(os.listdir(self.out)), sorted(kept + stays))

    def test_keep_within_a_second(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.02", "-c", "7", "--keep", "2", report=True)
        bundles = w.end()[1]
        self.assertEqual(len(set(bundles)), 7)

        def age(name):  # COMM.PID.TIME[.N].swansong; the reports may be ready in any order
            _, _, when, *number = name.split(".")[:-1]
            return when, int(number[0]) if number else 1

        self.assertEqual(sorted(os.listdir(self.out), key=age), sorted(map(os.path.basename, bundles), key=age)[5:])

    def test_exec(self):
        v = self.grow()
        note = os.path.join(self.dir, "note")
        command = ('echo to stdout; { echo "$1"; echo "$SWANSONG_BUNDLE"; cat /proc/self/oom_score_adj; '
                   f'grep SigBlk /proc/self/status; ulimit -n; }} > {note}.new && mv {note}.new {note}')
        with open("/proc/self/oom_score_adj") as f:
            adj = f.read()
        w = self.watching("-p", str(v.pid), "-i", "3600", "--exec", command)
        bundle = w.bundle()
        wait_until("the command has run", lambda: os.path.exists(note), PATIENCE)
        with open(note) as f:
            told = f.read()
        files = subprocess.run(["/bin/sh", "-c", "ulimit -n"], capture_output=True, text=True).stdout
        self.assertEqual(told, f"{bundle}\n{bundle}\n{adj}SigBlk:\t0000000000000000\n{files}")
        self.assertIn("to stdout", w.said(), "our stdout carries bundles only")
        w.process.terminate()
        self.assertEqual(w.end(), (0, []))

    def test_the_end_waits_for_the_hook_and_says_that_it_failed(self):
        v = self.grow()
        note = os.path.join(self.dir, "note")
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "1", "--exec", f"sleep 0.3; echo > {note}; exit 3")
        bundles = w.end()[1]
        self.assertEqual(len(bundles), 1)
        self.assertTrue(os.path.exists(note))
        self.assertIn(f"--exec: ended with status 3, for {os.path.basename(bundles[0])}", w.said())

    def test_a_slow_hook_holds_nothing_up(self):
        v = self.grow()
        pids = os.path.join(self.dir, "pids")
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "3", "--exec", f"echo $$ >> {pids}; exec sleep 600")
        for _ in range(3):
            w.bundle()

        def started():
            with open(pids, "a+") as f:
                f.seek(0)
                return f.read().split()

        wait_until("three commands run", lambda: len(started()) == 3, PATIENCE)
        w.process.terminate()
        w.end()
        for pid in started():
            os.kill(int(pid), signal.SIGKILL)

    def test_a_full_disk_is_said_and_watching_goes_on(self):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.out],
                          capture_output=True).returncode != 0:
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(subprocess.run, ["umount", self.out])
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "20M")
        v.tell("grow 30")
        w.wait_for("no dump is taken below 8.00 MiB", times=2)
        self.assertEqual(os.listdir(self.out), [])
        v.send("exit 0")
        self.assertEqual(w.end(), (4, []))

    def test_a_closed_stdout_loses_no_bundle(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "20M")
        w.process.stdout.close()
        v.tell("grow 30")
        w.wait_for(f"the bundle is {self.out}/grow.{v.pid}.")
        self.assertIsNone(w.process.poll())

    def test_names_from_outside_are_escaped(self):
        path = os.path.join(self.dir, "a)\x1b[2J\n b")
        shutil.copy(GROW, path)
        v = self.grow(path)
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "1")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 1))
        self.assertEqual(self.manifest(bundles[0][len("bundle: "):])["target"]["comm"], "a)\x1b[2J\n b")
        self.assertIn("watching a)\\x1b[2J\\n b (", w.said())
        self.assertNotIn("\x1b", w.said())


class Reports(Case):
    """With a swansong-report of ours beside a copy of swansong."""

    def reporting(self, script, *args):
        place = os.path.join(self.dir, "bin")
        os.mkdir(place)
        program = shutil.copy(SWANSONG, place)
        fake = os.path.join(place, "swansong-report")
        with open(fake, "w") as f:
            f.write("#!/bin/sh\n" + script)
        os.chmod(fake, 0o755)
        return self.watching(*args, program=program, report=True)

    def test_the_bundle_is_named_when_its_report_is_made(self):
        v = self.grow()
        w = self.reporting('for bundle; do :; done\ncat /proc/self/oom_score_adj > "$bundle/report.txt"\n'
                           'echo "not for our stdout"\n', "-p", str(v.pid), "-i", "3600")
        with open(os.path.join(w.bundle(), "report.txt")) as f:
            self.assertEqual(f.read(), "1000\n", "it may be killed before anything else")

    def test_watching_goes_on_meanwhile(self):
        v = self.grow()
        w = self.reporting(f"while [ ! -e {self.dir}/go ]; do sleep 0.05; done\n", "-p", str(v.pid), "--rss", "50M",
                           "--uss", "100M")
        v.tell("grow 60")
        w.wait_for("(--rss 50M)")
        v.tell("grow 60")
        w.wait_for("(--uss 100M)")
        v.send("exit 1")
        w.wait_for("exited with status 1")
        open(os.path.join(self.dir, "go"), "w").close()
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 2))

    def test_a_report_that_dies_leaves_the_bundle(self):
        v = self.grow()
        w = self.reporting("kill -9 $$\n", "-p", str(v.pid), "-i", "0.05", "-c", "1")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (4, 1))
        self.assertIn("swansong-report was killed by signal 9", w.said())

    def test_more_reports_than_places_wait(self):
        v = self.grow()
        w = self.reporting("sleep 0.3\n", "-p", str(v.pid), "-i", "0.02", "-c", "12")
        status, bundles = w.end()
        self.assertEqual((status, len(set(bundles))), (0, 12))

    def test_the_second_request_to_end_gives_reports_up(self):
        v = self.grow()
        w = self.reporting("exec sleep 600\n", "-p", str(v.pid), "-i", "3600")
        w.wait_for("number 1")
        w.process.terminate()
        w.wait_for("ends, as asked for by signal 15")
        self.assertIsNone(w.process.poll())
        w.process.terminate()
        self.assertEqual(len(w.end()[1]), 1)

    def test_without_swansong_report_there_are_bundles(self):
        v = self.grow()
        place = os.path.join(self.dir, "bin")
        os.mkdir(place)
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "1", program=shutil.copy(SWANSONG, place), report=True)
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (4, 1))
        self.assertIn("no report: swansong-report is neither in", w.said())


class BadInput(Case):
    def test_one_line_and_the_right_status(self):
        v = self.grow()
        p = ["-p", str(v.pid)]
        kthread = [] if not os.path.exists("/proc/2/exe") else [
            (3, "is a kernel thread", ["-p", "2", "-i", "1"])]
        for status, words, args in [
            (2, "which process? give -p PID", ["-i", "1"]),
            (2, "it takes a condition", p + ["--arm", "never"]),
            (2, "it is always, never, or a level", p + ["--arm", "soon"]),
            (2, "not a number of milliseconds", p + ["--kill-budget", "0"]),
            (2, "is not a PID", ["-p", "abc", "-i", "1"]),
            (2, "is not a PID", ["-p", "-1", "-i", "1"]),
            (2, "PID 0 is the kernel's idle task", ["-p", "0", "-i", "1"]),
            (2, "is too large", ["-p", "99999999999999999999", "-i", "1"]),
            (3, "no such process", ["-p", "4194304", "-i", "1"]),
            (2, "not a whole percentage from 1 to 99", p + ["-m", "0"]),
            (2, "not a whole percentage from 1 to 99", p + ["-m", "100"]),
            (2, "not a whole percentage from 1 to 99", p + ["-m", "101"]),
            (2, "above 0 and at most 100", p + ["--rss", "0%"]),
            (2, "above 0 and at most 100", p + ["--pss", "101%"]),
            (2, "out of range", p + ["--rss", "0"]),
            (2, "not a size", p + ["--swap", "much"]),
            (2, "not an interval", p + ["-i", "0"]),
            (2, "not an interval", p + ["-i", "-1"]),
            (2, "not an interval", p + ["-i", "1e9"]),
            (2, "not a number from 1", p + ["-i", "1", "-c", "0"]),
            (2, "not a number from 1", p + ["-i", "1", "--keep", "0"]),
            (2, "not a number from 1", p + ["-i", "1", "--max-dumps", "x"]),
            (2, "not a number of seconds", p + ["-i", "1", "--cooldown", "soon"]),
            (2, "not a full path", ["-e", "grow", "-i", "1"]),
            (2, "unknown option '--frob'", p + ["--frob"]),
            (2, "-i needs an argument", p + ["-i"]),
            (2, "'more' is not expected", p + ["-i", "1", "more"]),
            (2, "at most 16 conditions", p + ["--rss", "1G"] * 17),
            (2, "No such file or directory", p + ["-i", "1", "-o", self.out + "/none"]),
            (2, "Not a directory", p + ["-i", "1", "-o", "/etc/passwd"]),
        ] + kthread:
            with self.subTest(args=args):
                self.refused(status, words, "-o", self.out, *args)

    @need_root
    def test_somebody_elses_link_is_not_followed(self):
        link = os.path.join(self.dir, "link")
        os.symlink(self.out, link)
        os.lchown(link, NOBODY, NOBODY)
        v = self.grow()
        self.refused(2, "is a symbolic link that belongs to uid 65534", "-p", str(v.pid), "-i", "1", "-o", link)


@need_root
class WithoutRoot(Case):
    def nobody(self):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    def setUp(self):
        super().setUp()
        os.chown(self.out, NOBODY, NOBODY)

    def test_our_own_process(self):
        v = self.grow(preexec_fn=self.nobody)
        w = self.watching("-p", str(v.pid), "--pss", "50M", "-l", preexec_fn=self.nobody)
        v.tell("grow 60")
        self.assertEqual(self.kind(w.bundle()), "pss")
        v.send("exit 0")
        v.process.wait()
        w.end()
        self.assertIn("exited with status 0", w.said())

    def test_somebody_elses_process(self):
        v = self.grow()
        w = self.watch("-p", str(v.pid), "-i", "1", preexec_fn=self.nobody)
        self.assertEqual(w.end(), (3, []))
        self.assertIn("is not ours to read", w.said())

    def test_a_directory_that_is_not_ours(self):
        v = self.grow(preexec_fn=self.nobody)
        os.chown(self.out, 0, 0)
        w = self.watch("-p", str(v.pid), "-i", "1", preexec_fn=self.nobody)
        self.assertEqual(w.end(), (2, []))
        self.assertIn("Permission denied", w.said())

    def test_the_state_directory_is_made_for_us_alone(self):
        v = self.grow(preexec_fn=self.nobody)
        os.chmod(self.dir, 0o777)
        env = {**os.environ, "XDG_STATE_HOME": os.path.join(self.dir, "a/b")}
        env.pop("SWANSONG_DIR", None)
        r = subprocess.run([SWANSONG, "watch", "-p", str(v.pid), "-i", "0.05", "-c", "1", "--no-report"],
                           env=env, preexec_fn=self.nobody, capture_output=True, text=True, timeout=PATIENCE)
        path = os.path.join(self.dir, "a/b/swansong")
        self.assertIn(f"bundle: {path}/grow.{v.pid}.", r.stdout, r.stderr)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)


class Watcher(Case):
    def test_gives_itself_up_last(self):
        def expendable():
            with open("/proc/self/oom_score_adj", "w") as f:
                f.write("300")

        lowest = subprocess.run(["/bin/sh", "-c", "for adj in 0 -1000; do echo $adj > /proc/self/oom_score_adj; done;"
                                 "cat /proc/self/oom_score_adj"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, preexec_fn=expendable).stdout
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "1G", "-l", preexec_fn=expendable)
        with open(f"/proc/{w.process.pid}/oom_score_adj") as f:
            self.assertEqual(f.read(), lowest)
        with open(f"/proc/{w.process.pid}/status") as f:
            locked = re.search(r"VmLck:\s+(\d+) kB", f.read()).group(1)
        self.assertTrue(locked != "0" or "memory cannot be locked" in w.said() or is_sanitized())

    def test_never_holds_on_to_the_target(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "5")
        self.assertEqual(len(w.end()[1]), 5)
        self.assert_unharmed(v.pid)
        v.tell("grow 1")

    def test_grows_neither_memory_nor_descriptors(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "-i", "0.02")

        def holds():
            with open(f"/proc/{w.process.pid}/status") as f:
                rss = int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1))
            return rss, len(os.listdir(f"/proc/{w.process.pid}/fd"))

        # In the middle of a dump it holds more: what counts is the least.
        looks = []
        for i in range(40):
            w.bundle()
            if i >= 20:
                looks.append(holds())
        rss, fds = (min(values) for values in zip(*looks))
        for _ in range(80):
            w.bundle()
        wait_until(f"hardly more open files than before ({fds})", lambda: holds()[1] <= fds + 8, 60)
        if not is_sanitized():
            wait_until(f"no more memory than before ({rss} KiB)", lambda: holds()[0] <= rss + 256, 60)

    def test_one_live_line_on_a_terminal(self):
        v = self.grow()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        w = subprocess.Popen([SWANSONG, "watch", "-o", self.out, "--no-report", "-p", str(v.pid), "--rss", "40M"],
                             stdout=subprocess.PIPE, stderr=theirs, text=True)
        os.close(theirs)
        self.addCleanup(w.communicate)
        self.addCleanup(w.kill)
        shown = b""
        while b" % of " not in shown:
            shown += os.read(ours, 4096)
        v.tell("grow 50")
        self.assertTrue(w.stdout.readline().startswith("bundle: "))
        v.send("exit 0")
        try:
            while True:
                shown += os.read(ours, 4096)
        except OSError:
            pass  # the terminal's other side is closed
        text = shown.decode()
        self.assertRegex(text, rf"\r\x1b\[Kgrow \({v.pid}\): RSS [0-9.]+ MiB, \d+ % of [0-9.]+ GiB, ")
        self.assertRegex(text, r"\r\x1b\[Kswansong watch: grow", "erased before a message")
        self.assertTrue(text.endswith("when last seen\r\n"), repr(text[-200:]))

    def test_no_live_line_where_a_line_cannot_be_erased(self):
        v = self.grow()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        w = subprocess.Popen([SWANSONG, "watch", "-o", self.out, "-p", str(v.pid), "--rss", "99%", "-i", "0.6", "-c", "2"],
                             stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "dumb"})
        os.close(theirs)
        self.addCleanup(w.wait)
        self.addCleanup(w.kill)
        shown = b""
        try:
            while True:
                shown += os.read(ours, 4096)
        except OSError:
            pass  # the terminal's other side is closed
        self.assertIn(b"watching grow", shown)
        self.assertNotIn(b"\x1b", shown)


if __name__ == "__main__":
    unittest.main()
