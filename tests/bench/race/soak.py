# SPDX-License-Identifier: MIT
"""make race-lab ROWS=soak [MINUTES=30]: real servers stay armed under load, beside the same servers that nobody watches.

PostgreSQL under pgbench (every second slice with -C: a process for each transaction) and SIGHUP twice a second; redis under
redis-benchmark, saving in the background; a server with a thread per connection that counts its signals. Both of a kind run at the
same time under the same load, so that whatever else the machine does is the same for both. What is compared: the clients' errors and
work done, the server's log by kinds of line, and whether every thread stayed attended.
"""

import collections
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tests.bench.watching import cpu_s, own_pids, rss_mib
from tests.system.harness import SWANSONG, thread_states, tids, wait_until
from tests.system.programs import answers, need, postgres_server, running

from . import groups

MINUTES = float(os.environ.get("MINUTES", "30"))
SLICE_S = 20
LIMIT_MIB = 2048
REQUESTS = 5000    # of each kind in one redis-benchmark

# A thread for each connection; a line is answered in capitals, "signals" with how many SIGUSR1 came.
SERVER = """
import signal, socketserver, sys
seen = 0
def count(*_):
    global seen
    seen += 1
signal.signal(signal.SIGUSR1, count)
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d\\n" % seen if line == b"signals\\n" else line.upper())
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
Server(sys.argv[1], Handler).serve_forever()
"""

# Connects anew for each request; says how many were answered rightly, and the first error.
CLIENT = """
import socket, sys, time
end, n, errors = time.monotonic() + float(sys.argv[2]), 0, []
while time.monotonic() < end:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(sys.argv[1])
            s.sendall(b"hello %d\\n" % n)
            if s.recv(64) != b"HELLO %d\\n" % n:
                raise OSError("wrong answer")
        n += 1
    except OSError as e:
        errors.append(str(e))
print(n, len(errors), *errors[:1])
"""


class Side:
    """One of each server, in a memory group of their own; armed or not."""

    def __init__(self, name, stack):
        self.name, self.done, self.errors = name, collections.Counter(), []
        self.signals = 0
        self.dir = tempfile.mkdtemp(prefix=f"swansong-soak-{name}.")
        os.chmod(self.dir, 0o755)
        stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.group = groups.Group(f"{os.getpid()}.{len(name)}", LIMIT_MIB)
        stack.callback(self.group.remove)
        self.postgres, self.postgres_log = stack.enter_context(postgres_server(self.sub("postgres")))
        self.postgres_dir = os.path.join(self.dir, "postgres")
        self.pgbench("-i", "-q", "-s", "5")
        path = os.path.join(self.sub("redis"), "redis.sock")
        self.redis_socket = path
        argv = [need("redis-server"), "--port", "0", "--unixsocket", path, "--dir", os.path.dirname(path), "--save", "10 1000"]
        self.redis, self.redis_log = stack.enter_context(running(argv, os.path.dirname(path)))
        self.threads_socket = os.path.join(self.sub("threads"), "socket")
        self.threads, self.threads_log = stack.enter_context(
            running([sys.executable, "-c", SERVER, self.threads_socket], os.path.dirname(self.threads_socket)))
        for server in (self.postgres, self.redis, self.threads):
            for pid in [server.pid, *children(server.pid)]:
                with contextlib.suppress(ProcessLookupError):    # one that postgres needed for a moment
                    groups.write(os.path.join(self.group.path, "cgroup.procs"), pid)
        wait_until("all answer", lambda: answers(self.redis_socket)() and answers(self.threads_socket)())

    def sub(self, name):
        path = os.path.join(self.dir, name)
        os.mkdir(path)
        return path

    def run(self, what, argv):
        """A client to its end; its output.  A status, or a word on stderr, that speaks of trouble is kept."""
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        trouble = [line for line in done.stderr.splitlines() if re.search("error|fatal|fail|abort|lost|refused", line, re.I)]
        if done.returncode or trouble:
            self.errors.append(f"{what}: status {done.returncode}: {' '.join(trouble[:2])}")
        return done.stdout

    def pgbench(self, *options):
        return self.run("pgbench", [need("pgbench"), "-h", self.postgres_dir, "-U", "postgres", *options, "postgres"])

    def load_postgres(self, slice_number):
        what = "pgbench -C" if slice_number % 2 else "pgbench"
        out = self.pgbench("-n", "-c", "4", "-T", str(SLICE_S), *(["-C"] if slice_number % 2 else []))
        self.done[what] += int(re.search(r"actually processed: (\d+)", out)[1]) if "actually processed" in out else 0
        failed = re.search(r"failed transactions: (\d+)", out)
        if failed and int(failed[1]):
            self.errors.append(f"{what}: {failed[1]} failed transactions")

    def load_redis(self, _):
        end = time.monotonic() + SLICE_S
        while time.monotonic() < end:
            out = self.run("redis-benchmark", [need("redis-benchmark"), "-s", self.redis_socket, "-n", str(REQUESTS), "-c", "20", "-q",
                                               "-r", "100000", "-t", "set,get,incr,lpush,zadd"])
            self.done["redis-benchmark"] += REQUESTS * len(re.findall(r"requests per second", out))

    def load_threads(self, _):
        answered, errors, *first = self.run("threads", [sys.executable, "-c", CLIENT, self.threads_socket, str(SLICE_S)]).split(maxsplit=2)
        self.done["thread per request"] += int(answered)
        if int(errors):
            self.errors.append(f"threads: {errors} errors: {first}")

    def signal(self):
        self.postgres.send_signal(signal.SIGHUP)
        self.threads.send_signal(signal.SIGUSR1)
        self.signals += 1

    def signals_seen(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.threads_socket)
            s.sendall(b"signals\n")
            return int(s.recv(64))

    def log_kinds(self):
        """How often each kind of line stands in the servers' logs: without their times, PIDs and numbers."""
        kinds = collections.Counter()
        for log in (self.postgres_log, self.redis_log, self.threads_log):
            with open(log, encoding="utf-8", errors="replace") as f:
                for line in f:
                    line = line.replace(self.dir, "DIRECTORY")
                    kinds[re.sub(r"\b[A-Z][a-z]{2}\b|\bUTC\b", "", re.sub(r"[0-9][0-9A-F./:]*", "#", line)).strip()[:120]] += 1
        return kinds


def children(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]
    return []


class Attendance(threading.Thread):
    """Looks each second whether every process of the group that was there a second before is attended, all threads of it."""

    def __init__(self, group, watcher):
        super().__init__(daemon=True)
        self.group, self.watcher, self.end = group, watcher, threading.Event()
        self.looks = self.threads = self.unattended = 0
        self.last = []

    def run(self):
        before = set()
        while not self.end.wait(1):
            with open(os.path.join(self.group.path, "cgroup.procs"), encoding="ascii") as f:
                now = {int(pid) for pid in f.read().split()}
            old = {pid: set(tids(pid)) for pid in now & before}
            for pid in old:
                for tid, (state, tracer) in thread_states(pid).items():
                    if tid in old[pid] and state not in "ZX":
                        self.threads += 1
                        if not tracer:
                            self.unattended += 1
                            self.last = [pid, tid]
            self.looks += 1
            before = now


def usage_of(pid):
    """RSS in MiB, open files, CPU seconds, of the watcher and all that it started."""
    files = 0
    for p in own_pids(pid):
        with contextlib.suppress(OSError):
            files += len(os.listdir(f"/proc/{p}/fd"))
    return rss_mib(pid), files, cpu_s(pid)


def load(sides, seconds):
    """All clients of both sides at once, slice by slice; signals in between."""
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        workers = [threading.Thread(target=work, args=(number,)) for side in sides
                   for work in (side.load_postgres, side.load_redis, side.load_threads)]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            for side in sides:
                side.signal()
            time.sleep(0.5)
        number += 1
    return number


def report(armed, alone, attendance, begin, end, minutes):
    print(f"armed for {minutes:.0f} minutes, beside the same unarmed and under the same load")
    print(f"{'work done':<22} {'armed':>12} {'unarmed':>12} {'ratio':>7}")
    for what in armed.done:
        print(f"{what:<22} {armed.done[what]:>12} {alone.done[what]:>12} {armed.done[what] / max(1, alone.done[what]):>7.3f}")
    print(f"{'signals sent':<22} {armed.signals:>12} {alone.signals:>12}")
    print(f"{'signals counted':<22} {armed.signals_seen():>12} {alone.signals_seen():>12}")
    print(f"{'errors of clients':<22} {len(armed.errors):>12} {len(alone.errors):>12}")
    print(f"threads looked at: {attendance.threads} in {attendance.looks} looks, {attendance.unattended} of them not attended")
    print(f"the watcher: RSS {begin[0]:.1f} -> {end[0]:.1f} MiB, open files {begin[1]} -> {end[1]}, CPU {100 * (end[2] - begin[2]) / minutes / 60:.2f} %")
    only = {"armed": armed.log_kinds().keys() - alone.log_kinds().keys(), "unarmed": alone.log_kinds().keys() - armed.log_kinds().keys()}
    print(f"kinds of log lines: {len(armed.log_kinds())} armed, {len(alone.log_kinds())} unarmed, in one of them only: {sum(map(len, only.values()))}")
    for name, kinds in only.items():
        for kind in sorted(kinds):
            print(f"  {name} only: {kind}")
    for side in (armed, alone):
        for error in sorted(set(side.errors))[:10]:
            print(f"  {side.name}: {error}")
    return not armed.errors and not only["armed"] and not attendance.unattended


def run():
    os.nice(5)    # whoever else works on this machine comes first, before both sides alike
    with contextlib.ExitStack() as stack:
        alone = Side("unarmed", stack)
        armed = Side("armed", stack)
        errors = stack.enter_context(open(os.path.join(armed.dir, "watch.err"), "w+", encoding="utf-8"))
        watcher = subprocess.Popen([SWANSONG, "watch", "--group", armed.group.path, "--arm", "always", "-o", armed.dir, "--no-report"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
        stack.callback(watcher.wait)
        stack.callback(watcher.kill)
        wait_until("the servers are attended", lambda: all(tracer for server in (armed.postgres, armed.redis, armed.threads)
                                                           for _, tracer in thread_states(server.pid).values()))
        attendance = Attendance(armed.group, watcher)
        attendance.start()
        load((alone, armed), SLICE_S / 2)    # not counted: caches fill
        for side in (alone, armed):
            side.done.clear()
        begin, start = usage_of(watcher.pid), time.monotonic()
        load((alone, armed), MINUTES * 60)
        end, minutes = usage_of(watcher.pid), (time.monotonic() - start) / 60
        attendance.end.set()
        attendance.join()
        good = report(armed, alone, attendance, begin, end, minutes) and watcher.poll() is None
        watcher.terminate()
        out, _ = watcher.communicate(timeout=60)
        if out:
            print(f"bundles that nobody wanted: {out}")
        return 0 if good and not out else 1
