# SPDX-License-Identifier: MIT
"""What the agent costs the program that it is in: instructions (valgrind, free of noise), CPU time beside its peers, start, memory."""

import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from statistics import median

from .common import BUILD, Skip, interleaved, ms, need, peak_rss_mib, cpu_ms, times

AGENT = os.path.join(BUILD, "libswansong.so")
HERE = os.path.dirname(os.path.abspath(__file__))
SQL = ("create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) "
       "insert into t select x, hex(randomblob(20)) from c; create index i on t(b); select count(*) from t where b like '%AB%';")
# The worst case: little else than small dicts that come and go.
PYTHON_JSON = "import json; d = [{str(i): i} for i in range(20000)]; json.loads(json.dumps(d))"
# What programs do besides: objects and methods, text, numbers.
PYTHON_MIXED = """
import json, re
class Point:
    def __init__(self, x, y): self.x, self.y = x, y
    def moved(self, d): return Point(self.x + d, self.y - d)
points = [Point(i, -i) for i in range(2000)]
for _ in range(5): points = [p.moved(3) for p in points]
text = " ".join(f"name{i}=value{i * 7};" for i in range(4000))
found = dict(re.findall(r"(name\\d+)=(value\\d+);", text))
primes = [n for n in range(2, 6000) if all(n % k for k in range(2, int(n ** .5) + 1))]
words = sorted(text.split(), key=str.lower)
json.loads(json.dumps({"points": [(p.x, p.y) for p in points], "found": found, "words": words}))
"""


def run(table):
    with tempfile.TemporaryDirectory(prefix="swansong-bench.", dir="/dev/shm") as directory:
        programs = workloads(directory)
        for name, argv in programs.items():
            table.part(f"instructions, {name}", instructions, name, argv, directory)
        table.part("instructions, redis", redis_instructions, directory)
        # Long enough that the start, which has a row of its own, does not count.
        table.part("time, malloc only", peers, [programs["malloc only, 2,000 live"][0], "8000000", "2000"], directory)
        for name in REAL:
            if name in programs:
                table.part(f"time, {name}", real_time, name, LONGER.get(name, programs[name]), directory)
        table.part("time, redis", redis_time, directory)
        table.part("start", start, directory)
        for live, what in ((100000, "50 MiB"), (2000000, "1 GiB")):
            table.part(f"memory, {what}", memory, [programs["malloc only, 2,000 live"][0], str(live * 2), str(live)], what, directory)


REAL = ("sqlite3", "python3, mixed", "cc1 -O2")
LONGER = {"python3, mixed": ["/usr/bin/python3", "-S", "-c", "for _ in range(10): exec(" + repr(PYTHON_MIXED) + ")"],
          "sqlite3": ["sqlite3", ":memory:", SQL.replace("20000", "200000")]}


def compiled(directory, name, *options):
    """tests/bench/NAME.c, as a program or (-shared) a library."""
    path = os.path.join(directory, name)
    subprocess.run(["cc", "-O2", *options, "-o", path, os.path.join(HERE, name + ".c"), "-lpthread"], check=True)
    return path


def preload_of(directory, name):
    return compiled(directory, name, "-shared", "-fPIC")


def workloads(directory):
    """{name: argv}; those whose program is installed."""
    program = compiled(directory, "malloc_only")
    source = os.path.join(directory, "big.c")
    with open(source, "w", encoding="ascii") as f:
        f.writelines(f"int f{i}(int a, int b) {{ int s = 0; for (int i = 0; i < a; i++) s += i * b ^ {i}; return s; }}\n" for i in range(60))
    found = {"malloc only, 16 live": [program, "1000000", "16"], "malloc only, 2,000 live": [program, "1000000", "2000"],
             "malloc only, 100,000 live": [program, "1000000", "100000"]}
    if shutil.which("sqlite3"):
        found["sqlite3"] = [shutil.which("sqlite3"), ":memory:", SQL]
    if os.path.exists("/usr/bin/python3"):
        found["python3, mixed"] = ["/usr/bin/python3", "-S", "-c", PYTHON_MIXED]
        found["python3, small dicts"] = ["/usr/bin/python3", "-S", "-c", PYTHON_JSON]
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


def collected(err):
    return int(re.search(r"Collected : (\d+)", err).group(1))


CALLGRIND = ("--tool=callgrind", "--callgrind-out-file=/dev/null")


def count(argv, env):
    """Instructions in user space of one run."""
    done = subprocess.run([need("valgrind"), *CALLGRIND, *argv], env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          check=True)
    return collected(done.stderr)


def instruction_rows(table, name, measure, directory, preload=()):
    base = measure(environment(directory, preload=preload))
    bare = measure(environment(directory, preload=[preload_of(directory, "bare_interposer"), *preload])) / base
    table.row(f"instructions, {name}, passed on and no more", f"{bare:.4f}x", f"{base / 1e6:.0f} M alone", f"{bare:.3f}x")
    for options, goal in (("", 1.08 if name.startswith("malloc") else 1.01), ("sample=64K", 1.12 if name.startswith("malloc") else 1.02)):
        ratio = measure(environment(directory, options, preload)) / base
        table.row(f"instructions, {name}, {options or 'default'}", f"{ratio:.4f}x", f"{base / 1e6:.0f} M alone", f"{ratio:.3f}x",
                  f"<= {goal}", ratio <= goal)


def instructions(table, name, argv, directory):
    instruction_rows(table, name, lambda env: count(argv, env), directory)


class Redis:
    """A server on a socket of its own, with nothing that happens by the clock."""

    def __init__(self, directory, env, before=()):
        self.socket = os.path.join(directory, "redis.sock")
        self.process = subprocess.Popen([*before, need("redis-server"), "--port", "0", "--unixsocket", self.socket, "--save", "", "--hz", "1",
                                         "--dir", directory, "--latency-tracking", "no", "--activerehashing", "no"],
                                        env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        end = time.monotonic() + 60
        while subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        subprocess.run(["redis-cli", "-s", self.socket, "shutdown", "nosave"], capture_output=True, check=False)
        self.err = self.process.communicate(timeout=60)[1]

    def load_same(self, requests):
        """The same requests each time, 16 at once."""
        chance = random.Random(1)
        value = b"x" * 200

        def request():
            key, field = (b"key:%d" % chance.randrange(10000) for _ in range(2))
            return chance.choice([(b"SET", key, value), (b"GET", key), (b"LPUSH", b"list", value), (b"HSET", b"hash", field, value)])

        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            with s.makefile("rb") as replies:
                for _ in range(requests // 16):
                    words = [request() for _ in range(16)]
                    s.sendall(b"".join(b"*%d\r\n" % len(w) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in w) for w in words))
                    for _ in words:
                        line = replies.readline()
                        if line.startswith(b"$") and line != b"$-1\r\n":
                            replies.read(int(line[1:]) + 2)

    def load(self, requests):
        subprocess.run([need("redis-benchmark"), "-s", self.socket, "-q", "-n", str(requests), "-c", "1", "-P", "16", "-d", "200", "-r", "10000",
                        "-t", "set,get,lpush,hset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


# Debian's redis is linked with jemalloc; with libc in front of it, its blocks are glibc's.
def redis_allocators():
    return {"jemalloc": (), "glibc": tuple(filter(None, [library("libc.so.6")]))}


def redis_instructions(table, directory):
    def once(env):
        server = Redis(directory, env, (need("valgrind"), *CALLGRIND))
        with server:
            server.load_same(80000)
        return collected(server.err)

    # What it does by the clock differs, by less than a thousandth.
    def measure(env):
        return median(once(env) for _ in range(3))

    # Its hash tables would have another seed each time: half a percent.
    seed = preload_of(directory, "fixed_seed")
    for name, preload in redis_allocators().items():
        instruction_rows(table, f"redis, {name}", measure, directory, [*preload, seed])


def redis_time(table, directory):
    def seconds(env):
        server = Redis(directory, env)
        with server:
            server.load(100000)
        return server.cpu_s

    for name, preload in redis_allocators().items():
        t = interleaved(alone=lambda: seconds(environment(directory, preload=preload)),
                        agent=lambda: seconds(environment(directory, "", preload)))
        table.row(f"CPU time, redis, {name}", ms(t["agent"] * 1e3), f"{ms(t['alone'] * 1e3)} alone", f"{t['agent'] / t['alone']:.3f}x",
                  "<= 1.01", t["agent"] <= 1.01 * t["alone"])


def real_time(table, name, argv, directory):
    """A program of the real world."""
    measures = {"alone": lambda: cpu_ms(argv, env=environment(directory)), "agent": lambda: cpu_ms(argv, env=environment(directory, ""))}
    t = interleaved(**measures)
    ratio = t["agent"] / t["alone"]
    table.row(f"CPU time, {name}", ms(t["agent"]), f"{ms(t['alone'])} alone", f"{ratio:.3f}x", "<= 1.01", ratio <= 1.01)


def library(*names):
    for name in names:
        for directory in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"):
            if os.path.exists(os.path.join(directory, name)):
                return os.path.join(directory, name)
    return None


def peers(table, argv, directory):
    """Each over the allocator that it comes with."""
    def timed(**env):
        return lambda: cpu_ms(argv, env=env["env"])

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
        measures["heaptrack"] = lambda: cpu_ms(["heaptrack", "-o", out, *argv], env=environment(directory))
    t = interleaved(**measures)
    agent = t["agent"] / t["alone"]
    table.row("CPU time, malloc only, default", ms(t["agent"]), f"{ms(t['alone'])} alone", times(agent), "<= 1.08", agent <= 1.08)
    table.row("CPU time, malloc only, sample=64K", ms(t["agent_fine"]), f"{ms(t['alone'])} alone", times(t["agent_fine"] / t["alone"]), "<= 1.12",
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
    t = interleaved(alone=lambda: cpu_ms(loop, env=alone) / 100, agent=lambda: cpu_ms(loop, env=with_agent) / 100)
    more = t["agent"] - t["alone"]
    table.row("start of /bin/true, CPU time", ms(t["agent"]), f"{ms(t['alone'])} alone", f"+{ms(more)}", "<= +0.5 ms", more <= 0.5)


def memory(table, argv, what, directory):
    if not os.path.exists("/usr/bin/env"):
        raise Skip("no env")
    agent = environment(directory, "")
    variables = [f"{name}={agent[name]}" for name in ("LD_PRELOAD", "SWANSONG_OPTIONS")]
    ours, alone = peak_rss_mib(["/usr/bin/env", *variables, *argv]), peak_rss_mib(argv)
    table.row(f"peak RSS, a heap of {what}", f"{ours:.1f} MiB", f"{alone:.1f} MiB alone", f"+{ours - alone:.1f} MiB", "<= +5 MiB", ours - alone <= 5)
