# SPDX-License-Identifier: MIT
"""Real servers under load, each of which keeps something for ever, and clients that count what they sent and what was answered.

    with served("redis", build) as server:
        server.pid                  # whom to look at
        server.leaks                # a part of the name of a function that leaks, None: it does not
        server.parent               # of a process that was forked: the Served that did, under the same load
        server.end()                # the clients have come to their end: (sent, answered, failed, first error)

tests/system/test_under_load.py has a few seconds of each, tests/bench/load.py minutes.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from .programs import NGINX_CONF, answers, need, postgres_server, running, settled, wait

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load_client.py")


class Clients:
    """load_client.py: it asks until it is told to end."""

    def __init__(self, *argv, connections=4, grow_every=8):
        self.process = subprocess.Popen([sys.executable, CLIENT, *argv, str(connections), str(grow_every)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()
        if self.first != "asking\n":
            wait("the clients ask", lambda: self.process.stdout.readline() == "asking\n")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.process.terminate()
        sent, answered, failed, *error = self.process.communicate(timeout=120)[0].strip().splitlines()[-1].split(maxsplit=3)
        return int(sent), int(answered), int(failed), " ".join(error)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Slices(threading.Thread):
    """A load generator that runs for a second or two, again and again: its own counts, added up."""

    def __init__(self, argv, count):
        super().__init__(daemon=True)
        self.argv, self.count, self.stop = argv, count, threading.Event()
        self.sent = self.answered = self.failed = 0
        self.error = ""
        self.start()

    def run(self):
        number = 0
        while not self.stop.is_set() or not number:
            done = subprocess.run(self.argv(number), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            sent, answered = self.count(done.stdout)
            self.sent, self.answered = self.sent + sent, self.answered + answered
            if done.returncode or sent != answered or not sent:
                self.failed += max(1, sent - answered)
                self.error = self.error or f"status {done.returncode}: {done.stderr.strip()[-200:]}"
            number += 1

    def pause(self):
        """It has connections of its own, and stays."""

    resume = pause

    def end(self):
        self.stop.set()
        self.join()
        return self.sent, self.answered, self.failed, self.error

    def close(self):
        self.end()


class Served:
    def __init__(self, pid, clients, leaks=None):
        self.pid, self.clients, self.leaks, self.parent = pid, clients, leaks, None

    @contextlib.contextmanager
    def quiet(self):
        """Nobody asks."""
        for clients in self.clients:
            clients.pause()
        try:
            yield settled(self.pid)
        finally:
            for clients in self.clients:
                clients.resume()

    def end(self):
        """Sums over all clients."""
        ends = [clients.end() for clients in self.clients]
        return *(sum(end[i] for end in ends) for i in range(3)), next((end[3] for end in ends if end[3]), "")


@contextlib.contextmanager
def closing(server):
    try:
        yield server
    finally:
        for each in server.clients:
            each.close()


@contextlib.contextmanager
def listening(argv, directory, protocol, leaks, **kwargs):
    """A server on a socket of the directory, and its clients."""
    path = os.path.join(directory, "socket")
    with running([*argv, path], directory, **kwargs) as (process, _):
        wait("it answers", answers(path))
        with closing(Served(process.pid, [Clients(protocol, path)], leaks)) as server:
            yield server


def redis_argv(directory):
    return [need("redis-server"), "--port", "0", "--save", "", "--dir", directory, "--unixsocket"]


def redis(directory, _build):
    return listening(redis_argv(directory), directory, "redis", "sds")


def redis_with_libcs_malloc(directory, _build):
    libc = next(path for path in ("/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6")
                if os.path.exists(path))
    return listening(redis_argv(directory), directory, "redis", "sds", env=dict(os.environ, LD_PRELOAD=libc))


def cxx(directory, build):
    return listening([need(os.path.join(os.path.abspath(build), "victims", "ledger"))], directory, "lines", "ledger::Book::remember_entry")


PYTHON = """
import http.server, socketserver, sys
kept = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/keep":
            kept.append(bytearray(4000))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *_):
        pass
    def address_string(self):
        return ""
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
Server(sys.argv[1], Handler).serve_forever()
"""


def python(directory, _build):
    return listening([need("/usr/bin/python3", "python3"), "-c", PYTHON], directory, "http", "PyByteArray_Resize",
                     env=dict(os.environ, PYTHONMALLOC="malloc"))


NODE = """
const kept = [];
require("http").createServer((request, response) => {
    if (request.url == "/keep")
        kept.push(Buffer.alloc(40000));
    response.end("hello");
}).listen(process.argv[1]);
"""


def node(directory, _build):
    return listening([need("node"), "-e", NODE], directory, "http", "node")


@contextlib.contextmanager
def nginx(directory, _build):
    """Its worker."""
    conf = os.path.join(directory, "nginx.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(NGINX_CONF.format(directory, "user root;" if os.geteuid() == 0 else "").replace("{}", "{ }")
                .replace("access_log off;", "access_log off; keepalive_requests 1000000000;"))
    path = os.path.join(directory, "nginx.sock")
    with running([need("nginx", "/usr/sbin/nginx"), "-c", conf, "-p", directory], directory) as (process, _):
        wait("nginx answers", answers(path))
        worker, = wait("nginx has a worker", lambda: children(process.pid))
        with closing(Served(worker, [Clients("http", path)])) as server:
            yield server


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def pgbench(directory):
    """Four clients, 100 transactions each; each second time a connection, and a backend, for each transaction."""
    base = [need("pgbench"), "-h", directory, "-U", "postgres"]
    subprocess.run([*base, "-i", "-q", "postgres"], check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def count(out):
        done = re.search(r"actually processed: (\d+)/(\d+)", out)
        failed = re.search(r"failed transactions: (\d+)", out)
        return (int(done[2]), int(done[1]) - int(failed[1] if failed else 0)) if done else (0, 0)
    return Slices(lambda number: [*base, "-n", "-c", "4", "-t", "100", *(["-C"] if number % 2 else []), "postgres"], count)


class Session(Served):
    """A backend whose client prepares statements and never drops them."""

    def __init__(self, directory):
        self.directory = directory
        sessions = Clients("psql", directory, connections=1, grow_every=2)
        super().__init__(int(sessions.first.split()[1]), [sessions], leaks="PrepareQuery")

    def another(self):
        return Session(self.directory)


@contextlib.contextmanager
def postgres_backend(directory, _build):
    """Beside pgbench."""
    with postgres_server(directory) as (process, _):
        server = Session(directory)
        server.parent = Served(process.pid, [])
        server.clients.append(pgbench(directory))
        with closing(server):
            yield server


@contextlib.contextmanager
def postgres_server_itself(directory, build):
    """The process that forks the backends: each of them begins with the agent in it."""
    with postgres_backend(directory, build) as backend:
        yield Served(backend.parent.pid, backend.clients)


SERVERS = {
    "redis": redis,
    "redis, libc's malloc": redis_with_libcs_malloc,
    "PostgreSQL's backend": postgres_backend,
    "PostgreSQL's server": postgres_server_itself,
    "nginx's worker": nginx,
    "python3": python,
    "node": node,
    "C++": cxx,
}


@contextlib.contextmanager
def served(name, build):
    directory = tempfile.mkdtemp(prefix="swansong-served.")
    os.chmod(directory, 0o755)
    try:
        with SERVERS[name](directory, build) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)
