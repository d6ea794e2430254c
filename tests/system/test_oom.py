# SPDX-License-Identifier: MIT
"""swansong oom, on real kills in a small memory group of this machine."""

import json
import os
import signal
import subprocess
import time
import unittest

from tests.system.harness import SWANSONG, SwansongTest, need_root, proc_status, wait_until

LIMIT = 24 << 20


def memory_group_root():
    """The directory below which we may make memory groups, and the file for the limit; or skip."""
    own = {}
    with open("/proc/self/cgroup") as f:
        for line in f:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            own[controllers] = path
    with open("/proc/self/mounts") as f:
        mounts = [line.split() for line in f]
    for _, where, kind, options, *_ in mounts:
        if kind == "cgroup" and "memory" in options.split(",") and "memory" in own:
            return where + own["memory"].rstrip("/"), "memory.limit_in_bytes"
    for _, where, kind, *_ in mounts:
        controllers = os.path.join(where, "cgroup.subtree_control")
        if kind == "cgroup2" and os.path.exists(controllers):
            with open(controllers) as f:
                if "memory" in f.read().split():
                    return where, "memory.max"
    raise unittest.SkipTest("no memory controller below which groups can be made")


class Group:
    """A memory group with a limit, removed at the end."""

    def __init__(self, name):
        root, limit_file = memory_group_root()
        self.path = os.path.join(root, name)
        try:
            os.mkdir(self.path)
            with open(os.path.join(self.path, limit_file), "w") as f:
                f.write(str(LIMIT))
        except OSError as e:
            raise unittest.SkipTest(f"cannot make a memory group: {e}")
        # At its limit it would go on in the machine's swap.
        for file in ("memory.swappiness", "memory.swap.max"):
            if os.path.exists(os.path.join(self.path, file)):
                with open(os.path.join(self.path, file), "w", encoding="ascii") as f:
                    f.write("0")

    def remove(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)

    def kill_one(self, comm=b"oom victim"):
        """Let a process grow in the group until the kernel kills it; its PID."""
        pid = os.fork()
        if pid == 0:
            try:
                with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
                    f.write(str(os.getpid()))
                with open("/proc/self/comm", "wb") as f:
                    f.write(comm)
                memory = []
                while len(memory) < 10 * LIMIT >> 20:
                    memory.append(bytearray(b"x") * (1 << 20))
            finally:
                os._exit(99)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"the victim ended with {status}"
        return pid


class MemoryGroup(Group):
    """A group of the test's own; a command is started inside it."""

    def __init__(self, name, limit=64 << 20):
        super().__init__(name)
        for file in ("memory.limit_in_bytes", "memory.max"):
            path = os.path.join(self.path, file)
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as f:
                    f.write(str(limit))

    def command(self, argv):
        return ["/bin/sh", "-c", f'echo $$ >"{self.path}/cgroup.procs"; exec "$@"', "sh", *map(str, argv)]


def kills_of(output, pid):
    return [e for e in map(json.loads, output.splitlines()) if e["victim_pid"] == pid and e["event"] == "kill"]


class Oom(SwansongTest):
    def setUp(self):
        super().setUp()
        if self.swansong("oom", "--since", "0s").returncode == 3:
            self.skipTest("the kernel's log may not be read here")
        self.group = Group(f"swansong-test-{os.getpid()}")
        self.addCleanup(self.group.remove)

    def test_shows_who_was_killed_and_by_which_limit(self):
        pid = self.group.kill_one()
        result = self.swansong("oom", "--since", "10m", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        kills = kills_of(result.stdout, pid)
        self.assertEqual(len(kills), 1)
        kill = kills[0]
        self.assertEqual(kill["victim_comm"], "oom victim")
        self.assertIs(kill["global"], False)
        self.assertGreater(kill["anon_rss"], LIMIT // 2)
        self.assertEqual(kill["rss"], kill["anon_rss"] + kill["file_rss"] + kill["shmem_rss"])
        if kill["trigger_comm"] is None:
            self.skipTest("other kills used up the kernel's limit of 10 reports in 5 s: only the last line was checked")
        self.assertEqual(kill["trigger_comm"], "oom victim")
        self.assertTrue(kill["group"].endswith(os.path.basename(self.group.path)), kill["group"])
        self.assertEqual(kill["memory"]["limit"], LIMIT)
        self.assertIn(pid, [task["pid"] for task in kill["tasks"]])
        self.assertIn(f"Killed process {pid} (oom victim)", kill["text"])

    def test_says_when_it_cannot_print(self):
        self.group.kill_one()
        with open("/dev/full", "w") as full:
            result = subprocess.run([SWANSONG, "oom"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(result.returncode, 4)
        self.assertIn("No space left on device", result.stderr)

    def test_text_escapes_a_hostile_name(self):
        pid = self.group.kill_one(comm=b"a) \n\x1b[31m(b\xff")
        text = self.swansong("oom", "--since", "10m").stdout
        self.assertIn(rf"killed PID {pid} (a) \n\x1b[31m(b\xff), ", text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(kills_of(self.swansong("oom", "--since", "10m", "--json").stdout, pid)), 1)

    def follow(self, *arguments):
        """A follower that has come to the log's end, and the file that it writes to."""
        path = os.path.join(self.dir, "follow.json")
        with open(path, "w") as written:
            process = self.spawn([SWANSONG, "oom", "--follow", "--json", *arguments], stdout=written,
                                 stderr=subprocess.PIPE, text=True)
        # A descriptor of our own: to seek in the one that it inherited would move where it writes.
        output = open(path)
        self.addCleanup(output.close)
        # Reading the log never sleeps; waiting for more does.
        wait_until("the follower sleeps", lambda: proc_status(process.pid).get("State", "").startswith("S"))
        return process, output

    def kill_and_see(self, output):
        self.began = time.monotonic()
        pid = self.group.kill_one()

        def seen():
            output.seek(0)
            # The last line may be half written.
            return kills_of("".join(line for line in output if line.endswith("\n")), pid)

        return wait_until("the kill is shown", seen)[0]

    def kill_with_machine(self, output):
        """A kill with a copy of the machine's files: of those within 5 s only one has it, and others may kill, too."""
        return wait_until("a kill that is no part of a storm", lambda: next(
            (k for k in [self.kill_and_see(output)] if k["meminfo"]["missing"] is None), None), 120)

    def test_copies_the_machine_once_in_a_storm(self):
        process, output = self.follow("--since", "0s", "--with", "meminfo,status")
        first, began = self.kill_with_machine(output), self.began
        second = self.kill_and_see(output)
        if time.monotonic() - began > 4.5:
            self.skipTest("this machine is too slow for a storm")
        self.assertIn("MemTotal", first["meminfo"])
        self.assertRegex(second["meminfo"]["missing"], "^left out")
        self.assertNotIn("MemTotal", second["meminfo"])
        self.assertTrue(second["status"]["missing"] is None or "left out" not in second["status"]["missing"])
        third = self.kill_with_machine(output)
        self.assertGreaterEqual(third["left_out"], 1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)

    def test_follow_adds_the_facts_of_the_moment_and_ends_cleanly(self):
        for end in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(end=end):
                process, output = self.follow("--since", "0s", "--with", "meminfo,status,slabinfo")
                kill = self.kill_with_machine(output)
                process.send_signal(end)
                self.assertEqual(process.wait(60), 0)
                self.assertEqual(process.stderr.read(), "")
                self.assertRegex(kill["load_average"], r"^[0-9.]+ [0-9.]+ [0-9.]+ ")
                with open("/proc/meminfo") as f:
                    total_kib = int(f.readline().split()[1])
                self.assertEqual(kill["meminfo"]["MemTotal"], total_kib * 1024)
                if kill["slabinfo"]["missing"] is None:
                    sizes = [slab["bytes"] for slab in kill["slabinfo"]["largest"]]
                    self.assertTrue(sizes)
                    self.assertEqual(sizes, sorted(sizes, reverse=True))
                status = kill["status"]
                self.assertTrue(status["missing"] or status["text"].startswith("Name:\toom victim\n"), status)

    def test_follow_starts_with_the_kills_before_it(self):
        pid = self.group.kill_one()
        process, output = self.follow("--since", "10m")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)
        output.seek(0)
        kills = kills_of(output.read(), pid)
        self.assertEqual(len(kills), 1)
        self.assertIsNone(kills[0]["load_average"], "that moment is gone")


class OomUsage(SwansongTest):
    def test_wrong_options_are_one_line_and_status_2(self):
        for arguments, words in (
            (["--since", "x"], "is no age"),
            (["--since", "10"], "is no age"),
            (["--since", "-1s"], "is no age"),
            (["--since", "99999999999999999999d"], "is no age"),
            (["--since"], "needs an argument"),
            (["--with", "meminfo"], "needs --follow"),
            (["--follow", "--with", "meminfo,"], "is none of"),
            (["--follow", "--with", "\x1b[31m"], r"\x1b[31m"),
            (["extra"], "is not expected"),
            (["--nonsense"], "unknown option"),
        ):
            with self.subTest(arguments=arguments):
                result = self.swansong("oom", *arguments)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stdout, "")
                self.assertIn(words, result.stderr)
                self.assert_one_line(result.stderr)
                self.assertNotIn("\x1b", result.stderr)

    @need_root  # to become nobody
    def test_without_permission_it_says_what_to_do(self):
        with open("/proc/sys/kernel/dmesg_restrict") as f:
            restricted = f.read().strip() == "1"
        if not restricted:
            self.skipTest("kernel.dmesg_restrict is 0: everybody may read the log")
        # Through a descriptor: nobody may not be able to walk to the build directory.
        program = os.open(SWANSONG, os.O_RDONLY)
        self.addCleanup(os.close, program)
        result = subprocess.run(
            [f"/proc/self/fd/{program}", "oom"], capture_output=True, text=True, timeout=60, user=65534, group=65534,
            extra_groups=[], pass_fds=[program], cwd="/",
        )
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertIn("CAP_SYSLOG", result.stderr)
        self.assert_one_line(result.stderr)
