# SPDX-License-Identifier: MIT
"""swansong report, on real bundles: the schema holds, nothing drives a terminal, damage is survived."""

import json
import os
import pty
import random
import shutil
import subprocess
import sys
import unittest

from tests.system.harness import SwansongTest, victim_path

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A victim whose name, arguments and files are as hostile as they may be.
HOSTILE = r"""
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(15, b") R 1\n\x1b[2J\xff", 0, 0, 0)
f = open(sys.argv[1] + "/de\x1b]0;owned\x07leted \xe9\n(file)", "w")
f.write("x" * 5000); f.flush()
os.unlink(f.name)
print("ready", flush=True)
time.sleep(600)
"""


def validator():
    try:
        import jsonschema
    except ImportError as e:
        raise unittest.SkipTest("python3-jsonschema is not installed") from e
    with open(os.path.join(ROOT, "docs", "report.schema.json"), encoding="ascii") as f:
        schema = json.load(f)
    return jsonschema.validators.validator_for(schema)(schema)


class Report(SwansongTest):
    def assert_valid(self, report):
        errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator().iter_errors(report)]
        self.assertEqual(errors[:5], [])

    def hostile_victim(self):
        process = self.spawn([sys.executable, "-c", HOSTILE, self.dir, "arg \x1b[31m \xe9\n2"], stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def assert_printable(self, text):
        bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]
        self.assertEqual(bad, [], "control characters in the output")

    def test_json_of_a_real_process_follows_the_schema(self):
        v = self.victim("threads", 5, "park")
        report = self.report(self.dump(v.pid))
        self.assert_valid(report)
        self.assertEqual(report["process"]["pid"], v.pid)
        self.assertEqual(len(report["threads"]), 6)
        self.assertEqual(sum(row["bytes"] for row in report["memory"]["where"]), report["memory"]["rss"])
        self.assertEqual(report["memory"]["where"][-1]["what"], "unexplained")

    def test_the_schema_can_refuse(self):
        v = self.victim("threads", 1, "park")
        report = self.report(self.dump(v.pid))
        del report["memory"]["rss"]
        self.assertTrue(list(validator().iter_errors(report)))

    def test_hostile_names_reach_neither_terminal_nor_json(self):
        bundle = self.dump(self.hostile_victim().pid)
        self.assert_printable(self.text)
        self.assertIn("\\x1b[2J", self.text)
        self.assertIn("deleted", self.text)
        with open(os.path.join(bundle, "report.json"), "rb") as f:
            raw = f.read()
        self.assertFalse([b for b in raw if b >= 127 or (b < 32 and b != 10)], "report.json is printable ASCII")
        report = json.loads(raw)
        self.assert_valid(report)
        self.assertEqual(report["process"]["comm"], ") R 1\n\x1b[2J\\xff")
        deleted = [fd for fd in report["fds"] if fd["kind"] == "deleted"]
        self.assertEqual([fd["size"] for fd in deleted], [5000])

    def test_a_bundle_renders_the_same_later_and_elsewhere(self):
        v = self.victim("threads", 3, "park")
        bundle = self.dump(v.pid)
        moved = os.path.join(self.dir, "copied")
        shutil.copytree(bundle, moved)
        v.kill()
        v.wait()
        first, second = json.loads(self.swansong("report", "--format", "json", bundle).stdout), json.loads(
            self.swansong("report", "--format", "json", moved).stdout)
        for report in first, second:
            self.assert_valid(report)
            del report["bundle"]
        self.assertEqual(first, second)

    def test_an_output_file_is_written_as_a_whole(self):
        bundle = self.dump(self.victim("threads", 1, "park").pid)
        out = os.path.join(self.dir, "out.json")
        done = self.swansong("report", "--format", "json", "-o", out, bundle)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        with open(out, encoding="ascii") as f:
            self.assert_valid(json.load(f))
        done = self.swansong("report", "-o", os.path.join(self.dir, "none", "x"), bundle)
        self.assertEqual(done.returncode, 4)
        self.assert_one_line(done.stderr)

    def test_what_is_no_bundle_is_said_in_one_line(self):
        empty = os.path.join(self.dir, "empty")
        os.mkdir(empty)
        for args, status in ((["report", os.path.join(self.dir, "none")], 3), (["report", empty], 3), (["report", "/dev/null"], 3),
                             (["report"], 2), (["report", "--format", "pdf", empty], 2), (["report", "--nonsense", empty], 2)):
            done = self.swansong(*args)
            self.assertEqual(done.returncode, status, f"{args}: {done.stderr}")
            self.assert_one_line(done.stderr)
            self.assertEqual(done.stdout, "")

    def test_damaged_bundles_are_read_as_far_as_they_go(self):
        """Each file once gone, once cut in the middle, once full of noise; then at random bytes."""
        v = self.victim("threads", 3, "park")
        bundle = self.dump(v.pid)
        files = [os.path.relpath(os.path.join(d, f), bundle) for d, _, names in os.walk(bundle) for f in names]
        # One thread's files stand for those of the others, the target's own for those of its relatives.
        files = [f for f in files if "/task/" not in f or f"/task/{v.pid}/" in f]
        files = [f for f in files if not f.startswith("proc/") or not f.split("/")[1].isdigit() or f.split("/")[1] == str(v.pid)]
        noise = random.Random(4711)
        for name in sorted(files):
            path = os.path.join(bundle, name)
            with open(path, "rb") as f:
                content = f.read()
            for change in (None, content[:len(content) // 2], noise.randbytes(len(content)), flip(content, noise)):
                os.unlink(path)
                if change is not None:
                    with open(path, "wb") as f:
                        f.write(change)
                done = self.swansong("report", "--format", "json", "--no-lines", bundle)
                with open(path, "wb") as f:
                    f.write(content)
                self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")
                report = json.loads(done.stdout)
                if noise.random() < 0.1:
                    self.assert_valid(report)

    def test_links_in_a_bundle_are_not_followed(self):
        bundle = self.dump(self.victim("threads", 1, "park").pid)
        pid = self.manifest(bundle)["target"]["pid"]
        secret = os.path.join(self.dir, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write("Name:\tTOPSECRET\n")
        for name in ("comm", "status", "cmdline"):
            path = os.path.join(bundle, "proc", str(pid), name)
            os.unlink(path)
            os.symlink(secret, path)
        self.assertNotIn("TOPSECRET", self.swansong("report", bundle).stdout)

    def test_a_terminal_gets_colours_and_a_pipe_does_not(self):
        bundle = self.dump(self.victim("threads", 1, "park").pid)
        self.assertNotIn("\x1b", self.swansong("report", bundle).stdout)
        main, side = pty.openpty()
        env = {**os.environ, "TERM": "xterm"}
        env.pop("NO_COLOR", None)
        process = self.spawn([os.path.join(os.path.dirname(victim_path("")), "..", "swansong"), "report", bundle], stdout=side, env=env)
        os.close(side)
        seen = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(main)
        process.wait()
        self.assertIn(b"\x1b[1m", seen)


def flip(content, noise):
    """A few random bytes changed."""
    changed = bytearray(content)
    for _ in range(8):
        if changed:
            changed[noise.randrange(len(changed))] = noise.randrange(256)
    return bytes(changed)
