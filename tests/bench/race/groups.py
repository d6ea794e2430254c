# SPDX-License-Identifier: MIT
"""Memory groups for victims, v1 or v2; and the place of a victim that the whole machine's memory limits."""

import contextlib
import os
import re
import signal
import time

from tests.system.test_oom import memory_group_root

PREFIX = "swansong-race-"


def in_shell(commands, argv):
    return ["/bin/sh", "-c", f'{commands}; exec "$@"', "sh", *argv]


def unprotected(argv, oom_score_adj=0):
    """A command that runs `argv` without what the lab itself may have against the OOM killer."""
    return in_shell(f"echo {oom_score_adj} >/proc/self/oom_score_adj", argv)


def write(path, value):
    with open(path, "w", encoding="ascii") as f:
        f.write(str(value))


class Group:
    """A group with a limit.  remove() ends whatever is in it."""

    def __init__(self, name, limit_mib, oom_group=False):
        root, limit_file = memory_group_root()
        self.path = os.path.join(root, PREFIX + name)
        self.limit_kib = limit_mib * 1024
        os.mkdir(self.path)
        try:
            write(os.path.join(self.path, limit_file), limit_mib << 20)
            if oom_group:
                write(os.path.join(self.path, "memory.oom.group"), 1)
        except OSError:
            os.rmdir(self.path)
            raise

    def command(self, argv):
        """A command that runs `argv` inside: its first byte is charged to the group."""
        return unprotected(in_shell(f'echo $$ >"{self.path}/cgroup.procs"', argv))

    def remove(self):
        for _ in range(600):
            try:
                with open(os.path.join(self.path, "cgroup.procs"), encoding="ascii") as f:
                    for pid in f.read().split():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(int(pid), signal.SIGKILL)
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"{self.path} cannot be removed")


class Machine:
    """No group: the victim is the first that the kernel takes when the whole machine is out of memory."""

    limit_kib = None

    @staticmethod
    def command(argv):
        return unprotected(argv, 900)

    def remove(self):
        pass


def remove_left_over():
    """Groups of a lab that was killed: their names hold its PID."""
    root, _ = memory_group_root()
    for name in os.listdir(root):
        match = re.fullmatch(PREFIX + r"(\d+)\.\d+", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            group = Group.__new__(Group)
            group.path = os.path.join(root, name)
            group.remove()
