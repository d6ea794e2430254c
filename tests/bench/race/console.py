# SPDX-License-Identifier: MIT
"""The kernel's console, which the victim waits for.

The kernel logs its kill in the victim's own time (memory groups; mm/oom_kill.c, pr_err()), and what it logs below console_loglevel it
writes to the consoles before it goes on: some 180 characters, 2 ms on a serial line, in which the victim cannot get to its exit.
"""

import contextlib
import re

LEVEL = "/proc/sys/kernel/printk"    # "4\t4\t1\t7": console_loglevel first
OF_KILLS = 3    # KERN_ERR


def slow():
    """The names of consoles that are written to at each kill."""
    with open(LEVEL, encoding="ascii") as f:
        if int(f.read().split()[0]) <= OF_KILLS:
            return []
    # "ttyS0                -W- (EC  p a)    4:64": enabled, and written to.  A screen is fast.
    with open("/proc/consoles", encoding="ascii") as f:
        return re.findall(r"^(tty[A-Z]\w*) +.W. \(E", f.read(), re.M)


@contextlib.contextmanager
def off():
    """Nothing of a kill is written to consoles meanwhile."""
    with open(LEVEL, encoding="ascii") as f:
        before = f.read().split()[0]
    try:
        set_level(min(int(before), OF_KILLS))
        yield
    finally:
        set_level(before)


def set_level(level):
    with open(LEVEL, "w", encoding="ascii") as f:
        f.write(str(level))
