# SPDX-License-Identifier: MIT
"""swansong doctor, on processes that are in some kind of trouble."""

import ctypes
import fcntl
import json
import os
import platform
import pty
import signal
import struct
import subprocess
import sys
import termios

from .harness import SWANSONG, SwansongTest, need_root, proc_status, wait_until
from .test_oom import MemoryGroup

NOBODY = 65534
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
PTRACE = {"x86_64": 101, "aarch64": 117}


def forbid_ptrace():
    """A seccomp filter for the process that calls it: ptrace() fails with EPERM."""
    instructions = [(0x20, 0, 0, 0), (0x15, 0, 1, PTRACE[platform.machine()]), (0x06, 0, 0, 0x00050001),
                    (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in instructions))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        os._exit(99)


class Doctor(SwansongTest):
    def doctor(self, pid, *args, status=0, **kwargs):
        done = self.swansong("doctor", "-p", pid, *args, **kwargs)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_a_narrow_terminal_breaks_lines_between_words(self):
        pid = self.spawn(["sleep", "1000"]).pid
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        process = self.spawn([SWANSONG, "doctor", "-p", str(pid)], stdout=theirs)
        os.close(theirs)
        text = b""
        try:
            while True:
                text += os.read(ours, 4096)
        except OSError:
            pass  # the terminal's other side is closed
        self.assertEqual(process.wait(), 0)
        for line in text.decode().split("\r\n"):
            if " " in line[21:].removeprefix("-> ").strip():
                self.assertLessEqual(len(line), 60, line)
        self.assertIn("guarantee: at the kill; armed, the kernel itself holds every thread", " ".join(text.decode().split()))

    def findings(self, pid, **kwargs):
        """(the object, {check: [finding]})"""
        said = json.loads(self.doctor(pid, "--json", **kwargs).stdout)
        checks = {}
        for finding in said["findings"]:
            checks.setdefault(finding["check"], []).append(finding)
        return said, checks

    def sleeper(self, code="", **kwargs):
        child = self.spawn([sys.executable, "-c", code + "\nprint('ready', flush=True)\ninput()"], stdin=-1, stdout=-1,
                           **kwargs)
        self.assertEqual(child.stdout.readline(), b"ready\n")
        return child

    def assert_problem(self, finding, words):
        self.assertEqual(finding["level"], "problem", finding)
        self.assertIn(words, finding["sentence"])

    @need_root
    def test_a_process_like_any_other(self):
        victim = self.victim("threads", 3)
        said, checks = self.findings(victim.pid)
        self.assertEqual((said["pid"], said["comm"], said["allocator"]), (victim.pid, "threads", "glibc"))
        self.assertTrue(said["may_attach"])
        self.assertEqual(said["guarantee"], "at-kill")
        self.assertGreaterEqual(said["cost"]["threads"], 4)
        self.assertGreater(said["cost"]["bytes"], 1000)
        self.assertGreater(said["limit"], said["limit_used"])
        self.assertGreater(said["rank_in_machine"]["of"], 1)
        self.assertEqual(checks["guarantee"][0]["advice"], f"swansong watch -p {victim.pid}")
        self.assertIn("lines", checks["symbols"][0]["sentence"])
        text = self.doctor(victim.pid).stdout
        self.assertLessEqual(len(text.splitlines()), 40)
        self.assertTrue(text.startswith(f"threads (PID {victim.pid})"), text)
        self.assert_unharmed(victim.pid)

    @need_root
    def test_a_full_group(self):
        group = MemoryGroup(f"swansong-doctor-{os.getpid()}")
        self.addCleanup(group.remove)
        victim = self.spawn(group.command([sys.executable, "-c",
                                           "x = bytearray(b'x') * (56 << 20)\nprint('ready', flush=True)\ninput()"]),
                            stdin=-1, stdout=-1)
        victim.stdout.readline()
        said, checks = self.findings(victim.pid)
        self.assertEqual(said["limit"], 64 << 20)
        self.assertGreater(said["limit_used"], 56 << 20)
        self.assertTrue(said["limit_source"].endswith(os.path.basename(group.path)), said["limit_source"])
        nearest = next(f for f in checks["limit"] if "would kill it" in f["sentence"])
        self.assertIn(nearest["level"], ("note", "problem"))
        self.assertEqual(said["rank_in_group"], {"place": 1, "of": 1})
        self.assertIn(said["cgroup_version"], (1, 2))

    @need_root
    def test_one_that_is_never_killed(self):
        victim = self.sleeper()
        try:
            with open(f"/proc/{victim.pid}/oom_score_adj", "w", encoding="ascii") as f:
                f.write("-1000")
        except OSError as e:
            self.skipTest(f"CAP_SYS_RESOURCE is needed: {e}")
        said, checks = self.findings(victim.pid)
        self.assertEqual(said["oom_score_adj"], -1000)
        self.assertIsNone(said["rank_in_machine"]["place"])
        self.assertTrue(any("never" in f["sentence"] for f in checks["rank"]))

    def test_a_limit_of_its_own(self):
        victim = self.sleeper("import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33))")
        _, checks = self.findings(victim.pid)
        self.assertIn("RLIMIT_AS", checks["rlimit"][0]["sentence"])
        self.assertIn("8.00 GiB", checks["rlimit"][0]["sentence"])

    def test_traced_by_a_debugger(self):
        victim = self.victim("threads", 1)
        gdb = self.spawn(["gdb", "-nx", "-q", "-p", str(victim.pid)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait_until("traced", lambda: proc_status(victim.pid).get("TracerPid") not in (None, "0"), 60)
        said, checks = self.findings(victim.pid)
        self.assertFalse(said["may_attach"])
        self.assert_problem(checks["ptrace"][0], f"gdb (PID {gdb.pid}) traces it")

    def test_forbidden_by_a_filter(self):
        if platform.machine() not in PTRACE:
            self.skipTest("no number of ptrace for this machine")
        victim = self.sleeper()
        # LeakSanitizer, in such a build, needs ptrace itself.
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        said, checks = self.findings(victim.pid, preexec_fn=forbid_ptrace, env=env)
        self.assertFalse(said["may_attach"])
        self.assert_problem(checks["ptrace"][0], "seccomp")

    @need_root
    def test_another_users(self):
        victim = self.sleeper()
        said, checks = self.findings(victim.pid, user=NOBODY)
        self.assertFalse(said["may_attach"])
        self.assert_problem(checks["ptrace"][0], "it belongs to uid 0, we are uid 65534")
        self.assertEqual(checks["ptrace"][0]["advice"], f"as root: swansong watch -p {victim.pid}")
        self.assertNotEqual(said["guarantee"], "at-kill")
        self.assertIsNone(said["cost"])
        self.assertGreater(said["rss"], 0)

    @need_root
    def test_not_dumpable(self):
        ready, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
                os.write(told, b"x")
                while True:
                    signal.pause()
            finally:
                os._exit(99)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.assertEqual(os.read(ready, 1), b"x")
        os.close(ready)
        os.close(told)
        said, checks = self.findings(pid, user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertFalse(said["may_attach"])
        self.assert_problem(checks["ptrace"][0], "not dumpable")
        self.assertTrue(self.findings(pid)[0]["may_attach"], "root may")

    def test_allocators(self):
        for name, allocator in (("threads-static", "static"), ("goroutines", "Go")):
            victim = self.victim(name, 1)
            self.assertEqual(self.findings(victim.pid)[0]["allocator"], allocator, name)

    def test_stripped(self):
        victim = self.victim("threads-stripped", 1)
        _, checks = self.findings(victim.pid)
        self.assertEqual(checks["symbols"][0]["level"], "note")
        self.assertIn("stripped", checks["symbols"][0]["sentence"])

    def test_who_else_kills(self):
        killer = self.sleeper("open('/proc/self/comm', 'w').write('earlyoom')")
        _, checks = self.findings(self.sleeper().pid)
        self.assertTrue(any(f"earlyoom runs (PID {killer.pid})" in f["sentence"] for f in checks["killer"]), checks)

    def test_a_name_that_would_drive_the_terminal(self):
        victim = self.sleeper("open('/proc/self/comm', 'w').write('a\\x1b[2J\\n)b')")
        self.assertNotIn("\x1b", self.doctor(victim.pid).stdout)
        self.assertEqual(self.findings(victim.pid)[0]["comm"], "a\x1b[2J\n)b")

    def test_a_zombie(self):
        parent = self.victim("trouble", "zombie")
        pid = int(parent.first_line.split()[1])
        _, checks = self.findings(pid)
        self.assert_problem(checks["state"][0], "it has ended")

    def test_gone(self):
        child = self.spawn(["true"])
        child.wait()
        done = self.doctor(child.pid, status=3)
        self.assert_one_line(done.stderr)

    def test_a_kernel_thread(self):
        try:
            with open("/proc/2/comm", encoding="ascii") as f:
                comm = f.read()
        except OSError:
            comm = ""
        if comm != "kthreadd\n":
            self.skipTest("no kernel threads to be seen here")
        done = self.doctor(2, status=3)
        self.assertIn("kernel thread", done.stderr)

    def test_usage(self):
        for args in ((), ("-p", "x"), ("-p", "0"), ("-p", "1", "x"), ("--nonsense",)):
            done = self.swansong("doctor", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assert_one_line(done.stderr)
