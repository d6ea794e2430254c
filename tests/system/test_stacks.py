# SPDX-License-Identifier: MIT
"""Stacks of real programs: complete, named, and the same as gdb's and libdwfl's."""

import json
import lzma
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import unittest
import urllib.request

from . import programs
from .harness import BUILD, SwansongTest, victim_path, wait_until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
REPORT = os.path.join(BUILD, "swansong-report")

# What unwinds with these, and what they cannot: gdb without call frame information.
WITHOUT_CFI = "C, frame pointers and no CFI"


def functions(thread):
    return [frame["function"] for frame in thread["frames"]]


def pcs(thread):
    return [int(frame["pc"], 16) for frame in thread["frames"] if not frame["inlined"]]


class StacksTest(SwansongTest):
    def json_report(self, bundle, *args, env=None):
        done = subprocess.run([REPORT, "--format", "json", *args, bundle], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def stacks(self, pid, *args):
        """The threads of a dump, by TID."""
        bundle = self.dump(pid, "--only", "stacks", "-q", *args)
        return bundle, {t["tid"]: t for t in self.report(bundle)["threads"]}


class RealPrograms(StacksTest):
    """One test per program: agreement with gdb in both modes, with libdwfl, and every stack to its root."""

    def check_gdb(self, pid, *mode):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "gdb-agreement.py"), "--build", BUILD, "--core",
                               *mode, str(pid)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)

    def check_libdwfl(self, pid):
        """eu-stack reads the same core: the same PCs in the same order, thread by thread."""
        bundle, threads = self.stacks(pid, "--no-lines")
        done = subprocess.run(["eu-stack", "-n", "0", "-e", f"/proc/{pid}/exe", "--core", os.path.join(bundle, "core")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        reference = {}
        for line in done.stdout.splitlines():
            if line.startswith("TID "):
                current = reference.setdefault(int(line[4:].rstrip(":")), [])
            elif line.startswith("#"):
                current.append(int(line.split()[1], 16))
        self.assertEqual(set(threads), set(reference), done.stderr)
        for tid, thread in threads.items():
            ours, theirs = pcs(thread), reference[tid]
            # libdwfl goes on where a frame pointer leads to no code; up to there it must be the same.
            self.assertEqual(ours, theirs[:len(ours)], f"thread {tid}")
            if len(theirs) > len(ours):
                self.assertFalse(thread["complete"], f"thread {tid}: libdwfl has {len(theirs)} frames")

    def check(self, name, gdb=True):
        try:
            with programs.program(name, BUILD) as pid:
                if gdb:
                    self.check_gdb(pid)
                    self.check_gdb(pid, "--names")
                self.check_libdwfl(pid)
                _, threads = self.stacks(pid)
                for tid, thread in threads.items():
                    self.assertTrue(thread["frames"], f"thread {tid}")
                    self.assertTrue(thread["complete"], f"thread {tid}: {thread['reason']}: {functions(thread)}")
                self.assert_unharmed(pid)
        except programs.NotHere as what:
            self.skipTest(f"{what} is not here")


def _add_programs():
    for name in programs.PROGRAMS:
        def test(self, name=name):
            self.check(name, gdb=name != WITHOUT_CFI)
        setattr(RealPrograms, "test_" + re.sub(r"\W+", "_", name.replace("+", "p")).strip("_").lower(), test)


_add_programs()


class Names(StacksTest):
    def test_lines_and_inlined_functions_of_c_plus_plus(self):
        victim = self.victim("inlines")
        _, threads = self.stacks(victim.pid)
        waiting = [t for t in threads.values() if "(anonymous namespace)::wait_here" in functions(t)]
        self.assertEqual(len(waiting), 3)
        for thread in waiting:
            frames = thread["frames"]
            at = functions(thread).index("(anonymous namespace)::wait_here")
            self.assertEqual(functions(thread)[at + 1:at + 3], ["(anonymous namespace)::innermost", "(anonymous namespace)::middle"])
            self.assertEqual([f["inlined"] for f in frames[at:at + 4]], [False, True, True, False])
            with open(os.path.join(ROOT, "tests/victims/inlines.cc"), encoding="ascii") as f:
                source = f.read().splitlines()
            for frame, text in zip(frames[at:at + 3], ("pause();", "wait_here();", "innermost(n + 1)")):
                self.assertTrue(frame["file"].endswith("tests/victims/inlines.cc"), frame["file"])
                self.assertIn(text, source[frame["line"] - 1])
        templates = [t for t in waiting if any("Index" in f for f in functions(t) if f)]
        self.assertIn("shop::Index<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, int>::find",
                      functions(templates[0]))

    def test_names_alone_read_no_debug_information(self):
        victim = self.victim("inlines")
        _, threads = self.stacks(victim.pid, "--no-lines")
        for thread in threads.values():
            for frame in thread["frames"]:
                self.assertIsNone(frame["file"])
                self.assertFalse(frame["inlined"])

    def test_every_frame_in_a_file_has_module_offset_and_build_id(self):
        victim = self.victim("threads", 4, "park")
        _, threads = self.stacks(victim.pid)
        for thread in threads.values():
            for frame in thread["frames"]:
                self.assertTrue(frame["module"])
                self.assertRegex(frame["module_offset"], "^0x[0-9a-f]+$")
                self.assertRegex(frame["build_id"], "^[0-9a-f]{40}$")

    def test_javascript_functions_by_the_jits_own_map(self):
        try:
            node = programs.need("node")
        except programs.NotHere:
            self.skipTest("node is not here")
        script = ("function spinForever(n) { for (;;) { n = (n * 16807) % 2147483647; if (n < 0) break; } return n; }"
                  "console.log('ready'); spinForever(7);")
        process = self.spawn([node, "--perf-basic-prof", "-e", script], stdout=subprocess.PIPE, cwd=self.dir)
        process.stdout.readline()
        perf_map = f"/tmp/perf-{process.pid}.map"
        self.addCleanup(lambda: os.path.exists(perf_map) and os.unlink(perf_map))

        def compiled():
            with open(perf_map, encoding="utf-8", errors="replace") as f:
                return "spinForever" in f.read()
        wait_until("node has compiled the loop", compiled)
        _, threads = self.stacks(process.pid)
        frames = threads[process.pid]["frames"]
        jit = [f["function"] for f in frames if f["module"] == "[perf map]"]
        self.assertTrue(any("spinForever" in f for f in jit), functions(threads[process.pid]))
        self.assertTrue(threads[process.pid]["complete"], threads[process.pid]["reason"])


class Files(StacksTest):
    """Whose file is it?  A wrong symbol is worse than none."""

    def copy_of(self, victim, name="program"):
        path = os.path.join(self.dir, name)
        shutil.copy(victim_path(victim), path)
        return path

    def start(self, path, *args):
        process = self.spawn([path, *args], stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def test_a_deleted_program_keeps_its_names(self):
        path = self.copy_of("threads")
        process = self.start(path, "2", "park")
        os.unlink(path)
        bundle, threads = self.stacks(process.pid)
        self.assertIn("thread_main", [f for t in threads.values() for f in functions(t)])
        # A week later nobody holds the file open any more: then there are no names, and the report says so.
        report = self.json_report(bundle)
        named = [f for t in report["threads"] for f in functions(t)]
        self.assertNotIn("thread_main", named)
        self.assertIn("no symbols: the file is not here", [m["reason"] for m in report["missing"]])

    def test_a_replaced_program_lends_no_wrong_names(self):
        path = self.copy_of("threads")
        process = self.start(path, "2", "park")
        os.unlink(path)
        shutil.copy(victim_path("leak"), path)
        bundle, threads = self.stacks(process.pid)
        self.assertIn("thread_main", [f for t in threads.values() for f in functions(t)])
        report = self.json_report(bundle)
        for thread in report["threads"]:
            for frame in thread["frames"]:
                if frame["module"] == path:
                    self.assertIsNone(frame["function"])
                    self.assertTrue(frame["module_offset"] and frame["build_id"])
        self.assertIn("no symbols: the file on disk has another build ID", [m["reason"] for m in report["missing"]])

    def test_a_program_without_a_build_id_is_known_by_its_first_page(self):
        path = os.path.join(self.dir, "bare")
        source = os.path.join(ROOT, "tests/victims/threads.c")
        subprocess.run(["gcc", "-D_GNU_SOURCE", "-O2", "-Wl,--build-id=none", "-o", path, source, "-lpthread"], check=True)
        process = self.start(path, "2", "park")
        bundle, _ = self.stacks(process.pid)
        self.assertIn("thread_main", [f for t in self.json_report(bundle)["threads"] for f in functions(t)])
        shutil.copy(victim_path("leak"), path + ".new")
        os.rename(path + ".new", path)
        report = self.json_report(bundle)
        self.assertNotIn("thread_main", [f for t in report["threads"] for f in functions(t)])
        self.assertIn("no symbols: the file on disk is not the one that was mapped", [m["reason"] for m in report["missing"]])

    def test_the_sysroot_is_looked_at_first(self):
        path = self.copy_of("threads")
        process = self.start(path, "2", "park")
        bundle, _ = self.stacks(process.pid)
        sysroot = os.path.join(self.dir, "sysroot")
        os.makedirs(sysroot + self.dir)
        # An absolute link stays inside the sysroot.
        os.symlink("/elsewhere", sysroot + path)
        os.rename(path, os.path.join(sysroot, "elsewhere"))
        for args, found in (((), False), (("--sysroot", sysroot), True)):
            named = [f for t in self.json_report(bundle, *args)["threads"] for f in functions(t)]
            self.assertEqual("thread_main" in named, found)

    def test_a_stripped_program_has_the_names_of_its_separate_debug_file(self):
        path = self.copy_of("threads-stripped")
        process = self.start(path, "2", "park")
        bundle, threads = self.stacks(process.pid)
        build_id = next(f["build_id"] for t in threads.values() for f in t["frames"] if f["module"] == path)
        self.assertNotIn("thread_main", [f for t in threads.values() for f in functions(t)])
        unstripped = os.path.join(self.dir, "unstripped")
        source = os.path.join(ROOT, "tests/victims/threads.c")
        subprocess.run(["gcc", "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-g", "-o", unstripped, source, "-lpthread",
                        f"-Wl,--build-id=0x{build_id}"], check=True)
        debug = f"{self.dir}/sysroot/usr/lib/debug/.build-id/{build_id[:2]}"
        os.makedirs(debug)
        subprocess.run(["objcopy", "--only-keep-debug", unstripped, f"{debug}/{build_id[2:]}.debug"], check=True)
        for mode in ((), ("--no-lines",)):
            report = self.json_report(bundle, "--sysroot", f"{self.dir}/sysroot", *mode)
            frames = [f for t in report["threads"] for f in t["frames"]]
            self.assertIn("thread_main", [f["function"] for f in frames])
            files = {f["file"] for f in frames if f["function"] == "thread_main"}
            self.assertEqual(files, {None} if mode else {source})

    def test_a_stripped_program_has_the_names_of_its_embedded_table(self):
        path, table = self.copy_of("threads"), os.path.join(self.dir, "table")
        subprocess.run(["objcopy", "--strip-debug", path, table], check=True)
        with open(table, "rb") as f:
            packed = lzma.compress(f.read())
        with open(table, "wb") as f:
            f.write(packed)
        subprocess.run(["strip", path], check=True)
        process = self.start(path, "2", "park")
        bundle, _ = self.stacks(process.pid, "--no-lines")
        self.assertNotIn("thread_main", [f for t in self.json_report(bundle)["threads"] for f in functions(t)])
        process.kill()
        process.wait()  # a file that runs is not written
        subprocess.run(["objcopy", "--add-section", f".gnu_debugdata={table}", path], check=True)
        process = self.start(path, "2", "park")
        _, threads = self.stacks(process.pid, "--no-lines")
        self.assertIn("thread_main", [f for t in threads.values() for f in functions(t)])

    def test_what_is_no_regular_file_is_not_opened(self):
        path = self.copy_of("threads")
        process = self.start(path, "2", "park")
        bundle, _ = self.stacks(process.pid)
        os.unlink(path)
        os.mkfifo(path)
        self.assertIn("no symbols: the file is not here", [m["reason"] for m in self.json_report(bundle)["missing"]])

    def test_debuginfod_where_it_is_asked_for(self):
        path = self.copy_of("threads")
        process = self.start(path, "2", "park")
        bundle, threads = self.stacks(process.pid)
        build_id = next(f["build_id"] for t in threads.values() for f in t["frames"] if f["module"] == path)
        store = os.path.join(self.dir, "store", "buildid", build_id)
        os.makedirs(store)
        os.rename(path, os.path.join(store, "executable"))
        env = dict(os.environ, DEBUGINFOD_URLS=f"file://{self.dir}/store", DEBUGINFOD_CACHE_PATH=os.path.join(self.dir, "cache"))
        report = self.json_report(bundle, env=env)
        if "thread_main" not in [f for t in report["threads"] for f in functions(t)]:
            self.skipTest("no debuginfod client library here")
        self.assertTrue(all(t["complete"] for t in report["threads"]))


    @unittest.skipUnless(shutil.which("debuginfod"), "needs elfutils' server, debuginfod")
    def test_a_real_debuginfod_gives_debug_information_and_the_program(self):
        files, stripped = os.path.join(self.dir, "files"), os.path.join(self.dir, "stripped")
        os.mkdir(files)
        path = self.copy_of("threads")
        subprocess.run(["objcopy", "--only-keep-debug", path, f"{files}/threads.debug"], check=True)
        subprocess.run(["strip", "-o", stripped, path], check=True)
        os.rename(stripped, path)
        shutil.copy(path, files)
        process = self.start(path, "2", "park")
        bundle, threads = self.stacks(process.pid)
        build_id = next(f["build_id"] for t in threads.values() for f in t["frames"] if f["module"] == path)
        self.assertNotIn("thread_main", [f for t in threads.values() for f in functions(t)])
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{s.getsockname()[1]}"
        self.spawn(["debuginfod", "-p", url.rsplit(":", 1)[1], "-F", "-d", ":memory:", files], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)

        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def answers():
            try:
                with direct.open(f"{url}/buildid/{build_id}/debuginfo", timeout=30) as reply:
                    return reply.status == 200
            except OSError:  # not yet there, or not yet read
                return False
        wait_until("debuginfod has read its files", answers, 60)
        env = dict(os.environ, DEBUGINFOD_URLS=url, DEBUGINFOD_CACHE_PATH=os.path.join(self.dir, "cache"), no_proxy="127.0.0.1")
        for gone in (False, True):
            if gone:
                os.unlink(path)
                shutil.rmtree(env["DEBUGINFOD_CACHE_PATH"])
            frames = [f for t in self.json_report(bundle, env=env)["threads"] for f in t["frames"] if f["function"] == "thread_main"]
            self.assertTrue(frames and frames[0]["file"].endswith("threads.c"), f"program gone: {gone}")


class Odd(StacksTest):
    def test_a_stack_whose_rest_is_elsewhere_says_so(self):
        process = self.victim("handler", "alternate")
        _, threads = self.stacks(process.pid)
        thread = threads[process.pid]
        if not thread["complete"]:
            self.assertRegex(thread["reason"], "^the stack's memory at 0x[0-9a-f]+ was not captured$")
        self.assertIn("<signal handler called>", functions(thread))

    def test_threads_that_spin_in_the_vdso_are_named(self):
        source = os.path.join(self.dir, "clock.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("#include <stdio.h>\n#include <time.h>\nint main(void) { struct timespec t; puts(\"ready\"); fflush(stdout);"
                    " for (;;) clock_gettime(CLOCK_MONOTONIC, &t); }\n")
        path = os.path.join(self.dir, "clock")
        subprocess.run(["gcc", "-O2", "-o", path, source], check=True)
        process = self.spawn([path], stdout=subprocess.PIPE)
        process.stdout.readline()
        for _ in range(50):
            _, threads = self.stacks(process.pid)
            thread = threads[process.pid]
            self.assertTrue(thread["complete"], thread["reason"])
            self.assertIn("main", functions(thread))
            if thread["frames"][0]["module"] == "[vdso]":
                self.assertTrue(thread["frames"][0]["function"].endswith("clock_gettime"))
                return
        self.skipTest("no sample fell into the vdso: the clock is not read there on this machine")

    def test_a_damaged_core_gives_a_report(self):
        process = self.victim("threads", 3, "park")
        bundle, _ = self.stacks(process.pid)
        core = os.path.join(bundle, "core")
        with open(core, "rb") as f:
            whole = f.read()
        dice = random.Random(4711)
        for turn in range(60):
            damaged = bytearray(whole)
            for _ in range(1 + turn % 8):
                damaged[dice.randrange(min(len(damaged), 6000 if turn % 2 else len(damaged)))] = dice.randrange(256)
            if turn % 5 == 0:
                del damaged[dice.randrange(len(damaged)):]
            with open(core, "wb") as f:
                f.write(damaged)
            self.json_report(bundle, "--no-lines")

    def test_a_bundle_without_a_core_says_so(self):
        process = self.victim("threads", 3, "park")
        bundle, threads = self.stacks(process.pid)
        os.unlink(os.path.join(bundle, "core"))
        report = self.json_report(bundle)
        self.assertEqual({t["tid"] for t in report["threads"]}, set(threads), "threads.tsv still tells who there was")
        self.assertTrue(all(not t["frames"] for t in report["threads"]))
        self.assertIn("core", [m["section"] for m in report["missing"]])


if __name__ == "__main__":
    unittest.main()
