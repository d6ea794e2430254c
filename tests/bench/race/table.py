# SPDX-License-Identifier: MIT
"""The lab's table, a line per row as soon as it is measured, and the same as JSON."""

import re
from statistics import median

HEAD = (f"{'place':<9} {'memory':<9} {'threads':>7} {'MiB/s':>6} {'watched':<9} {'kills':>5} {'armed':>6} {'complete':>9} {'share':>6}"
        f" {'first stop, ms':>15} {'all read, ms':>14} {'stop to CONT, ms':>17} {'death later, ms':>16}")


def two(values):
    """median and worst"""
    return f"{median(values):.1f} / {max(values):.1f}" if values else "-"


def known(outcomes, field):
    return [getattr(o, field) for o in outcomes if getattr(o, field) is not None]


def later_ms(row):
    """The median by which the death came later than that of the same victim unwatched, or None."""
    ours, alone = known(row.outcomes, "death_ms"), known(row.unwatched.outcomes, "death_ms")
    return median(ours) - median(alone) if ours and alone else None


def complete(row):
    return sum(o.captured and not o.lacking for o in row.outcomes)


def line(row):
    """The row as text; None where nothing was run."""
    if not row.outcomes:
        return None
    v, n = row.victim, len(row.outcomes)
    text = f"{v.place:<9} {v.memory:<9} {v.threads:>7} {v.speed or 'full':>6} {row.watcher:<9}"
    later = later_ms(row)
    swansong = row.watcher != "memdoor"
    armed = sum(o.armed for o in row.outcomes) if row.watcher not in ("early", "memdoor") else "-"
    return (f"{text} {n:>5} {armed:>6} {complete(row):>9} {100 * complete(row) / n:>4.0f} %"
            f" {two(known(row.outcomes, 'first_ms')):>15} {two(known(row.outcomes, 'read_ms')) if swansong else '-':>14} {two(known(row.outcomes, 'waited_ms')):>17}"
            f" {f'{later:+.1f}' if later is not None else '-':>16}")


def small(row):
    return row["threads"] <= 16


def large(row):
    return row["threads"] == 256


def reading_ms(outcome):
    """From the first stop to all read: what is ours of read_ms.  The rest is the kernel's way from its kill to the victim's exit."""
    first, read = outcome["first_ms"], outcome["read_ms"]
    return read - first if first is not None and read is not None else None


# (what, which rows, the ms of an outcome or None, the most that they may be or None, how that is written)
GOALS = (
    ("from the kill to all threads read, up to 16 threads", small, lambda o: o["read_ms"], 5, "< 5 ms"),
    ("  of which to the first stop", small, lambda o: o["first_ms"], None, None),
    ("  and from there to all threads read", small, reading_ms, None, None),
    ("from the kill to all threads read, 256 threads", large, lambda o: o["read_ms"], 30, "< 30 ms"),
    ("  of which to the first stop", large, lambda o: o["first_ms"], None, None),
    ("  and from there to all threads read", large, reading_ms, None, None),
    ("the death waited, 512 MiB", lambda r: r["limit_mib"] == 512, lambda o: o["waited_ms"], 50, "<= 50 ms"),
)


def goals(results):
    """A line for each goal, over all kills of armed victims in memory groups of this machine; results as of as_json()."""
    mine = [r for r in results if r["place"] == "v1" and r["watched"] in ("at 70 %", "always") and r["memory"] not in ("forks", "every")]
    for what, chosen, ms_of, most, goal in GOALS:
        values = [ms for ms in (ms_of(o) for r in mine if chosen(r) for o in r["outcomes"]) if ms is not None]
        if not values:
            continue
        text = f"{what}: median {median(values):.1f} ms, worst {max(values):.1f} ms"
        if goal:
            within = sum(v <= most for v in values)
            text += f", goal {goal}: {within} of {len(values)} kills, {'met' if median(values) <= most else 'MISSED'}"
        yield text


def reasons(row):
    """Why kills of this row were not captured completely: "2x no bundle: ..."; those that differ in numbers only are one."""
    counted = {}
    for o in row.outcomes:
        if o.lacking or not o.captured:
            words = re.sub(r"\d+(\.\d+)? [KMG]iB|\b\d{3,}\b", "N", "; ".join(o.lacking[:3]))[:300]
            counted[words] = counted.get(words, 0) + 1
    return [f"{n}x {words}" for words, n in counted.items()]


def as_json(row):
    return {"name": row.name(), "line": line(row), "place": row.victim.place, "memory": row.victim.memory, "threads": row.victim.threads,
            "mib_per_s": row.victim.speed, "limit_mib": row.victim.limit_mib, "watched": row.watcher, "skipped": row.skipped,
            "kills": len(row.outcomes), "armed": sum(o.armed for o in row.outcomes), "complete": complete(row),
            "death_later_ms": later_ms(row), "unwatched_death_ms": known(row.unwatched.outcomes, "death_ms"),
            "reasons": reasons(row), "outcomes": [o._asdict() for o in row.outcomes]}
