# SPDX-License-Identifier: MIT
"""swansong system: the machine's memory, by itself and in the bundle of a process."""

import json
import os

from .harness import IS_ROOT, SwansongTest, need_root
from .test_render import problems


class System(SwansongTest):
    def system(self, *args, **kwargs):
        done = self.swansong("system", *args, **kwargs)
        self.assertEqual(done.returncode, 0, done.stdout[-1000:] + done.stderr)
        return done.stdout

    def test_says_where_all_memory_is(self):
        report = json.loads(self.system("--format", "json"))
        self.assertEqual(problems(report), [])
        system = report["system"]
        with open("/proc/meminfo", encoding="ascii") as f:
            total = int(f.readline().split()[1]) * 1024
        self.assertEqual(sum(row["bytes"] for row in system["where"]) - system["counted_twice"], total)
        self.assertEqual(system["where"][-1]["what"], "not accounted for")
        self.assertIsNotNone(system["verdict"])
        self.assertEqual(report["verdict"]["sentence"], system["verdict"])
        self.assertIsNone(report["process"]["pid"])
        self.assertIsNone(report["memory"]["rss"])

    def test_sees_a_process_that_has_memory(self):
        child = self.spawn(["python3", "-c", "x = bytearray(b'x') * (96 << 20)\nprint('ready', flush=True)\ninput()"],
                           stdin=-1, stdout=-1)
        child.stdout.readline()
        system = json.loads(self.system("--format", "json"))["system"]
        row = next(p for p in system["processes"] if p["pid"] == child.pid)
        self.assertGreaterEqual(row["anon"], 96 << 20)
        self.assertTrue(row["comm"].startswith("python3"))
        self.assertGreaterEqual(system["total_rss"], row["rss"])
        with open(f"/proc/{child.pid}/cgroup", encoding="ascii") as f:
            self.assertTrue(any(line.rstrip("\n").endswith(":" + row["group"]) for line in f), row)

    def test_verdict_first_and_nothing_kept(self):
        text = self.system(env=dict(os.environ, TMPDIR=self.dir))
        self.assertTrue(text.lstrip("\n").startswith("THE MACHINE"), text[:200])
        self.assertIn("the machine", text.splitlines()[2])
        self.assertIn("not accounted for", text)
        self.assertEqual(os.listdir(self.dir), [])

    def test_keeps_the_bundle_on_request(self):
        text = self.system("--bundle", self.dir, "-o", os.path.join(self.dir, "text"))
        bundle = text.strip().removeprefix("bundle: ")
        self.assertRegex(os.path.basename(bundle), r"^machine\.[0-9TZ]+\.swansong$")
        self.assertIsNone(self.manifest(bundle)["target"])
        again = self.swansong("report", bundle)
        self.assertEqual(again.returncode, 0, again.stderr)
        with open(os.path.join(self.dir, "text"), encoding="utf-8") as f:
            self.assertEqual(f.read(), again.stdout)

    def test_is_in_the_bundle_of_a_process(self):
        victim = self.victim("threads", 2)
        bundle = self.dump(victim.pid)
        self.assertTrue(os.path.exists(os.path.join(bundle, "processes.tsv")))
        system = self.report(bundle)["system"]
        self.assertIn(victim.pid, [p["pid"] for p in system["processes"]] if system["processes_seen"] <= 100
                      else [victim.pid])
        self.assertGreater(system["processes_seen"], 1)
        self.assert_unharmed(victim.pid)

    @need_root
    def test_says_which_blocks_are_free(self):
        system = json.loads(self.system("--format", "json"))["system"]
        self.assertTrue(system["zones"])
        self.assertIn(system["orders"][0]["allocation"], ("possible", "watermark"))
        self.assertGreater(max(len(z["orders"]) for z in system["zones"]), 3)

    def test_works_without_root(self):
        if not IS_ROOT:
            self.skipTest("that is the case in all the others")
        os.chmod(self.dir, 0o777)
        report = json.loads(self.system("--format", "json", user=65534, env=dict(os.environ, TMPDIR=self.dir)))
        self.assertIsNotNone(report["system"]["verdict"])
        self.assertIn("proc/slabinfo", [m["section"] for m in report["missing"]])

    def test_refuses_what_it_does_not_know(self):
        for args in (("x",), ("--nonsense",), ("-o",), ("--bundle", os.path.join(self.dir, "no-such-directory"))):
            done = self.swansong("system", *args, env=dict(os.environ, TMPDIR=self.dir))
            self.assertEqual(done.returncode, 2, args)
            self.assert_one_line(done.stderr)
        done = self.swansong("system", "--format", "nonsense", env=dict(os.environ, TMPDIR=self.dir))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(os.listdir(self.dir), [])
