# SPDX-License-Identifier: MIT
"""Real servers under load: dumped again and again, every stack complete, no client sees an error, gdb says the same.

The programs are started by programs.py, on unix sockets in directories of their own; each under the load that it is
made for.  gdb reads the bundle's core, which is the same instant for both; the idle processes are compared live.
"""

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import unittest

from tests.system import programs
from tests.system.harness import BUILD, SwansongTest, wait_until

DUMPS = 10
AGREEMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "gdb-agreement.py")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Clients:
    """Threads that ask until told to stop; an error of any of them is the test's."""

    def __init__(self, n, session):
        self.session, self.stop, self.answers, self.errors = session, threading.Event(), [0] * n, []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]

    def run(self, i):
        try:
            with self.session() as ask:
                while not self.stop.is_set():
                    ask()
                    self.answers[i] += 1
        except Exception as error:  # whatever it is, the client saw it: the test reports it
            self.errors.append(f"{type(error).__name__}: {error}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@contextlib.contextmanager
def redis_session(path):
    with socket.socket(socket.AF_UNIX) as s, contextlib.ExitStack() as files:
        s.settimeout(60)
        s.connect(path)
        reader = files.enter_context(s.makefile("rb"))

        def ask():
            s.sendall(b"INCR counter\r\nLPUSH list %s\r\nLTRIM list 0 99\r\nSORT list ALPHA LIMIT 0 1\r\n" % os.urandom(8).hex().encode())
            for kind in b"::+*":
                line = reader.readline()
                assert line[:1] == bytes([kind]), line
            reader.readline()
            reader.readline()
        yield ask


@contextlib.contextmanager
def nginx_session(path):
    connection = UnixConnection(path)

    def ask():
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, body) == (200, b"hello"), (answer.status, body)
    try:
        yield ask
    finally:
        connection.close()


class RealPrograms(SwansongTest):
    def start(self, name):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        try:
            pid = stack.enter_context(programs.program(name, BUILD))
        except programs.NotHere as what:
            self.skipTest(f"{what} is not installed")
        return pid

    def directory(self, pid):
        return os.path.realpath(f"/proc/{pid}/cwd")

    def dump_repeatedly(self, pid):
        """DUMPS dumps, all of them complete: every thread was stopped, every stack reaches its root."""
        for _ in range(DUMPS):
            bundle = self.dump(pid, "--no-lines")
            threads = self.report(bundle)["threads"]
            self.assertEqual({t["captured"] for t in threads}, {"stopped"})
            short = [(t["tid"], t["comm"], t["reason"], [f["function"] for f in t["frames"]]) for t in threads if not t["complete"]]
            self.assertEqual(short, [], "stacks that do not reach their roots")
            shutil.rmtree(bundle)
        self.assert_unharmed(pid)

    def agree(self, pid, *args):
        if not shutil.which("gdb"):
            self.skipTest("gdb is not installed")
        done = subprocess.run([sys.executable, AGREEMENT, "--build", BUILD, *args, str(pid)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=200)
        print(" ".join(args), done.stdout.strip().rsplit("\n", 1)[-1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def under_load(self, pid, session, clients=4):
        with Clients(clients, session) as load:
            wait_until("every client has an answer", lambda: all(load.answers) or load.errors)
            before = list(load.answers)
            self.dump_repeatedly(pid)
            for _ in range(3):
                self.agree(pid, "--core")
            wait_until("every client goes on", lambda: load.errors or all(a > b for a, b in zip(load.answers, before)))
        self.assertEqual(load.errors, [])
        print(f"{sum(load.answers)} answers, no error")


class Redis(RealPrograms):
    def test_idle_agrees_with_live_gdb(self):
        self.agree(self.start("redis"))

    def test_under_load(self):
        pid = self.start("redis")
        self.under_load(pid, lambda: redis_session(os.path.join(self.directory(pid), "redis.sock")))

    def test_under_redis_benchmark(self):
        if not shutil.which("redis-benchmark"):
            self.skipTest("redis-benchmark is not installed")
        pid = self.start("redis")
        load = self.spawn(["redis-benchmark", "-s", os.path.join(self.directory(pid), "redis.sock"), "-q", "-l", "-c", "20", "-P", "4",
                           "-t", "set,get,lpush,zadd,mset"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self.dump_repeatedly(pid)
        self.assertIsNone(load.poll(), "redis-benchmark gave up")
        load.terminate()
        self.assertEqual(load.stderr.read(), b"")


class Postgres(RealPrograms):
    def test_an_idle_backend_agrees_with_live_gdb(self):
        self.agree(self.start("postgres"))

    def test_a_backend_under_load(self):
        """Its own client asks, one query at a time; the others are pgbench's."""
        idle = self.start("postgres")
        where = os.path.dirname(self.directory(idle))
        connect = ["-h", where, "-U", "postgres"]
        pgbench = shutil.which("pgbench") or os.path.join(programs.postgres_binaries(), "pgbench")
        if not os.path.exists(pgbench):
            self.skipTest("pgbench is not installed")
        subprocess.run([pgbench, *connect, "-i", "-q", "postgres"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        load = self.spawn([pgbench, *connect, "-c", "3", "-T", "600", "-M", "prepared", "postgres"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def busy():
            with open(f"{where}/data/postmaster.pid", encoding="ascii") as f:
                server = int(f.readline())
            with open(f"/proc/{server}/task/{server}/children", encoding="ascii") as f:
                children = f.read().split()
            return [int(pid) for pid in children if int(pid) != idle and b"[local]" in cmdline(pid)]
        backend = wait_until("pgbench has its backends", lambda: len(busy()) == 3 and busy())[0]
        self.dump_repeatedly(backend)
        self.dump_repeatedly(idle)
        for _ in range(3):
            self.agree(backend, "--core")
        self.assertIsNone(load.poll(), "pgbench gave up")
        load.send_signal(2)  # it prints what it did
        said, complaint = load.communicate(timeout=60)
        self.assertNotRegex(complaint.decode(), "(?i)error|aborted|failed")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read()
    except OSError:
        return b""


class Nginx(RealPrograms):
    def test_idle_agrees_with_live_gdb(self):
        self.agree(self.start("nginx"))

    def test_its_worker_under_load(self):
        pid = self.start("nginx")
        self.under_load(pid, lambda: nginx_session(os.path.join(self.directory(pid), "nginx.sock")))


class Runtimes(RealPrograms):
    def working(self, argv):
        """A program that says "ready", works, and says "wrong" when its work was."""
        process = self.spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def ended_right(self, process):
        process.terminate()
        said = process.stdout.read()
        process.wait()
        self.assertEqual(said, b"")

    def test_python_with_20_threads(self):
        script = ("import threading, time\n"
                  "def work(n, i):\n"
                  "    if n: return work(n - 1, i)\n"
                  "    while True:\n"
                  "        if sum(range(2000)) != 1999000: print('wrong', flush=True)\n"
                  "        if i % 2: time.sleep(0.01)\n"
                  "for i in range(20): threading.Thread(target=work, args=(i % 7, i), daemon=True).start()\n"
                  "print('ready', flush=True)\n"
                  "threading.Event().wait()\n")
        process = self.working([programs.need("/usr/bin/python3", "python3"), "-c", script])
        self.dump_repeatedly(process.pid)
        self.agree(process.pid, "--core")
        self.ended_right(process)

    def test_python_idle_agrees_with_live_gdb(self):
        self.agree(self.start("python3"))

    def test_node(self):
        """Complete under load; compared with gdb while no thread is in JIT code, which gdb cannot unwind."""
        if not shutil.which("node"):
            self.skipTest("node is not installed")
        script = ("const work = () => { const a = []; for (let i = 0; i < 20000; i++) a.push({i}); a.sort((x, y) => y.i - x.i);"
                  "if (a[0].i !== 19999) console.log('wrong'); setImmediate(work); }; console.log('ready'); work();")
        process = self.working(["node", "-e", script])
        self.dump_repeatedly(process.pid)
        self.ended_right(process)
        self.agree(self.start("node"))

    def test_go(self):
        pid = self.start("Go")
        self.dump_repeatedly(pid)
        self.agree(pid)
        self.agree(pid, "--core")

    def test_a_cpp_service_that_leaks(self):
        process = self.spawn([programs.need(os.path.join(BUILD, "victims", "leak")), "20"], stdout=subprocess.PIPE)
        process.stdout.readline()
        self.dump_repeatedly(process.pid)
        for _ in range(3):
            self.agree(process.pid, "--core")


if __name__ == "__main__":
    unittest.main()
