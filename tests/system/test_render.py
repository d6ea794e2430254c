# SPDX-License-Identifier: MIT
"""The report as users get it: real reports against the schema, options, terminals, bad input, damaged bundles."""

import copy
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import struct
import subprocess
import termios
import unittest

import jsonschema

from .harness import SWANSONG, SwansongTest, need_root

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOSTILE_COMM = "a) \x1b[2J\n(b"
HOSTILE_ARGUMENT = "\x1b]0;owned\x07\xff\n\u202e"


def load(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return json.load(f)


def validator():
    return jsonschema.Draft202012Validator(load("docs", "report.schema.json"))


def problems(report):
    return [f"{'/'.join(map(str, e.path))}: {e.message[:120]}" for e in validator().iter_errors(report)]


def strip_colors(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(load("docs", "report.schema.json"))

    def test_reports_made_by_hand_conform(self):
        for name in ("leak.json", "killed.json", "unknown.json"):
            self.assertEqual(problems(load("tests", "golden", name)), [], name)

    def test_refuses_what_is_missing_or_of_another_type(self):
        """Each key of the report, and of its first rows, is required and has its type."""
        good = load("tests", "golden", "leak.json")
        for path in self.paths(good):
            for change in (self.remove, self.replace):
                bad = copy.deepcopy(good)
                change(bad, path)
                self.assertNotEqual(problems(bad), [], f"{change.__name__} {path}")

    def paths(self, value, path=()):
        # Keys of these are the kernel's, and nothing says which of them there are.
        free = path[-1:] in (("stat",), ("events",), ("meminfo",), ("namespaces",), ("reclaim",), ("pressure",))
        if isinstance(value, dict) and not free:
            for key, inner in value.items():
                yield path + (key,)
                yield from self.paths(inner, path + (key,))
        elif isinstance(value, list) and value:
            yield from self.paths(value[0], path + (0,))

    @staticmethod
    def remove(report, path):
        for key in path[:-1]:
            report = report[key]
        del report[path[-1]]

    @staticmethod
    def replace(report, path):
        for key in path[:-1]:
            report = report[key]
        report[path[-1]] = [{"neither": "a number nor a text"}] if not isinstance(report[path[-1]], list) else 7


class RealReports(SwansongTest):
    def test_of_threads_conforms_and_the_text_has_every_section(self):
        target = self.victim("threads", 20)
        bundle = self.dump(target.pid)
        report = self.report(bundle)
        self.assertEqual(problems(report), [])
        self.assertEqual(report["process"]["pid"], target.pid)
        self.assertEqual(len(report["threads"]), report["threads_captured"])
        for title in ("THREADS", "MEMORY", "PROCESS", "PROCESS TREE", "FILE DESCRIPTORS", "MAPPINGS", "THE MACHINE"):
            self.assertIn(f"\n{title}", self.text)
        self.assertIn("main", "".join(re.findall(r"^Threads.*\n(?: {10}.*\n)*", self.text, re.M)))

    def test_of_sockets_conforms_and_shows_both_queues(self):
        target = self.victim("sockets", 50)
        bundle = self.dump(target.pid)
        report = self.report(bundle)
        self.assertEqual(problems(report), [])
        self.assertGreaterEqual(len(report["sockets"]), 50)
        self.assertRegex(self.text, r"tx queue rx queue +memory")

    def test_is_the_same_when_made_again(self):
        target = self.victim("threads", 3)
        bundle = self.dump(target.pid)
        self.assertEqual(problems(self.report(bundle)), [])
        for name, options in (("report.json", ["--format", "json"]), ("report.txt", [])):
            again = self.swansong("report", bundle, *options)
            self.assertEqual(again.returncode, 0, again.stderr)
            with open(os.path.join(bundle, name), encoding="utf-8") as f:
                self.assertEqual(again.stdout, f.read())

    def test_of_a_process_with_hostile_names_is_harmless(self):
        source = ("import ctypes, sys, time; ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0); "
                  "print('ready', flush=True); time.sleep(600)")
        target = self.spawn(["python3", "-c", source, HOSTILE_COMM, HOSTILE_ARGUMENT.encode("utf-8", "surrogateescape")],
                            stdout=subprocess.PIPE)
        target.stdout.readline()
        bundle = self.dump(target.pid)
        self.assertNotIn("\x1b", self.text)
        self.assertNotIn("\u202e", self.text)
        self.assertIn(r"a) \x1b[2J\n(b", self.text)
        report = self.report(bundle)
        self.assertEqual(problems(report), [])
        self.assertEqual(report["process"]["comm"], HOSTILE_COMM)


class Options(SwansongTest):
    def setUp(self):
        super().setUp()
        self.bundle = self.dump(self.victim("threads", 2).pid)

    def refused(self, status, *args, says=""):
        done = self.swansong("report", *args)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assert_one_line(done.stderr)
        self.assertTrue(done.stderr.startswith("swansong report: "), done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_wrong_ones_are_named(self):
        self.refused(2, says="which bundle?")
        self.refused(2, "", says="the name is empty")
        self.refused(2, "--sysroot", "/nonexistent", self.bundle, says="--sysroot '/nonexistent'")
        self.refused(2, self.bundle, self.bundle, says="one bundle at a time")
        self.refused(2, "--format", "xml", self.bundle, says="text, json")
        self.refused(2, "--format", says="needs an argument")
        self.refused(2, "--fromat=text", self.bundle, says="--fromat")
        self.refused(2, "--width", "wide", self.bundle, says="wide")
        self.refused(2, "--width", "-1", self.bundle)
        self.refused(2, "--color", "green", self.bundle, says="always")
        self.refused(2, "--binaries", "x", self.bundle)
        self.refused(2, "\x1b[2J\x1b]0;x\x07", "--format=\x1b[2J", says=r"\x1b")

    def test_a_path_that_is_no_bundle(self):
        self.refused(3, os.path.join(self.dir, "missing"), says="missing")
        os.mkdir(os.path.join(self.dir, "empty"))
        self.refused(2, os.path.join(self.dir, "empty"))
        self.refused(2, "/dev/null")
        self.refused(2, os.path.join(self.bundle, "manifest.json"))

    def test_output_goes_to_a_file(self):
        path = os.path.join(self.dir, "out.json")
        done = self.swansong("report", "--format=json", "-o", path, self.bundle)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        with open(path, encoding="ascii") as f:
            self.assertEqual(problems(json.load(f)), [])

    def test_output_to_a_dash_is_the_standard_output(self):
        done = subprocess.run([SWANSONG, "report", "--format=json", "-o", "-", self.bundle], cwd=self.dir, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        json.loads(done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "-")))

    def test_output_that_cannot_be_written_is_said(self):
        self.refused(4, "-o", os.path.join(self.dir, "no", "out"), self.bundle, says="no")
        self.refused(4, "-o", "/dev/full", self.bundle, says="No space left")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([SWANSONG, "report", self.bundle], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn("No space left", done.stderr)

    def test_a_reader_that_leaves_is_no_error(self):
        r, w = os.pipe()
        os.close(r)
        done = subprocess.run([SWANSONG, "report", self.bundle], stdout=w, stderr=subprocess.PIPE, text=True, check=False)
        os.close(w)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    @need_root
    def test_nobody_elses_link_is_followed(self):
        trap, victim = os.path.join(self.dir, "trap"), os.path.join(self.dir, "elsewhere")
        os.mkdir(victim)
        os.symlink(victim, trap)
        os.lchown(trap, 65534, 65534)
        self.refused(4, "-o", os.path.join(trap, "out"), self.bundle, says="trap")
        self.assertEqual(os.listdir(victim), [])

    def test_saved_reports_replace_links_in_the_bundle(self):
        elsewhere = os.path.join(self.dir, "elsewhere")
        os.unlink(os.path.join(self.bundle, "report.txt"))
        os.symlink(elsewhere, os.path.join(self.bundle, "report.txt"))
        self.assertEqual(self.swansong("report", "--save", self.bundle).returncode, 0)
        self.assertFalse(os.path.exists(elsewhere))
        self.assertFalse(os.path.islink(os.path.join(self.bundle, "report.txt")))

    def test_help_and_version(self):
        done = self.swansong("report", "--help")
        self.assertEqual(done.returncode, 0)
        for word in ("text:", "json:", "--all", "Exit status"):
            self.assertIn(word, done.stdout)
        done = self.swansong("report", "--version")
        self.assertRegex(done.stdout, r"^swansong-report \d+\.\d+\.\d+, elfutils \d+\.\d+, jansson \d+\.\d+")

    def test_works_on_a_partial_bundle_and_says_so(self):
        partial = self.bundle + ".partial"
        os.rename(self.bundle, partial)
        manifest = os.path.join(partial, "manifest.json")
        with open(manifest, encoding="ascii") as f:
            text = f.read()
        with open(manifest, "w", encoding="ascii") as f:
            f.write(re.sub(r'"complete": ?true', '"complete":false', text))
        done = self.swansong("report", partial)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("INTERRUPTED", done.stdout)


class Terminal(SwansongTest):
    def on_terminal(self, columns, *args, **env):
        """What `swansong report` shows on a terminal of so many columns: its output and its messages."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm", **env}
        if "NO_COLOR" not in env:
            environment.pop("NO_COLOR", None)
        child = self.spawn([SWANSONG, "report", *args], stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        seen = b""
        while True:
            readable, _, _ = select.select([master], [], [], 60)
            self.assertTrue(readable, "nothing more comes")
            try:
                piece = os.read(master, 65536)
            except OSError:  # EIO: the last one closed it
                break
            if not piece:
                break
            seen += piece
        os.close(master)
        self.assertEqual(child.wait(), 0)
        return seen.decode().replace("\r\n", "\n")

    def test_width_and_colour_are_the_terminals(self):
        bundle = self.dump(self.victim("threads", 2).pid)
        for columns in (80, 120):
            text = self.on_terminal(columns, bundle)
            self.assertIn("\x1b[1m", text)
            # A progress line may have come and gone before.
            lines = strip_colors(text.split("\r\x1b[K")[-1]).split("\n")
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertGreater(max(map(len, lines)), columns - 20)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b[1m", self.on_terminal(80, bundle, **env))
        self.assertNotIn("\x1b", self.swansong("report", bundle).stdout)


class DamagedBundles(SwansongTest):
    def test_never_crash_and_the_json_stays_json(self):
        bundle = self.dump(self.victim("threads", 3).pid, "--no-report")
        files = [os.path.join(where, name) for where, _, names in os.walk(bundle) for name in names]
        dice = random.Random(20251121)
        for round_number in range(40):
            copied = os.path.join(self.dir, "damaged")
            shutil.copytree(bundle, copied)
            for path in dice.sample(files, 4):
                self.damage(os.path.join(copied, os.path.relpath(path, bundle)), dice)
            done = self.swansong("report", "--format=json", copied)
            self.assertEqual(done.returncode, 0, f"round {round_number}: {done.stderr}")
            json.loads(done.stdout)
            done = self.swansong("report", copied)
            self.assertEqual(done.returncode, 0, f"round {round_number}: {done.stderr}")
            self.assertNotIn("\x1b", done.stdout)
            shutil.rmtree(copied)

    @staticmethod
    def damage(path, dice):
        with open(path, "rb") as f:
            data = bytearray(f.read())
        kind = dice.randrange(4)
        if kind == 0:
            os.unlink(path)
            return
        if kind == 1:
            del data[dice.randrange(len(data) + 1):]
        else:
            for _ in range(min(len(data), 1 if kind == 2 else 200)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        with open(path, "wb") as f:
            f.write(data)


if __name__ == "__main__":
    unittest.main()
