# SPDX-License-Identifier: MIT
"""What the lab runs: each victim with each of its watchers, interleaved kill by kill.

Places: `v1` and `v2` are memory groups (whichever this machine has), `v2 group` one with memory.oom.group, `machine` no group: the
whole machine runs out of memory (in the virtual machine only).
"""

import collections
import re

# memory: see tests/victims/hog.c; speed in MiB/s, 0 is as fast as the machine can.
Victim = collections.namedtuple("Victim", "place memory threads speed limit_mib watchers")

# Present at the kill.  `victim`: armed by the same level, but nobody has been named.
ARMED = ("at 70 %", "always")
UNNAMED = ("victim",) + ARMED


def watchers_of(place, memory):
    if memory in ("tmpfs", "forks"):
        return ARMED    # an early dump, and memdoor, look at the RSS of one process: it tells nothing here
    # Where the kernel is told to wait (--hold), it does so in page faults: mmap(MAP_POPULATE) just ends early, and nobody is killed.
    held = () if memory == "populate" else ("held",) if place == "v1" else ("braked",)
    return ARMED + ("early",) + held + ("memdoor",)


def host(place):
    kinds = [("anon", 1, 10, 32)]
    kinds += [("anon", n, 100, 256) for n in (1, 32, 256)]
    kinds += [("anon", 16, 0, 512)]    # the size that there are goals for
    kinds += [(memory, n, 0, 256) for memory in ("anon", "shared", "populate", "memset", "huge", "tmpfs") for n in (1, 32, 256)]
    kinds += [("every", 32, 0, 256), ("every", 256, 0, 256), ("forks", 1, 0, 256)]
    # Nobody named, and full within 0.1 s.
    return [Victim(place, *kind, (("victim",) if kind[0] == "anon" and kind[2] == 0 else ()) + watchers_of(place, kind[0]))
            for kind in kinds]


# The virtual machine runs 10 to 20 times slower.
VM = ([Victim("v2", "anon", n, 0, 96, ARMED + ("early", "braked")) for n in (1, 32, 256)] +
      [Victim("v2", memory, 1, 0, 96, ARMED) for memory in ("shared", "populate", "memset", "huge", "tmpfs")] +
      [Victim("v2", "every", 32, 0, 96, ARMED), Victim("v2", "forks", 1, 0, 96, ARMED), Victim("v2 group", "forks", 1, 0, 96, ARMED)] +
      [Victim("machine", "anon", n, 0, None, UNNAMED) for n in (1, 32, 256)] +
      [Victim("machine", memory, 1, 0, None, UNNAMED) for memory in ("shared", "populate", "memset", "huge")])


def name(victim, watcher):
    """What ROWS is matched against: "v1 anon 32 full always"."""
    return f"{victim.place} {victim.memory} {victim.threads} {victim.speed or 'full'} {watcher}"


def select(victims, patterns):
    """[(victim, [watcher, ...])] of the rows that one of the patterns matches; all, without a pattern."""
    chosen = []
    for victim in victims:
        watchers = [w for w in victim.watchers if not patterns or any(re.search(p, name(victim, w)) for p in patterns)]
        if watchers:
            chosen.append((victim, watchers))
    return chosen
