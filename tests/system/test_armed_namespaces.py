# SPDX-License-Identifier: MIT
"""swansong watch, armed, where PIDs mean different processes: a PID namespace, as every container has one."""

import os
import subprocess

from tests.system.harness import SWANSONG, SwansongTest, need_root, proc_status, thread_states, tids, victim_path, wait_until
from tests.system.test_oom import MemoryGroup

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
THREADS = 4

# PID 1 of the namespace: the victim in the group, and the watcher beside it.
INSIDE = r"""
set -e
mkfifo "$DIR/in"
sh -c 'echo 0 >"$GROUP/cgroup.procs"; exec "$HOG" anon 4 0' <"$DIR/in" >"$DIR/ready" &
exec 9>"$DIR/in"
until grep -q ready "$DIR/ready"; do sleep 0.05; done
pid=$(sed 's/ready //' "$DIR/ready")
"$SWANSONG" watch -p $pid -o "$DIR" --arm always >"$DIR/out" 2>"$DIR/err" &
watcher=$!
while grep -q '^TracerPid:.0$' /proc/$pid/task/*/status; do kill -0 $watcher; sleep 0.05; done
tracer=$(sed -n 's/^TracerPid:.//p' /proc/$pid/status)
until readlink /proc/$tracer/fd/* | grep -q '/memory\.oom_control$\|/memory\.events$'; do kill -0 $watcher; sleep 0.05; done
eval "$END"
wait $watcher
"""


@need_root
class ArmedNamespaces(SwansongTest):
    def setUp(self):
        super().setUp()
        if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no PID namespace can be made")
        self.group = MemoryGroup(f"swansong-armed-ns-{os.getpid()}")
        self.addCleanup(self.group.remove)

    def the_hog(self):
        """Its PID out here; what it is called inside it says itself."""
        with open(os.path.join(self.group.path, "cgroup.procs"), encoding="ascii") as f:
            return next((int(pid) for pid in f.read().split() if proc_status(pid).get("Name") == "hog"), None)

    def test_a_victim_inside_is_told_of_with_the_pids_that_it_has_out_here(self):
        outer = self.spawn(self.group.command([*UNSHARE, victim_path("hog"), "anon", str(THREADS), "0"]), stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(outer.stdout.readline(), b"ready 1\n")
        pid = self.the_hog()
        before = sorted(tids(pid))
        watcher = self.spawn([SWANSONG, "watch", "-p", str(pid), "-o", self.dir, "--arm", "always"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until("every thread is attended", lambda: all(tracer for _, tracer in thread_states(pid).values()))
        outer.stdin.write(b"go\n")
        outer.stdin.flush()
        out, err = watcher.communicate(timeout=120)
        self.assertEqual(watcher.returncode, 0, err)
        bundle = out.split()[-1]
        target = self.manifest(bundle)["target"]
        self.assertEqual((target["pid"], target["ns_pid"]), (pid, 1))
        report = self.report(bundle)
        self.assertEqual(report["trigger"]["guarantee"], "at-kill")
        self.assertEqual(sorted(t["tid"] for t in report["threads"]), before)
        self.assertEqual((report["threads"][0]["tid"], {t["captured"] for t in report["threads"]}), (pid, {"stopped"}))
        self.assertIn("touch", [f["function"] for f in report["threads"][0]["frames"]])
        kill = report["kill"]
        self.assertEqual((kill["victim_pid"], kill["victim_comm"], kill["was_target"]), (pid, "hog", True))
        self.assertIn(f"Killed process {pid} (hog)", kill["text"])

    def inside(self, end):
        """(path of the bundle, the victim's PID) of a watch inside whose victim ends by this command of a shell."""
        done = subprocess.run([*UNSHARE, "sh", "-c", INSIDE], capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "DIR": self.dir, "GROUP": self.group.path, "HOG": victim_path("hog"),
                                   "SWANSONG": SWANSONG, "END": end})
        with open(os.path.join(self.dir, "err"), encoding="utf-8") as f:
            said = f.read()
        self.assertEqual(done.returncode, 0, done.stderr + said)
        self.assertIn("the kernel's log names other PIDs than this PID namespace has", said)
        with open(os.path.join(self.dir, "out"), encoding="utf-8") as f:
            bundle = f.read().split()[-1]
        with open(os.path.join(self.dir, "ready"), encoding="ascii") as f:
            return bundle, int(f.read().split()[1])

    def test_a_watcher_inside_knows_the_kernels_kill_by_the_groups_count(self):
        bundle, pid = self.inside("echo go >&9")
        manifest = self.manifest(bundle)
        self.assertEqual((manifest["target"]["pid"], manifest["target"]["ns_pid"]), (pid, pid))
        self.assertEqual(manifest["trigger"]["guarantee"], "at-kill")
        self.assertIn("killed by SIGKILL as the kernel killed for memory", manifest["trigger"]["sentence"])
        self.assertEqual((manifest["threads"]["listed"], manifest["threads"]["stopped"]), (THREADS, THREADS))
        report = self.report(bundle)
        self.assertEqual(report["threads"][0]["tid"], pid)
        self.assertIsNone(report["kill"])

    def test_a_watcher_inside_knows_a_kill_by_hand_by_the_groups_count(self):
        bundle, _ = self.inside("kill -9 $pid")
        self.assertIn("killed by SIGKILL, it seems not for memory", self.manifest(bundle)["trigger"]["sentence"])
