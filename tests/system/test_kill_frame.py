# SPDX-License-Identifier: MIT
"""The kernel's report of a kill names a place in the program: from the stack, and from the kernel's word alone."""

import os
import signal
import subprocess
import unittest

from tests.system.harness import SWANSONG, proc_status, wait_until
from tests.system.test_armed import PATIENT, Armed


class KillFrame(Armed):
    def setUp(self):
        super().setUp()
        if os.uname().machine != "x86_64":
            self.skipTest("only x86's report has registers")

    def kill_of(self, bundle):
        done = self.swansong("report", bundle, "--format", "json", "-o", os.path.join(self.dir, "report.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.report(self.dir)["kill"]

    def killed_in_known_code(self):
        """A victim, its bundle and its kill, of which the kernel has shown the code."""
        for _ in range(5):
            victim = self.leak(60, 2, 50)
            watcher = self.watch(victim.pid, "--no-report")
            self.wait_armed(victim.pid)
            self.go_on(victim)
            bundles, err, status = self.finish(watcher)
            self.assertEqual((victim.wait(), len(bundles), status), (-signal.SIGKILL, 1, 0), err)
            with open(os.path.join(bundles[0], "kmsg"), encoding="ascii") as f:
                word = f.read()
            # Memory may also have been missing for the page with the next instruction: then there is no code to show.
            if "RIP: 0033:" in word and "Unable to access opcode bytes" not in word:
                return victim, bundles, self.kill_of(bundles[0])
        self.skipTest("other kills used up the kernel's limit of 10 reports in 5 s")

    def test_the_place_of_the_allocation_with_and_without_the_stacks(self):
        victim, bundles, kill = self.killed_in_known_code()
        place = kill["trigger_frames"][0]
        self.assertIsNotNone(place["function"])
        self.assertIsNotNone(place["module_offset"])
        self.assertIn("THE KERNEL'S WORD", self.swansong("report", bundles[0]).stdout)
        # Without registers and stacks: the code that the kernel has shown proves which file it was.
        for section in ("core", "threads.tsv"):
            os.remove(os.path.join(bundles[0], section))
        alone = self.kill_of(bundles[0])["trigger_frames"][0]
        self.assertEqual({k: alone[k] for k in ("pc", "function", "module", "module_offset")},
                         {k: place[k] for k in ("pc", "function", "module", "module_offset")})
        # And without the mappings there is only the address, which is the target's main thread's.
        os.remove(os.path.join(bundles[0], "proc", str(victim.pid), "maps"))
        bare = self.kill_of(bundles[0])
        if bare["trigger_pid"] == victim.pid:
            self.assertEqual((bare["trigger_frames"][0]["pc"], bare["trigger_frames"][0]["module"]), (place["pc"], None))

    def test_the_kernels_word_of_a_process_that_somebody_else_traces_names_a_place(self):
        victim = self.leak(60, 2, 0)
        tracer = self.spawn(["strace", "-e", "trace=none", "-o", "/dev/null", "-p", str(victim.pid)], stderr=subprocess.DEVNULL)
        wait_until("strace is there", lambda: proc_status(victim.pid)["TracerPid"] != "0")
        # Without BPF, whose copy would be better.
        watcher = self.spawn(["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin", SWANSONG, "watch", "-p", str(victim.pid), "-o", self.dir,
                              "--no-report", "--arm", "always", *PATIENT],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace")
        why = self.wait_not_armed(watcher)
        self.go_on(victim)
        bundles, err, _ = self.finish(watcher)
        err = why + err
        tracer.wait()
        self.assertRegex(err, rf"not armed until it is let go, dumps only at conditions: PID {victim.pid}: it is already traced by PID {tracer.pid} \(strace\); "
                              r"of a kill there will be the kernel's word only: BPF: .* \(it takes CAP_BPF and CAP_PERFMON\)\n")
        self.assertEqual(len(bundles), 1, err)
        self.assertEqual(self.manifest(bundles[0])["trigger"]["guarantee"], "kernel")
        kill = self.kill_of(bundles[0])
        with open(os.path.join(bundles[0], "kmsg"), encoding="ascii") as f:
            if "RIP: 0033:" not in f.read():
                self.skipTest("other kills used up the kernel's limit of 10 reports in 5 s")
        place = kill["trigger_frames"][0]
        self.assertIsNotNone(place["module_offset"], place)
        text = self.swansong("report", bundles[0]).stdout
        self.assertIn("the kernel's word only", text)
        self.assertIn(os.path.basename(place["module"]) + "+" + place["module_offset"], " ".join(text.split()))


def load_tests(loader, _tests, _pattern):
    """Armed brings its helpers, not its tests."""
    names = [name for name in vars(KillFrame) if name.startswith("test_")]
    return unittest.TestSuite([loader.loadTestsFromName(name, KillFrame) for name in names])
