# SPDX-License-Identifier: MIT
"""What the agent costs the program that it is in: instructions (valgrind, free of noise), time beside its peers, start, memory."""

import os
import re
import shutil
import subprocess
import tempfile

from .common import BUILD, Skip, interleaved, ms, need, peak_rss_mib, run_ms, times

AGENT = os.path.join(BUILD, "libswansong.so")
HERE = os.path.dirname(os.path.abspath(__file__))
SQL = ("create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) "
       "insert into t select x, hex(randomblob(20)) from c; create index i on t(b); select count(*) from t where b like '%AB%';")
PYTHON = "import json; d = [{str(i): i} for i in range(20000)]; json.loads(json.dumps(d))"


def run(table):
    with tempfile.TemporaryDirectory(prefix="swansong-bench.", dir="/dev/shm") as directory:
        programs = workloads(directory)
        table.part("agent: instructions", instructions, programs, directory)
        table.part("agent: time", peers, programs["malloc only, 2,000 live"], directory)
        table.part("agent: start", start, directory)
        table.part("agent: memory", memory, programs["malloc only, 100,000 live"], directory)


def workloads(directory):
    """{name: argv}; those whose program is installed."""
    program = os.path.join(directory, "malloc_only")
    source = os.path.join(directory, "big.c")
    subprocess.run(["cc", "-O2", "-o", program, os.path.join(HERE, "malloc_only.c"), "-lpthread"], check=True)
    with open(source, "w", encoding="ascii") as f:
        f.writelines(f"int f{i}(int a, int b) {{ int s = 0; for (int i = 0; i < a; i++) s += i * b ^ {i}; return s; }}\n" for i in range(60))
    found = {"malloc only, 16 live": [program, "1000000", "16"], "malloc only, 2,000 live": [program, "1000000", "2000"],
             "malloc only, 100,000 live": [program, "1000000", "100000"]}
    if shutil.which("sqlite3"):
        found["sqlite3"] = [shutil.which("sqlite3"), ":memory:", SQL]
    if os.path.exists("/usr/bin/python3"):
        found["python3, PYTHONMALLOC=malloc"] = ["/usr/bin/python3", "-S", "-c", PYTHON]
    cc1 = subprocess.run(["cc", "-print-prog-name=cc1"], capture_output=True, text=True, check=True).stdout.strip()
    if os.path.isabs(cc1):
        found["cc1 -O2"] = [cc1, "-quiet", "-O2", source, "-o", "/dev/null"]
    return found


def environment(directory, options=None, preload=()):
    env = dict(os.environ, PYTHONMALLOC="malloc", PYTHONHASHSEED="0")
    env.pop("LD_PRELOAD", None)
    libraries = ([AGENT] if options is not None else []) + list(preload)
    if libraries:
        env["LD_PRELOAD"] = ":".join(libraries)
    if options is not None:
        env["SWANSONG_OPTIONS"] = f"dir={directory},{options}"
    return env


def count(argv, env):
    """Instructions in user space of one run."""
    done = subprocess.run([need("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv], env=env, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def instructions(table, programs, directory):
    for name, argv in programs.items():
        base = count(argv, environment(directory))
        for options, goal in (("", 1.08 if name.startswith("malloc") else 1.01), ("sample=64K", 1.12 if name.startswith("malloc") else 1.02)):
            ratio = count(argv, environment(directory, options)) / base
            table.row(f"instructions, {name}, {options or 'default'}", f"{ratio:.4f}x", f"{base / 1e6:.0f} M alone", times(ratio),
                      f"<= {goal}", ratio <= goal)


def library(*names):
    for name in names:
        for directory in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"):
            if os.path.exists(os.path.join(directory, name)):
                return os.path.join(directory, name)
    return None


def peers(table, argv, directory):
    """Each over the allocator that it comes with."""
    def timed(**env):
        return lambda: run_ms(argv, env=env["env"])

    measures = {"alone": timed(env=environment(directory)), "agent": timed(env=environment(directory, "")),
                "agent_fine": timed(env=environment(directory, "sample=64K")), "agent_exact": timed(env=environment(directory, "sample=1"))}
    jemalloc, tcmalloc = library("libjemalloc.so.2"), library("libtcmalloc.so.4")
    if jemalloc:
        measures["jemalloc"] = timed(env=environment(directory, preload=[jemalloc]))
        measures["jemalloc_prof"] = timed(env=dict(environment(directory, preload=[jemalloc]), MALLOC_CONF="prof:true,prof_final:false"))
        measures["jemalloc_agent"] = timed(env=environment(directory, "", [jemalloc]))
    if tcmalloc:
        measures["tcmalloc"] = timed(env=environment(directory, preload=[tcmalloc]))
        measures["tcmalloc_sampling"] = timed(env=dict(environment(directory, preload=[tcmalloc]), TCMALLOC_SAMPLE_PARAMETER="524288"))
    if shutil.which("heaptrack"):
        out = os.path.join(directory, "heaptrack")
        measures["heaptrack"] = lambda: run_ms(["heaptrack", "-o", out, *argv], env=environment(directory))
    t = interleaved(**measures)
    agent = t["agent"] / t["alone"]
    table.row("time, malloc only, default", ms(t["agent"]), f"{ms(t['alone'])} alone", times(agent), "<= 1.08", agent <= 1.08)
    table.row("time, malloc only, sample=64K", ms(t["agent_fine"]), f"{ms(t['alone'])} alone", times(t["agent_fine"] / t["alone"]), "<= 1.12",
              t["agent_fine"] / t["alone"] <= 1.12)
    for name, base in (("jemalloc_prof", "jemalloc"), ("tcmalloc_sampling", "tcmalloc")):
        if name in t:
            peer = t[name] / t[base]
            table.row(f"overhead beside {name} over {base}", times(agent), times(peer), times((agent - 1) / max(peer - 1, 1e-9)), "less",
                      agent <= peer)
    if "jemalloc_agent" in t:
        table.row("agent in front of jemalloc", ms(t["jemalloc_agent"]), f"{ms(t['jemalloc'])} alone", times(t["jemalloc_agent"] / t["jemalloc"]))
    if "heaptrack" in t:
        heaptrack, exact = t["heaptrack"] / t["alone"] - 1, t["agent_exact"] / t["alone"] - 1
        table.row("overhead, default, beside heaptrack", f"{agent - 1:.3f}", f"{heaptrack:.3g}", times(heaptrack / max(agent - 1, 1e-3)),
                  ">= 30x less", heaptrack >= 30 * (agent - 1))
        table.row("overhead, sample=1, beside heaptrack", f"{exact:.3g}", f"{heaptrack:.3g}", times(exact / heaptrack), "<= 0.5x",
                  exact <= heaptrack / 2)


def start(table, directory):
    alone, with_agent = environment(directory), environment(directory, "")
    loop = ["/bin/sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"]
    t = interleaved(alone=lambda: run_ms(loop, env=alone) / 100, agent=lambda: run_ms(loop, env=with_agent) / 100)
    more = t["agent"] - t["alone"]
    table.row("start of /bin/true (fork and exec by sh)", ms(t["agent"]), f"{ms(t['alone'])} alone", f"+{ms(more)}", "<= +0.5 ms", more <= 0.5)


def memory(table, argv, directory):
    if not os.path.exists("/usr/bin/env"):
        raise Skip("no env")
    agent = environment(directory, "")
    variables = [f"{name}={agent[name]}" for name in ("LD_PRELOAD", "SWANSONG_OPTIONS")]
    ours, alone = peak_rss_mib(["/usr/bin/env", *variables, *argv]), peak_rss_mib(argv)
    table.row("peak RSS, malloc only", f"{ours:.1f} MiB", f"{alone:.1f} MiB alone", f"+{ours - alone:.1f} MiB", "<= +5 MiB", ours - alone <= 5)
