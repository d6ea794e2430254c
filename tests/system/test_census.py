# SPDX-License-Identifier: MIT
"""The heap counted from outside: against mallinfo2, on real allocators, while it changes, at the kill."""

import glob
import json
import os
import shutil
import signal
import subprocess
import unittest

from tests.system.harness import SWANSONG, SwansongTest, need_root, proc_status, thread_states, wait_until
from tests.system.test_oom import MemoryGroup


def table(bundle, name):
    path, = glob.glob(os.path.join(bundle, "proc", "*", "census", name + ".tsv"))
    with open(path, encoding="ascii") as f:
        lines = [line.rstrip("\n").split("\t") for line in f]
    return [dict(zip(lines[0], row)) for row in lines[1:]]


def rss_anon_kib(pid):
    return int(proc_status(pid)["RssAnon"].split()[0])


class Census(SwansongTest):
    def shop(self, orders, threads=0, *how, **kwargs):
        victim = self.victim("shop", orders, threads, *how, **kwargs)
        names = ("arena", "uordblks", "fordblks", "hblkhd", "orders", "customers")
        victim.said = dict(zip(names, map(int, victim.first_line.split()[1:])))
        return victim

    def census(self, pid):
        bundle = self.dump(pid, "--only", "heap,stacks,process")
        with open(os.path.join(bundle, "report.json"), encoding="utf-8") as f:
            return bundle, json.load(f)

    def assert_agrees(self, said, report, unseen=4095):
        census = report["census"]
        self.assertTrue(census["complete"])
        self.assertLessEqual(census["unseen"], unseen, census)
        # mallinfo2 counts blocks in threads' caches as in use.
        for ours, theirs in ((census["in_use"] + census["cached"], said["uordblks"]), (census["free"] + census["top"], said["fordblks"])):
            self.assertAlmostEqual(ours, theirs, delta=said["arena"] / 1000, msg=f"{census} {said}")
        self.assertEqual(report["malloc"]["mmapped"], said["hblkhd"])

    def test_one_arena_and_its_types(self):
        victim = self.shop(20000)
        before = rss_anon_kib(victim.pid)
        bundle, report = self.census(victim.pid)
        self.assert_agrees(victim.said, report)
        self.assertEqual(len(table(bundle, "arenas")), 1)
        types = {t["name"]: t for t in report["heap"]["types"] if t["kind"] == "type"}
        self.assertEqual(types["shop::Order"]["live_objects"], 20000)
        self.assertEqual(types["shop::Customer"]["live_objects"], 5000)
        self.assertEqual(report["heap"]["source"], "census")
        sizes = sum(int(row["bytes"]) for row in table(bundle, "sizes"))
        self.assertEqual(sizes, report["census"]["in_use"])
        self.assertEqual(report["verdict"]["cause"] == "fragmentation", "cannot give back" in report["verdict"]["sentence"])
        # Not equal: the kernel may have swapped some of it out.
        self.assertLessEqual(rss_anon_kib(victim.pid), before, "reading has made it larger")

    def test_contents_are_shown_only_where_asked_for(self):
        victim = self.shop(2000)
        _, report = self.census(victim.pid)
        self.assertEqual({t["contents"] for t in report["heap"]["types"]}, {None})
        bundle = self.dump(victim.pid, "--only", "heap,stacks,process", "--contents")
        with open(os.path.join(bundle, "report.json"), encoding="utf-8") as f:
            contents = {t["name"]: t["contents"] for t in json.load(f)["heap"]["types"]}
        self.assertRegex(contents["shop::Customer"], r"somebody$")
        with open(os.path.join(bundle, "report.txt"), encoding="utf-8") as f:
            self.assertRegex(f.read(), r"one of them: .*somebody\n")

    def test_many_arenas(self):
        victim = self.shop(20000, 3)
        bundle, report = self.census(victim.pid)
        self.assert_agrees(victim.said, report)
        self.assertEqual(len(table(bundle, "arenas")), 4)
        self.assertEqual(len(report["malloc"]["arenas"]), 4)

    def test_a_heap_that_brk_could_not_make_larger(self):
        victim = self.shop(20000, 0, "blocked")
        _, report = self.census(victim.pid)
        # 32 bytes of each piece of 132 KiB that mmap(2) gave are no block.
        self.assert_agrees(victim.said, report, unseen=victim.said["arena"] / 1000)
        types = {t["name"]: t for t in report["heap"]["types"] if t["kind"] == "type"}
        self.assertEqual(types["shop::Order"]["live_objects"], 20000)

    def test_a_heap_that_begins_behind_what_the_program_took_for_itself(self):
        source, program = os.path.join(self.dir, "a.c"), os.path.join(self.dir, "a")
        with open(source, "w", encoding="ascii") as f:
            f.write("""#include <malloc.h>
                    #include <stdio.h>
                    #include <stdlib.h>
                    #include <unistd.h>
                    static char line[200];
                    int main(void)
                    {
                            struct mallinfo2 m;
                            sbrk(3 << 20);
                            for (int i = 0; i < 30000; i++)
                                    *(char **)malloc(16 + i * 7 % 1500) = line;
                            for (int i = 0; i < 40; i++)
                                    *(char **)malloc(300000) = line;
                            m = mallinfo2();
                            write(1, line, snprintf(line, sizeof(line), "%zu %zu %zu %zu\\n", m.arena, m.uordblks, m.fordblks, m.hblkhd));
                            pause();
                    }""")
        subprocess.run(["cc", "-O1", "-w", "-fno-builtin", "-o", program, source], check=True)
        victim = self.spawn([program], stdout=subprocess.PIPE)
        said = dict(zip(("arena", "uordblks", "fordblks", "hblkhd"), map(int, victim.stdout.readline().split())))
        self.assert_agrees(said, self.census(victim.pid)[1])

    def test_free_memory_that_is_pinned_is_the_verdict(self):
        victim = self.shop(100000)
        bundle = self.dump(victim.pid)
        with open(os.path.join(bundle, "report.json"), encoding="utf-8") as f:
            report = json.load(f)
        self.assertEqual(report["verdict"]["cause"], "fragmentation", report["verdict"])
        self.assertGreater(report["malloc"]["free_held"], report["memory"]["rss"] / 2)

    def test_off(self):
        victim = self.shop(1000)
        bundle = self.dump(victim.pid, "--census", "off")
        self.assertEqual(glob.glob(os.path.join(bundle, "proc", "*", "census")), [])
        done = self.swansong("dump", "-p", victim.pid, "--census", "some")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'auto', 'full', 'sample' or 'off'", done.stderr)

    def test_a_sample_of_a_large_heap_is_right_within_its_error(self):
        victim = self.shop(110000)
        bundle = self.dump(victim.pid, "--only", "heap,stacks,process", "--census", "sample")
        with open(os.path.join(bundle, "report.json"), encoding="utf-8") as f:
            census = json.load(f)["census"]
        self.assertGreater(census["sample_pieces"], 100)
        self.assertLess(census["bytes_read"], 100 << 20)
        self.assertAlmostEqual(census["in_use"], victim.said["uordblks"], delta=4 * census["sample_error"] + victim.said["arena"] / 100)

    def refusal(self, pid):
        bundle, report = self.census(pid)
        self.assertIsNone(report["census"])
        with open(os.path.join(bundle, "manifest.json"), encoding="ascii") as f:
            section, = [s for s in json.load(f)["sections"] if s["path"].endswith("/census")]
        self.assertEqual(section["status"], "missing")
        return section["reason"]

    def test_a_static_program_is_refused_with_the_reason(self):
        if not shutil.which("gcc"):
            self.skipTest("gcc is not installed")
        source, program = os.path.join(self.dir, "a.c"), os.path.join(self.dir, "a")
        with open(source, "w", encoding="ascii") as f:
            f.write('#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("ready"); fflush(stdout); pause(); }\n')
        subprocess.run(["gcc", "-static", "-o", program, source], check=True)
        victim = self.spawn([program], stdout=subprocess.PIPE)
        victim.stdout.readline()
        self.assertIn("static program", self.refusal(victim.pid))

    def test_a_heap_that_changes_all_the_time(self):
        victim = self.victim("churn", 2)
        for _ in range(5):
            _, report = self.census(victim.pid)
            census = report["census"]
            self.assertTrue(census, f"{report['missing']} {self.short_sections()}")
            self.assertLess(census["unseen"], census["system"] / 50, census)
        self.assert_unharmed(victim.pid)

    @need_root
    def test_at_the_kill_all_of_the_heap_is_seen(self):
        group = MemoryGroup(f"swansong-census-{os.getpid()}")
        self.addCleanup(group.remove)
        victim = self.spawn(group.command(["/usr/bin/python3", "-c", "print('ready', flush=True)\ninput()\nl = []\nwhile True: l.append(b'x' * (100 + len(l) % 100))"]),
                            env={**os.environ, "PYTHONMALLOC": "malloc"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        victim.stdout.readline()
        watcher = self.spawn([SWANSONG, "watch", "-p", str(victim.pid), "-o", self.dir, "--arm", "always", "--kill-budget", "2000", "--census", "full"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until("the victim is attended", lambda: thread_states(victim.pid) and all(t for _, t in thread_states(victim.pid).values()))
        victim.stdin.write(b"\n")
        victim.stdin.flush()
        out, err = watcher.communicate(timeout=120)
        self.assertEqual(victim.wait(), -signal.SIGKILL, err)
        with open(os.path.join(out.splitlines()[-1][len("bundle: "):], "report.json"), encoding="utf-8") as f:
            report = json.load(f)
        self.assertEqual(report["trigger"]["guarantee"], "at-kill")
        self.assertTrue(report["census"]["complete"])
        # What it had from the kernel, but died before it touched it.
        self.assertLess(report["census"]["unseen"], 256 << 10, report["census"])
        self.assertGreater(report["malloc"]["in_use"], report["memory"]["rss"] // 2)


if __name__ == "__main__":
    unittest.main()
