# SPDX-License-Identifier: MIT
"""The race lab's judge (tests/bench/race/check.py): a complete bundle passes, and each thing taken away from it is seen."""

import glob
import os
import re
import struct
import tempfile

from tests.bench.race import check, groups
from tests.bench.race.kernel_log import KernelLog, parse
from tests.bench.race.victim import Victim
from tests.bench.race.watchers import Always
from tests.system.harness import SwansongTest, need_root

NONCE = 4711
LIMIT_MIB = 48


@need_root
class Judge(SwansongTest):
    def kill_one(self):
        log = KernelLog()
        group = groups.Group(f"{os.getpid()}.0", LIMIT_MIB)
        self.addCleanup(group.remove)
        victim = Victim(group, "anon", 4, 0, NONCE)
        self.addCleanup(victim.end)
        directory = tempfile.mkdtemp(dir=self.dir)
        watcher = Always(victim, directory, group)
        self.addCleanup(watcher.end)
        watcher.until_ready()
        victim.go()
        pid = victim.pids[0]
        self.assertIn(pid, victim.wait(60))
        kill = log.kills()[pid]
        watcher.finish([pid])
        self.bundle, = glob.glob(os.path.join(directory, "*.swansong"))
        return kill, victim.tids[pid]

    def lacking(self):
        return list(check.shortfalls(self.bundle, self.kill, self.threads, NONCE, LIMIT_MIB << 10, "at-kill"))

    def changed(self, path, change, expected):
        """With that change to a file the judge says so, and says nothing once it is undone."""
        path = os.path.join(self.bundle, path)
        with open(path, "rb") as f:
            whole = f.read()
        with open(path, "wb") as f:
            f.write(change(whole))
        self.assertIn(expected, " | ".join(self.lacking()))
        with open(path, "wb") as f:
            f.write(whole)
        self.assertEqual(self.lacking(), [])

    def test_a_complete_bundle_passes_and_a_spoilt_one_does_not(self):
        self.kill, self.threads = self.kill_one()
        self.assertEqual(len(self.threads), 4)
        self.assertEqual(self.lacking(), [])
        marker = struct.pack("<QII", check.MAGIC, NONCE, self.threads[2])
        self.changed("core", lambda data: data.replace(marker, bytes(16)), "1 of 4 threads without stack with its marker")
        self.changed("core", lambda data: data[:100], "unreadable")
        pid = self.kill.pid
        self.changed(f"proc/{pid}/maps", lambda data: b"", "no mapping in maps")
        self.changed(f"proc/{pid}/status", lambda data: re.sub(rb"VmRSS:\s*\d+", b"VmRSS:\t 100", data), "RSS 100 KiB")
        self.changed("kmsg", lambda data: b"", "kmsg lacks the line of its kill")
        self.changed("manifest.json", lambda data: data.replace(b'"at-kill"', b'"early"'), "guarantee early")


class KernelLine(SwansongTest):
    def test_kills_of_either_kind_are_read_and_programs_are_not_believed(self):
        text = b"Killed process 31548 (a) b) total-vm:313180kB, anon-rss:306788kB, file-rss:1476kB, shmem-rss:4kB, UID:0"
        for words in (b"Memory cgroup out of memory: ", b"Out of memory: "):
            kill = parse(b"3,36598,3525542288,-;" + words + text)
            self.assertEqual((kill.pid, kill.time_ns, kill.rss_kib), (31548, 3525542288000, 308268))
        self.assertIsNone(parse(b"11,36598,3525542288,-;Out of memory: " + text))
        self.assertIsNone(parse(b"6,36598,3525542288,-;oom_reaper: reaped process 31548 (hog)"))
