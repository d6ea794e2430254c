# SPDX-License-Identifier: MIT
"""The command line: what is wrong is said in one line, with the documented status, and leaves nothing behind.

`watch` and `oom` have bad input of their own, in test_watch and test_oom; this is swansong's and dump's.
"""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import unittest

from tests.system.harness import BUILD, SWANSONG, SwansongTest, need_root, proc_status, tids

NOBODY = 65534
USAGE, TARGET, INCOMPLETE = 2, 3, 4


class Case(SwansongTest):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)

    def sleeper(self, **kwargs):
        return self.spawn(["sleep", "1000"], **kwargs)

    def refused(self, status, words, *args, **kwargs):
        """One line on stderr that holds `words`, nothing on stdout, and the directory for bundles as it was."""
        done = self.swansong(*args, **kwargs)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assert_one_line(done.stderr)
        self.assertRegex(done.stderr, r"^swansong( dump)?: ")
        self.assertIn(words, done.stderr)
        self.assertEqual(os.listdir(self.out), [])
        return done.stderr

    def dump_refused(self, status, words, pid, *args, **kwargs):
        return self.refused(status, words, "dump", "-p", pid, "-o", self.out, *args, **kwargs)


class Commands(Case):
    def test_version_says_what_was_built_in(self):
        done = self.swansong("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^swansong \d+\.\d+\.\d+ \(\w+\), compiler .*, capture: ptrace, libmnl\n"
                                      r"swansong-report \d+\.\d+\.\d+, elfutils [\d.]+, jansson [\d.]+\n$")

    def test_help_lists_every_command_and_each_has_its_own(self):
        for word in ("help", "--help", "-h"):
            done = self.swansong(word)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        commands = re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE)
        self.assertLessEqual({"dump", "watch", "report", "oom"}, set(commands))
        for command in commands:
            own = self.swansong(command, "--help")
            self.assertEqual((own.returncode, own.stderr), (0, ""), command)
            self.assertTrue(own.stdout.startswith("usage: swansong"), own.stdout)
            self.assertIn(command, own.stdout.split("\n", 1)[0])
            self.assertEqual([line for line in own.stdout.split("\n") if len(line) > 100], [])

    def test_help_and_a_command_is_that_commands_help(self):
        done = self.swansong("help", "watch")
        self.assertEqual((done.returncode, done.stdout), (0, self.swansong("watch", "--help").stdout))
        self.refused(USAGE, "unknown command 'frob'", "help", "frob")

    def test_what_finds_nothing_says_so(self):
        done = self.swansong("list", self.out)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "swansong list: no recorder and no bundle there\n"))
        self.assertEqual(self.swansong("list", "--json", self.out).stdout, "[]\n")

    def test_messages_name_the_command_that_was_typed(self):
        for command in (["system", "--format", "xml"], ["report", "--format", "xml", self.out], ["run", "--limit", "x", "--", "true"],
                        ["inject", "-p", "1", "--sample", "x"], ["list", "/nonexistent"], ["doctor"], ["oom", "x"], ["watch"]):
            done = self.swansong(*command)
            self.assert_one_line(done.stderr)
            self.assertTrue(done.stderr.startswith(f"swansong {command[0]}: "), done.stderr)
            self.assertNotEqual(done.returncode, 0)

    def test_no_command_prints_the_help_and_status_2(self):
        done = self.swansong()
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertTrue(done.stderr.startswith("usage: swansong COMMAND"))

    def test_an_unknown_command(self):
        self.refused(USAGE, "unknown command 'frob'", "frob")
        self.refused(USAGE, r"unknown command '\x1b[31m\n'", "\x1b[31m\n")
        self.refused(USAGE, "unknown command ''", "")
        self.refused(USAGE, "unknown option '--frob'; a command comes first", "--frob")

    def test_the_capture_half_links_neither_libdw_nor_a_json_parser(self):
        dynamic = subprocess.run(["readelf", "-d", SWANSONG], capture_output=True, text=True, check=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.*?)\.so", dynamic))
        needed -= {"libc", "libmnl", "libasan", "libubsan", "libm", "ld-linux-x86-64", "ld-linux-aarch64"}
        self.assertEqual(needed, set())
        report = subprocess.run(["readelf", "-d", os.path.join(BUILD, "swansong-report")], capture_output=True,
                                text=True, check=True).stdout
        self.assertIn("libdw", report, "the check looks for the right thing")

    def test_calls_into_libraries_are_looked_up_at_the_start(self):
        for program in (SWANSONG, os.path.join(BUILD, "swansong-report")):
            dynamic = subprocess.run(["readelf", "-dlW", program], capture_output=True, text=True, check=True).stdout
            self.assertRegex(dynamic, r"FLAGS.*\bNOW\b", program)
            self.assertIn("GNU_RELRO", dynamic, program)


class BadTarget(Case):
    def test_what_is_no_pid(self):
        for words, *args in [
            ("which process? give -p PID",),
            ("-p needs an argument", "-p"),
            ("PID 0 is the kernel's idle task", "-p", "0"),
            ("is not a PID", "-p", ""),
            ("'abc' is not a PID", "-p", "abc"),
            ("'-1' is not a PID", "-p", "-1"),
            ("'12x' is not a PID", "-p", "12x"),
            ("is not a PID", "-p", "1.5"),
            ("is too large", "-p", "99999999999999999999"),
            ("unknown option '--frob'", "-p", "1", "--frob"),
            ("'4711' is not expected", "4711"),
            ("-p is given twice", "-p", "4711", "-p", "4712"),
        ]:
            with self.subTest(args=args):
                self.refused(USAGE, words, "dump", "-o", self.out, *args)

    def test_only_with_a_group_that_there_is_not(self):
        self.refused(USAGE, "teapots", "dump", "-p", self.sleeper().pid, "-o", self.out, "--only", "stacks,teapots")

    def test_a_process_that_is_not_there(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.dump_refused(TARGET, "no such process", gone.pid)
        self.dump_refused(TARGET, "no such process", 4194304)
        self.dump_refused(TARGET, "no such process", 999999999)

    @unittest.skipUnless(proc_status(2).get("Kthread") == "1" or proc_status(2).get("Name") == "kthreadd", "no kernel threads here")
    def test_a_kernel_thread(self):
        self.dump_refused(TARGET, "is a kernel thread", 2)

    @unittest.skipUnless(os.stat("/proc/self/ns/pid").st_ino == 0xEFFFFFFC, "PID 1 is a service's in this namespace")
    def test_the_machines_init(self):
        self.dump_refused(TARGET, "PID 1 is this machine's init", 1)

    def test_a_thread_that_is_not_a_process(self):
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        self.assertNotEqual(thread.native_id, os.getpid())
        words = self.dump_refused(TARGET, f"{thread.native_id}", thread.native_id)
        self.assertIn(f"{os.getpid()}", words, "it says which process the thread is of")

    @need_root
    def test_somebody_elses_process(self):
        victim = self.sleeper()
        os.chmod(self.dir, 0o755)
        os.chown(self.out, NOBODY, NOBODY)
        for pid in (victim.pid, os.getpid()):
            words = self.dump_refused(TARGET, "belongs to uid 0", pid, user=NOBODY, group=NOBODY, extra_groups=[])
            self.assertIn("run as that user, or as root", words)


class BadDirectory(Case):
    def refused_there(self, words, where, status=USAGE, **kwargs):
        return self.refused(status, words, "dump", "-p", self.sleeper().pid, "-o", where, **kwargs)

    def test_missing_or_a_file(self):
        self.refused_there("No such file or directory", os.path.join(self.out, "none"))
        self.refused_there("Not a directory", "/etc/passwd")
        self.refused_there("Not a directory", "/etc/passwd/deeper")
        self.refused_there("name is empty", "")
        self.refused_there("name too long", "x" * 5000)

    @need_root
    def test_not_writable(self):
        victim = self.sleeper(user=NOBODY, group=NOBODY, extra_groups=[])
        os.chmod(self.dir, 0o755)
        self.refused(USAGE, "Permission denied", "dump", "-p", victim.pid, "-o", self.out, user=NOBODY, group=NOBODY, extra_groups=[])

    def test_a_limit_of_file_size_cuts_and_kills_nobody(self):
        words = [SWANSONG, "dump", "-p", str(self.sleeper().pid), "-o", self.out, "--no-report"]
        ended = subprocess.run(words, capture_output=True, text=True,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
        self.assertEqual(ended.returncode, 4, ended.stderr)
        bundle = os.path.join(self.out, os.listdir(self.out)[0])
        self.assertLessEqual(os.stat(os.path.join(bundle, "core")).st_size, 8192)
        self.assertIn("core: it is cut", subprocess.run([SWANSONG, "report", bundle], capture_output=True, text=True).stdout)

    @need_root
    def test_a_link_of_somebody_else(self):
        link, mine = os.path.join(self.dir, "link"), os.path.join(self.dir, "mine")
        for path in (link, mine):
            os.symlink(self.out, path)
        os.lchown(link, NOBODY, NOBODY)
        self.refused_there("is a symbolic link that belongs to uid 65534", link)
        self.refused_there("is a symbolic link that belongs to uid 65534", link + "/.")
        bundle = self.dump(self.sleeper().pid, "--no-report", "-o", mine)
        self.assertEqual(os.path.dirname(os.path.realpath(bundle)), self.out, "our own link is followed")

    @contextlib.contextmanager
    def tmpfs(self, options):
        where = tempfile.mkdtemp(prefix="swansong-small.")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], capture_output=True)
        try:
            if mounted.returncode != 0:
                self.skipTest("cannot mount a tmpfs here")
            yield where
        finally:
            if mounted.returncode == 0:
                subprocess.run(["umount", where], check=True)
            os.rmdir(where)

    @need_root
    def test_full(self):
        # One page for data; and inodes for the root directory only.
        for options in ("size=4k", "size=1m,nr_inodes=1"):
            with self.subTest(options=options), self.tmpfs(options) as where:
                filled = options == "size=4k"
                if filled:
                    with open(os.path.join(where, "filler"), "wb") as f:
                        f.write(b"x" * 4096)
                self.refused_there("No space left on device", where)
                self.assertEqual(os.listdir(where), ["filler"] if filled else [])

    @need_root
    def test_full_after_a_while_keeps_what_there_is(self):
        victim = self.sleeper()
        with self.tmpfs("size=200k") as where:
            done = self.swansong("dump", "-p", victim.pid, "-o", where)
            self.assertEqual(done.returncode, INCOMPLETE, done.stdout + done.stderr)
            name, = os.listdir(where)
            report = self.swansong("report", os.path.join(where, name))
            self.assertEqual(report.returncode, 0, report.stderr)
            self.assertIn("No space left on device", report.stdout)
        self.assert_unharmed(victim.pid)


class Done(Case):
    def test_the_last_line_of_stdout_is_the_bundle(self):
        victim = self.sleeper()
        for args in ((), ("-q",), ("--no-report",), ("--no-lines",)):
            with self.subTest(args=args):
                done = self.swansong("dump", "-p", victim.pid, "-o", self.out, *args)
                self.assertEqual(done.returncode, 0, done.stderr)
                lines = done.stdout.splitlines()
                path = re.fullmatch(rf"bundle: ({re.escape(self.out)}/sleep\.{victim.pid}\.\d{{8}}T\d{{6}}Z(\.\d+)?\.swansong)", lines[-1])
                self.assertTrue(path, lines[-1])
                self.assertTrue(os.path.isfile(os.path.join(path.group(1), "manifest.json")))
                self.assertEqual(os.path.exists(os.path.join(path.group(1), "report.txt")), "--no-report" not in args)
                self.assertEqual(len(lines) == 1, args in (("-q",), ("--no-report",)))
        self.assertEqual([n for n in os.listdir(self.out) if not n.endswith(".swansong")], [])

    def test_the_directory_comes_from_the_environment_or_is_the_current_one(self):
        victim = self.sleeper()
        done = self.swansong("dump", "-p", victim.pid, "-q", env={**os.environ, "SWANSONG_DIR": self.out})
        self.assertTrue(done.stdout.startswith(f"bundle: {self.out}/"), done.stdout + done.stderr)
        env = {k: v for k, v in os.environ.items() if k != "SWANSONG_DIR"}
        done = self.swansong("dump", "-p", victim.pid, "-q", env=env)
        path = done.stdout.strip()[len("bundle: "):]
        self.assertTrue(os.path.isdir(os.path.join(self.dir, path)), done.stdout + done.stderr)

    def test_a_stdout_that_takes_nothing_is_said_and_the_bundle_named(self):
        victim = self.sleeper()
        for how in (">/dev/full", ">&-", "<&- >&-"):
            with self.subTest(how=how):
                argv = ["sh", "-c", f'exec "$0" "$@" {how}', SWANSONG, "dump", "-p", str(victim.pid), "-q", "-o", self.out]
                done = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
                self.assertEqual(done.returncode, INCOMPLETE, done.stderr)
                self.assert_one_line(done.stderr)
                name, = os.listdir(self.out)
                self.assertIn(f"the bundle is {self.out}/{name}", done.stderr)
                self.assertTrue(self.manifest(os.path.join(self.out, name))["complete"])
                shutil.rmtree(os.path.join(self.out, name))

    def test_what_only_left_out_is_not_missing(self):
        pid = self.sleeper().pid
        for groups in ("process", "stacks", "fds,tree"):
            report = self.report(self.dump(pid, "--only", groups))
            self.assertEqual([m for m in report["missing"] if not m["optional"]], [], groups)
            self.assertNotIn("\nMissing", self.text)
            self.assertIn("was not taken (dump --only)", self.text)

    @need_root
    def test_without_root_our_own_process_is_complete(self):
        os.chmod(self.dir, 0o755)
        os.chown(self.out, NOBODY, NOBODY)
        someone = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if subprocess.run([SWANSONG, "--version"], capture_output=True, **someone).returncode != 0:
            self.skipTest("the build directory is not accessible to others")
        victim = self.victim("threads", 6, "park", **someone)
        bundle = self.dump(victim.pid, "-o", self.out, **someone)
        report, manifest = self.report(bundle), self.manifest(bundle)
        required = [s for s in manifest["sections"] if s["status"] != "ok" and not s["optional"]]
        self.assertEqual(required, [])
        self.assertEqual(len(report["threads"]), 7)
        for thread in report["threads"]:
            self.assertEqual(thread["captured"], "stopped")
        listed = {row["section"] for row in report["missing"]}
        self.assertLessEqual({s["path"] for s in manifest["sections"] if s["status"] == "missing"}, listed,
                             "what could not be had stands in the report")
        self.assert_unharmed(victim.pid)


if __name__ == "__main__":
    unittest.main()
