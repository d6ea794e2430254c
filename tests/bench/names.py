# SPDX-License-Identifier: MIT
"""From the command to text with function names, the whole process: against eu-stack and gdb, which keep nothing either."""

import os

from .common import Dumps, Victim, interleaved, ms, need, run_ms, threads_victim, times

GOAL_EU_STACK = {16: 2, 128: 8, 1024: 15}


def compare(table, what, pid, goal_eu_stack, with_gdb=True):
    with Dumps() as dumps:
        measures = {
            "ours": lambda: dumps.run_ms(pid, "--only", "stacks", "--no-lines", "--no-save"),
            "eu": lambda: run_ms([need("eu-stack"), "-p", str(pid)]),
        }
        if with_gdb:
            measures["gdb"] = lambda: run_ms([need("gdb"), "-nx", "-p", str(pid), "-batch", "-ex", "thread apply all bt"])
        m = interleaved(**measures)
    ratio = m["eu"] / m["ours"]
    table.row(f"names, {what}, vs eu-stack", ms(m["ours"]), ms(m["eu"]), times(ratio), f">= {goal_eu_stack}x",
              ratio >= goal_eu_stack)
    if with_gdb:
        ratio = m["gdb"] / m["ours"]
        table.row(f"names, {what}, vs gdb", ms(m["ours"]), ms(m["gdb"]), times(ratio), ">= 20x", ratio >= 20)


def threads(table, n, goal):
    with threads_victim(n) as v:
        compare(table, f"{n} threads", v.pid, goal)


def node(table):
    script = "setInterval(()=>{},1000); console.log('ready')"
    with Victim([need("node"), "-e", script]) as v:
        compare(table, "node", v.pid, 4, with_gdb=False)


def lines(table):
    for n in (16, 128):
        with Dumps() as dumps, threads_victim(n) as v:
            m = interleaved(ours=lambda: dumps.run_ms(v.pid, "--only", "stacks", "--no-save"),
                            eu=lambda: run_ms([need("eu-stack"), "-s", "-i", "-p", str(v.pid)]))
        ratio = m["eu"] / m["ours"]
        table.row(f"lines and inlines, {n} threads, vs eu-stack -s -i", ms(m["ours"]), ms(m["eu"]), times(ratio), ">= 2x",
                  ratio >= 2)


def everything(table):
    for n in (16, 1024):
        with Dumps() as dumps, threads_victim(n) as v:
            m = interleaved(ours=lambda: dumps.run_ms(v.pid), eu=lambda: run_ms([need("eu-stack"), "-p", str(v.pid)]))
        table.row(f"the whole dump, {n} threads, vs eu-stack's stacks", ms(m["ours"]), ms(m["eu"]), times(m["eu"] / m["ours"]))


def run(table):
    for n, goal in GOAL_EU_STACK.items():
        table.part(f"names, {n} threads", threads, n, goal)
    table.part("names, node", node)
    table.part("names with lines", lines)
    table.part("everything", everything)
