# SPDX-License-Identifier: MIT
"""The race lab: real kills by the kernel, and what each way of watching made of them.

    rows.py        what is run: who uses up memory, how, where, and who watches
    groups.py      memory groups, and what has none
    victim.py      one victim: tests/victims/hog, until it is dead
    watchers.py    who watches: swansong in its modes, memdoor, nobody
    kernel_log.py  the kernel's own account of its kills, read by the lab itself
    check.py       was a kill captured completely?  Asked of the bundle's bytes, never of swansong's own word
    run.py         one kill; a row of them
    table.py       the table that goes into docs/benchmarks.md, and the JSON beside it
    vm.py          the same rows in the virtual machine, merged
"""
