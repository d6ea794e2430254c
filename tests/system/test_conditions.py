# SPDX-License-Identifier: MIT
"""The conditions of swansong watch that forewarn, each with real processes; --dry-run; what stays on the disk."""

import os
import re
import signal
import socket
import subprocess
import time
import unittest

from tests.system.harness import need_root, thread_states, wait_until
from tests.system.test_oom import MemoryGroup
from tests.system.test_watch import PATIENCE, Case

MIB = 1 << 20
UNARMED = ("--arm", "never", "--snapshot")


class ConditionCase(Case):
    def group(self, name, limit):
        """To be made before the processes in it: it is removed after them."""
        group = MemoryGroup(name, limit)
        self.addCleanup(group.remove)
        return group

    def put(self, process, group):
        with open(os.path.join(group.path, "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(process.pid))
        return process

    def trigger(self, w, kind, sentence):
        trigger = self.manifest(w.bundle())["trigger"]
        self.assertEqual(trigger["kind"], kind, w.said())
        self.assertRegex(trigger["sentence"], sentence)
        self.assertEqual(trigger["guarantee"], "early")

    def assert_armed(self, pid):
        wait_until("every thread is attended",
                   lambda: thread_states(pid) and all(tracer for _, tracer in thread_states(pid).values()), PATIENCE)


class Process(ConditionCase):
    def test_growth_counts_what_was_gained_within_the_time(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--growth", "50M/min", *UNARMED)
        self.assertIn("dumps at growth of 50.0 MiB within 1 min", w.said())
        v.tell("grow 20")
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")
        v.tell("grow 60")
        self.trigger(w, "growth", r"^RSS grew by [0-9.]+ MiB within 1 min, to [0-9.]+ MiB \(--growth 50M/min\)")

    def test_a_forewarning_arms_and_takes_no_dump_unless_asked_to(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--growth", "30M/min", "--arm", "100%")
        v.tell("grow 60")
        self.assert_armed(v.pid)
        w.wait_for("armed, 1 thread")
        w.process.terminate()
        self.assertEqual(w.end(), (0, []))
        self.assert_unharmed(v.pid)

    def test_with_snapshot_it_does_both(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--growth", "30M/min", "--arm", "100%", "--snapshot")
        v.tell("grow 60")
        self.trigger(w, "growth", "^RSS grew by ")
        self.assert_armed(v.pid)


class Group(ConditionCase):
    def test_time_to_limit_is_headroom_by_speed(self):
        group = self.group(f"swansong-time-{os.getpid()}", 300 * MIB)
        v = self.put(self.grow(), group)
        w = self.watching("-p", str(v.pid), "--time-to-limit", "1h", *UNARMED)
        v.send("speed 5")
        self.trigger(w, "time_to_limit", r"^[0-9.]+ (ms|s|min|h) to the limit: [0-9.]+ MiB of the 300 MiB of memory group "
                     r"\S*/swansong-time-\d+ used, growing by [0-9.]+ [KM]iB per second \(--time-to-limit 1h\)")

    def test_group_usage_is_that_of_all_in_the_group_that_is_nearest_to_its_limit(self):
        name = f"swansong-usage-{os.getpid()}"
        self.group(name, 200 * MIB)
        groups = self.group(f"{name}/a", 150 * MIB), self.group(f"{name}/b", 190 * MIB)
        v, hog = (self.put(self.grow(), group) for group in groups)
        w = self.watching("-p", str(v.pid), "--group-usage", "70%", *UNARMED)
        hog.tell("grow 120")
        w.process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.kind(w.bundle()), "signal")
        hog.tell("grow 40")
        self.trigger(w, "group_usage", rf"^usage [0-9.]+ MiB reached 70 % of the 200 MiB of memory group \S*/{name} "
                     r"\(--group-usage 70%\)")

    def test_a_limit_that_changes_is_read_again(self):
        group = self.group(f"swansong-changes-{os.getpid()}", 400 * MIB)
        v = self.put(self.grow(), group)
        v.tell("grow 60")
        w = self.watching("-p", str(v.pid), "--group-usage", "80%", *UNARMED)
        for file in ("memory.limit_in_bytes", "memory.max"):
            if os.path.exists(os.path.join(group.path, file)):
                with open(os.path.join(group.path, file), "w", encoding="ascii") as f:
                    f.write(str(72 * MIB))
        self.trigger(w, "group_usage", r"reached 80 % of the 72.0 MiB of memory group \S*/swansong-changes-")

    def test_no_limit_is_said_with_the_file_and_what_is_used_instead(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--group-usage", "100%", *UNARMED)
        if "armed at usage" in w.said() and "this machine's memory" not in w.said():
            self.skipTest("this test runs in a limited group")
        if "of this machine's memory" in w.said():
            w.wait_for("this machine's memory is used instead")
            self.assertRegex(w.said(), r"memory\.(max|limit_in_bytes)|no memory controller")


class Machine(ConditionCase):
    def test_available(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--available", "100%", *UNARMED)
        self.trigger(w, "available", r"^available memory [0-9.]+ [GM]iB is down to 100 % of the [0-9.]+ [GM]iB of this "
                     r"machine's memory \(--available 100%\)")

    def test_swap_free(self):
        v = self.grow()
        with open("/proc/meminfo", encoding="ascii") as f:
            total = int(re.search(r"SwapTotal:\s+(\d+)", f.read()).group(1))
        w = self.watching("-p", str(v.pid), "--swap-free", "100%", *UNARMED)
        if total == 0:
            self.assertIn("free swap (never: /proc/meminfo shows no swap)", w.said())
        else:
            self.trigger(w, "swap_free", r"^free swap .* is down to 100 % of the .* of swap \(--swap-free 100%\)")

    def test_psi_of_the_machine_where_the_group_has_no_file(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--psi", "some 100ms/2s")
        self.assertIn("memory pressure (some 100ms/2s)", w.said())
        v.send("exit 0")
        w.end()
        for line in w.said().splitlines():
            if "--psi" in line:
                self.assertRegex(line, r"is used instead$|can never come true: /proc/pressure/memory: ")

    def test_service_managers_fifo(self):
        v = self.grow()
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        env = {**os.environ, "MEMORY_PRESSURE_WATCH": fifo, "MEMORY_PRESSURE_WRITE": "aGVsbG8="}
        w = self.watching("-p", str(v.pid), "--snapshot", "--psi", "env", "--cooldown", "3600", env=env)
        with open(fifo, "rb+", buffering=0) as f:
            # What it writes comes back to itself first, as an event: the FIFO has one reader only.
            f.write(b"x")
            self.trigger(w, "psi", r"^memory pressure, as told where MEMORY_PRESSURE_WATCH says \(--psi env\)")
            self.assert_armed(v.pid)

    def test_service_managers_socket(self):
        v = self.grow()
        path = os.path.join(self.dir, "socket")
        with socket.socket(socket.AF_UNIX) as ours:
            ours.bind(path)
            ours.listen(1)
            ours.settimeout(PATIENCE)
            env = {**os.environ, "MEMORY_PRESSURE_WATCH": path, "MEMORY_PRESSURE_WRITE": "aGVsbG8="}
            w = self.watching("-p", str(v.pid), "--arm", "100%", env=env)
            theirs, _ = ours.accept()
            with theirs:
                self.assertEqual(theirs.recv(16), b"hello")
                theirs.sendall(b"now")
                self.assert_armed(v.pid)
            # The other side is closed: that is no event, and not looked at again and again.
            v.tell("grow 1")
            self.assertIsNone(w.process.poll())

    def test_a_service_manager_that_talks_nonsense_is_said_and_watching_goes_on(self):
        v = self.grow()
        for variables, words in (({"MEMORY_PRESSURE_WATCH": "/no/such"}, "No such file or directory"),
                                 ({"MEMORY_PRESSURE_WATCH": "relative"}, "not a full path"),
                                 ({"MEMORY_PRESSURE_WATCH": "/dev/null"}, "switches it off"),
                                 ({"MEMORY_PRESSURE_WATCH": "/tmp", "MEMORY_PRESSURE_WRITE": "?"}, "not base64")):
            with self.subTest(variables=variables):
                w = self.watching("-p", str(v.pid), "-i", "0.05", "-c", "2", "--rss", "1G", env={**os.environ, **variables})
                self.assertEqual(w.end(), (0, []))
                self.assertIn("--psi env can never come true: ", w.said())
                self.assertIn(words, w.said())


class BadInput(ConditionCase):
    def test_one_line_and_status_2(self):
        p = ["-p", str(self.grow().pid)]
        for words, args in [
            ("not a growth; write SIZE/TIME", ["--growth", "100M"]),
            ("not a growth; write SIZE/TIME", ["--growth", "100M/1"]),
            ("not a growth; write SIZE/TIME", ["--growth", "10%/s"]),
            ("not a growth; write SIZE/TIME", ["--growth", "100M/2h"]),
            ("not a growth; write SIZE/TIME", ["--growth", "/s"]),
            ("not a time up to 1h", ["--time-to-limit", "500"]),
            ("not a time up to 1h", ["--time-to-limit", "500M"]),
            ("not a size", ["--group-usage", "most"]),
            ("above 0 and at most 100", ["--available", "120%"]),
            ("not a size", ["--swap-free", "1s"]),
            ("write some or full", ["--psi", "most 1ms/1s"]),
            ("the kernel takes windows from 500ms to 10s", ["--psi", "some 1ms/100ms"]),
            ("--arm never leaves --growth 1G/s nothing to do", ["--growth", "1G/s", "--arm", "never"]),
            ("--arm 70% and --arm never: only one", ["--arm", "70%", "--arm", "never"]),
            ("there is no condition that it is for", ["--rss", "1G", "--snapshot"]),
            ("not a size; write 512M or 20G", ["--rss", "1G", "--max-disk", "10%"]),
        ]:
            with self.subTest(args=args):
                self.refused(2, words, "-o", self.out, *p, *args)


class DryRun(ConditionCase):
    def test_says_it_all_and_touches_nothing(self):
        name = f"swansong-dry-{os.getpid()}"
        group = self.group(name, 100 * MIB)
        v = self.put(self.grow(), group)
        v.tell("grow 20")
        r = self.swansong("watch", "--dry-run", "-p", v.pid, "-o", self.out, "--rss", "1M", "--growth", "1G/s",
                          "--time-to-limit", "auto", "--arm", "always")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stderr, "")
        self.assertIn(f"grow ({v.pid}): RSS ", r.stdout)
        self.assertRegex(r.stdout, rf"limit: 100 MiB of memory group \S*/{name}, .* used  \({group.path}/memory\.\w+\)")
        self.assertRegex(r.stdout, r"limit: .* of this machine's memory, .* available  \(/proc/meminfo\)")
        self.assertRegex(r.stdout, r"--rss 1M takes a dump when RSS is 1\.00 MiB, now 2\d\.\d MiB: true now")
        self.assertRegex(r.stdout, r"--growth 1G/s arms when the growth is 1\.00 GiB, now .*B")
        self.assertRegex(r.stdout, r"--time-to-limit auto arms when ")
        self.assertRegex(r.stdout, r"capture: 1 thread would stand still for some .*s, reading takes .*s, .*iB and the")
        self.assertEqual(os.listdir(self.out), [])
        self.assert_unharmed(v.pid)

    def test_says_what_is_not_permitted(self):
        v = self.grow()
        other = subprocess.Popen(["gdb", "-q", "-batch", "-p", str(v.pid), "-ex", "shell echo attached; cat"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(other.communicate)
        for line in other.stdout:
            if line == "attached\n":
                break
        r = self.swansong("watch", "--dry-run", "-p", v.pid, "-o", self.out)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn(f"not permitted: to attach to it (it is traced by PID {other.pid}): it is not armed", r.stdout)


class Disk(ConditionCase):
    def next_second(self):
        """Bundles of one second are told apart by a number, and stay together."""
        now = int(time.time())
        wait_until("the next second", lambda: int(time.time()) > now)

    def test_of_a_ramp_the_first_and_the_last_stay(self):
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "20M", "--cooldown", "0", "-i", "0.05", "--keep", "2")
        bundles = []
        for mib in (30, 30, 60, 120):
            # Grown at one blow: half of it would be another dump.
            w.process.send_signal(signal.SIGSTOP)
            wait_until("it is stopped", lambda: {state for state, _ in thread_states(w.process.pid).values()} == {"T"})
            v.tell(f"grow {mib}")
            w.process.send_signal(signal.SIGCONT)
            bundles.append(os.path.basename(w.bundle()))
            self.next_second()
        w.process.terminate()
        _, more = w.end()
        bundles += [os.path.basename(line) for line in more]
        left = os.listdir(self.out)
        self.assertIn(bundles[0], left, "how it began")
        self.assertIn(bundles[-1], left)
        self.assertNotIn(bundles[1], left)

    def test_max_disk_lets_the_oldest_go(self):
        v = self.grow()
        stays = [f"grow.{v.pid}.20200101T000000Z.swansong.partial", "grow.1.20200101T000000Z.swansong"]
        for name in stays:
            os.mkdir(os.path.join(self.out, name))
        w = self.watching("-p", str(v.pid), "-i", "1.1", "-c", "3", "--max-disk", "1K")
        status, bundles = w.end()
        self.assertEqual((status, len(bundles)), (0, 3))
        # Those of one second stay together: a dump that was late may be of the next one's.
        names = [os.path.basename(line) for line in bundles]
        last = names[-1].split(".")[2]
        self.assertEqual(sorted(os.listdir(self.out)), sorted(stays + [name for name in names if name.split(".")[2] == last]))

    @need_root
    def test_a_dump_for_which_there_was_no_room_is_taken_later(self):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.out],
                          capture_output=True, check=False).returncode != 0:
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(subprocess.run, ["umount", self.out])
        v = self.grow()
        w = self.watching("-p", str(v.pid), "--rss", "20M")
        v.tell("grow 30")
        w.wait_for("no dump is taken below 8.00 MiB; it is tried again")
        subprocess.run(["mount", "-o", "remount,size=100m", self.out], check=True)
        self.assertEqual(self.kind(w.bundle()), "rss")


if __name__ == "__main__":
    unittest.main()
