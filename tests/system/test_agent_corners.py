# SPDX-License-Identifier: MIT
"""What programs seldom do: the agent in them does no harm, and tells the truth about it."""

import glob
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys

from tests.system import recorder
from tests.system.harness import victim_path, wait_until
from tests.system.test_agent import FLAG_FORKED, AgentTest

MEAN = 128 << 10
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Ends(AgentTest):
    def test_each_normal_end_removes_the_recorder(self):
        for how in ("exit", "_exit", "quick_exit", "exit_group"):
            with self.subTest(how=how):
                self.run_victim("agent_corners", "end", how, options="sample=1")
                self.assertEqual(recorder.recorders(self.recorders), {})

    def test_a_daemon_leaves_only_its_own(self):
        with self.spawn([victim_path("agent_corners"), "end", "daemon"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                        env=self.env("sample=1")) as parent:
            daemon = int(parent.stdout.readline())
            self.assertEqual(parent.wait(60), 0)
            self.assertEqual(recorder.recorders(self.recorders).keys(), {daemon})
            parent.stdin.close()
            wait_until("the daemon's end", lambda: not recorder.recorders(self.recorders), 60)


class Countdown(AgentTest):
    def test_sizes_that_cannot_be_had_count_for_nothing(self):
        self.run_victim("agent_corners", "impossible", options="sample=1", status=-signal.SIGKILL)
        (pid,) = recorder.recorders(self.recorders)
        self.assertEqual(self.site_bytes(self.recorder_of(pid), "agent_corners"), {"hundred_blocks": (500, 0)})

    def test_the_first_bytes_of_a_child_have_their_chance(self):
        children, mean = 200, 100000
        self.run_victim("agent_corners", "nursery", children, mean, options=f"sample={mean},keep,size=1M")
        found = 0
        for pid in recorder.recorders(self.recorders):
            r = self.recorder_of(pid)
            if r.header.flags & FLAG_FORKED:
                found += sum(record.size * record.weight / recorder.ONE for _address, record in r.live())
        # Each child's estimate has a standard error of `mean`: seven of the sum's are left out less than once in 10^9.
        self.assertAlmostEqual(found / mean, children, delta=7.2 * math.sqrt(children))


class Mappings(AgentTest):
    def resized(self, n, size_from, size_to):
        """(bytes that are found, their standard error) of n mappings"""
        self.run_victim("agent_corners", "resize", n, size_from, size_to, options="sample=128K", status=-signal.SIGKILL)
        (path,) = recorder.recorders(self.recorders).values()
        r = recorder.Recorder(path)
        os.unlink(path)
        stacks, p = r.stacks(kind=2), 1 if size_to >= MEAN else 1 - math.exp(-size_to / MEAN)
        return (sum(record.size * record.weight / recorder.ONE for _address, record in r.live() if record.stack in stacks),
                size_to * math.sqrt(n * (1 / p - 1)))

    def test_one_that_has_grown_beyond_the_mean_is_exact(self):
        for size_from in (4096, 65536, 262144):
            self.assertEqual(self.resized(1, size_from, 1 << 20), (1 << 20, 0))

    def test_one_that_has_grown_or_shrunk_counts_as_what_it_is(self):
        for size_from, size_to in ((40960, 81920), (4096, 40960), (81920, 40960), (1 << 20, 81920)):
            with self.subTest(size_from=size_from, size_to=size_to):
                found, error = self.resized(1000, size_from, size_to)
                self.assertAlmostEqual(found, 1000 * size_to, delta=7.2 * error)  # less than once in 10^9 it is not


class Threads(AgentTest):
    def test_an_allocation_is_no_cancellation_point(self):
        for options in ("sample=1", "sample=1,thread=off"):
            with self.subTest(options=options):
                self.run_victim("agent_corners", "cancelled", options=options)

    def test_a_mapping_is_not_broken_off(self):
        """A thread that ends in the middle of it would leave a lock behind, and nobody could record a mapping any more."""
        self.run_victim("agent_corners", "maps", options="sample=4K", status=-signal.SIGKILL)
        (path,) = recorder.recorders(self.recorders).values()
        self.assertIn(8 << 20, [record.size for _address, record in recorder.Recorder(path).live()])

    def test_frame_pointers_that_lead_nowhere(self):
        self.run_victim("agent_corners", "frames", options="sample=1")

    def test_the_service_thread_has_no_part_in_the_programs_descriptors(self):
        with open("/proc/self/status", encoding="ascii", errors="replace") as f:
            filtered = "Seccomp:\t0" not in f.read()
        if filtered or tuple(map(int, platform.release().split(".")[:2])) < (5, 9):
            self.skipTest("needs Linux 5.9, and no filter of system calls")
        script = ("import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
                  "while True: bytearray(100000)")
        victim = self.spawn([sys.executable, "-c", script], env=self.env("sample=64K", PYTHONMALLOC="malloc"))

        def descriptors():
            """Of the service thread; None until it is there."""
            for task in glob.glob(f"/proc/{victim.pid}/task/*"):
                with open(f"{task}/comm", encoding="ascii", errors="replace") as f:
                    if f.read() == "swansong\n":
                        return os.listdir(f"{task}/fd")
            return None
        # What it reads itself it has open for a moment.
        wait_until("a table of its own", lambda: descriptors() == [], 60)
        self.assertIn("0", os.listdir(f"/proc/{victim.pid}/fd"))


class Files(AgentTest):
    def test_a_directory_that_cannot_be_used(self):
        """One warning that names it, and the default."""
        runtime = os.path.join(self.recorders, "runtime")
        os.mkdir(runtime, 0o700)
        for directory in ("/nonexistent/swansong", "/etc"):
            with self.subTest(dir=directory):
                env = dict(self.env(), SWANSONG_OPTIONS=f"dir={directory}", XDG_RUNTIME_DIR=runtime)
                victim = self.victim("agent_harm", "hold", env=env, stderr=subprocess.PIPE)
                self.assertEqual(recorder.recorders(os.path.join(runtime, "swansong")).keys(), {victim.pid})
                victim.terminate()
                lines = victim.stderr.read().decode().splitlines()
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f'"dir={directory}"', lines[0])
                shutil.rmtree(os.path.join(runtime, "swansong"))

    def test_a_static_program_says_that_its_heap_was_not_seen(self):
        for name, static in (("threads-static", True), ("threads-static-pie", True), ("threads", False)):
            with self.subTest(program=name):
                victim = self.victim(name, 1)
                bundle = self.swansong("dump", "-p", victim.pid, "-q", "-o", self.dir).stdout.splitlines()[-1].split(": ", 1)[-1]
                report = json.loads(self.swansong("report", bundle, "--format", "json").stdout)
                said = [row["reason"] for row in report["missing"] if row["section"] == "recorder"]
                self.assertEqual(said, ["the heap was not seen: a static program loads no agent"] if static else [])

    def test_a_umask_that_takes_everything(self):
        directory = os.path.join(self.recorders, "made")
        env = dict(self.env(), SWANSONG_OPTIONS=f"dir={directory}")
        victim = self.victim("agent_harm", "hold", env=env, umask=0o777)
        (path,) = recorder.recorders(directory).values()
        self.assertEqual([oct(os.stat(p).st_mode & 0o777) for p in (directory, path)], ["0o700", "0o600"])
        victim.kill()


class Header(AgentTest):
    SOURCE = """#include <swansong.h>
                #include <stdio.h>
                int main(void)
                {
                        int taken;
                        swansong_note("last words");
                        taken = swansong_dump("a test");
                        printf("%d\\n", taken);
                        return 0;
                }
"""

    def test_every_standard_takes_it_and_without_the_agent_it_does_nothing(self):
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{os.path.join(ROOT, 'include')}"]
        for suffix, compilers, standards in ((".c", ("gcc", "clang"), ("c89", "c99", "c11")), (".cc", ("g++", "clang++"), ("c++98", "c++17"))):
            source, program = os.path.join(self.dir, f"words{suffix}"), os.path.join(self.dir, "words")
            with open(source, "w", encoding="ascii") as f:
                f.write(self.SOURCE)
            for compiler in filter(shutil.which, compilers):
                for standard in standards:
                    with self.subTest(compiler=compiler, standard=standard):
                        subprocess.run([compiler, f"-std={standard}", *strict, "-o", program, source], check=True)
            for env, said in ((None, "-11\n"), (self.env("keep"), "0\n")):
                self.assertEqual(subprocess.run([program], env=env, capture_output=True, text=True, check=True, timeout=60).stdout, said)
        self.assertEqual([recorder.Recorder(path).notes() for path in recorder.recorders(self.recorders).values()], [["last words"]] * 2)
