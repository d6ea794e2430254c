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
    """What the kernel logs from now on.  The times of its kills are on CLOCK_MONOTONIC.

    The log's clock runs apart from that one (some ms in hours on a real machine, some ms in a second on an emulated one): records
    of our own tie them together, before and after.  The kernel takes only ten in 5 s where printk_devkmsg is not `on`.
    """

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)
        with open("/proc/sys/kernel/printk_devkmsg", encoding="ascii") as f:
            self.interval_ns = 0 if f.read().strip() == "on" else 10**9
        self.notes = []    # (the log's time, CLOCK_MONOTONIC): the last two
        self.noted_ns = 0
        self.kills()

    def note(self):
        before = time.monotonic_ns()
        if before - self.noted_ns < self.interval_ns:
            return
        self.noted_ns = before
        os.write(self.fd, b"<7>" + NOTE + b"\n")    # without a line's end it may be continued, and is not shown yet
        self.middle_ns = (before + time.monotonic_ns()) // 2

    def records(self):
        while True:
            try:
                yield os.read(self.fd, 8192)
            except BlockingIOError:
                return
            except OSError as e:
                if e.errno != errno.EPIPE:    # some were overwritten before we came
                    raise

    def monotonic_ns(self, log_ns):
        (log0, mono0), (log1, mono1) = self.notes[0], self.notes[-1]
        if log1 == log0:
            return log_ns - log0 + mono0
        return mono0 + (log_ns - log0) * (mono1 - mono0) // (log1 - log0)

    def kills(self):
        """{PID: Kill} since the last call."""
        kills = []
        self.note()
        for record in self.records():
            if NOTE in record:
                self.notes = self.notes[-1:] + [(int(record.split(b",")[2]) * 1000, self.middle_ns)]
            else:
                kills.append(parse(record))
        return {k.pid: k._replace(time_ns=self.monotonic_ns(k.time_ns)) for k in kills if k}
