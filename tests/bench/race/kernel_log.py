# SPDX-License-Identifier: MIT
"""The kernel's own account of its kills, from /dev/kmsg.

One record: "3,36598,3525542288,-;Memory cgroup out of memory: Killed process 31548 (hog) total-vm:313180kB,
anon-rss:306788kB, file-rss:1476kB, shmem-rss:0kB, …".  The last line of a report; it is printed for every kill, whatever the
kernel's limit on reports leaves out.
"""

import collections
import errno
import os
import re
import time

Kill = collections.namedtuple("Kill", "pid time_ns rss_kib")

KILLED = re.compile(rb"Killed process (\d+) .*\btotal-vm:.*?anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB")
NOTE = b"swansong race lab: what time is it?"


def parse(record):
    """The Kill that this record tells of, or None."""
    prefix, _, text = record.partition(b";")
    priority, _, time_us = prefix.split(b",")[:3]
    if int(priority) >= 8:    # not the kernel's: a program wrote it
        return None
    match = KILLED.search(text)
    if not match:
        return None
    return Kill(int(match[1]), int(time_us) * 1000, sum(int(match[i]) for i in (2, 3, 4)))


class KernelLog:
    """What the kernel logs from now on.  The times of its kills are on CLOCK_MONOTONIC."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
        self.offset_ns = 0
        self.set_clock()

    def set_clock(self):
        """The log's clock runs apart from CLOCK_MONOTONIC (some ms in hours): a record of our own ties them together."""
        os.lseek(self.fd, 0, os.SEEK_END)
        before = time.monotonic_ns()
        os.write(self.fd, b"<7>" + NOTE)
        after = time.monotonic_ns()
        for record in self.records():
            if NOTE in record:
                self.offset_ns = (before + after) // 2 - int(record.split(b",")[2]) * 1000

    def records(self):
        while True:
            try:
                yield os.read(self.fd, 8192)
            except BlockingIOError:
                return
            except OSError as e:
                if e.errno != errno.EPIPE:    # some were overwritten before we came
                    raise

    def kills(self):
        """{PID: Kill} since the last call."""
        kills = filter(None, map(parse, self.records()))
        return {k.pid: k._replace(time_ns=k.time_ns + self.offset_ns) for k in kills}
