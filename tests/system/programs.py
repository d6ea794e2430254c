# SPDX-License-Identifier: MIT
"""Real programs, started for a test and idle by the time that they are handed out.

    with program("redis", build) as pid: ...

Each runs in a directory of its own and is ended, with its children, when the test is done with it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class NotHere(Exception):
    """The program is not installed, or was not built."""


def need(*names):
    for name in names:
        path = name if os.path.isabs(name) else shutil.which(name)
        if path and os.path.exists(path):
            return path
    raise NotHere(names[0])


def wait(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"after {seconds} s still not: {what}")


def idle(pid):
    """No thread is running, or about to."""
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8", errors="replace") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "S":
                    return False
    except OSError:
        return False
    return True


def settled(pid):
    wait(f"{pid} sleeps", lambda: all(idle(pid) or time.sleep(0.01) for _ in range(5)))
    return pid


def answers(path):
    def connects():
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(path) == 0
    return connects


@contextlib.contextmanager
def running(argv, directory, **kwargs):
    """A process in a session of its own, which is ended as a whole."""
    log = os.path.join(directory, "log")
    with open(log, "wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory,
                                   start_new_session=True, **kwargs)
    try:
        yield process, log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def ready_program(argv, directory):
    """One that says "ready"."""
    with running(argv, directory) as (process, log):
        def said():
            with open(log, "rb") as f:
                return b"ready" in f.read() or process.poll() is not None
        wait(f"{argv[0]} is ready", said)
        yield settled(process.pid)


@contextlib.contextmanager
def redis(directory, _build):
    path = os.path.join(directory, "redis.sock")
    argv = [need("redis-server"), "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory, "--io-threads", "4"]
    with running(argv, directory) as (process, _):
        wait("redis answers", answers(path))
        yield settled(process.pid)


def postgres_binaries():
    for root in sorted(os.listdir("/usr/lib/postgresql"), reverse=True) if os.path.isdir("/usr/lib/postgresql") else []:
        directory = f"/usr/lib/postgresql/{root}/bin"
        if os.path.exists(f"{directory}/initdb"):
            return directory
    raise NotHere("initdb")


@contextlib.contextmanager
def postgres_server(directory):
    """(process, its log).  The server refuses to run as root."""
    binaries = postgres_binaries()
    options = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(directory, user.pw_uid, user.pw_gid)
        options = {"user": user.pw_uid, "group": user.pw_gid}
    data = os.path.join(directory, "data")
    subprocess.run([f"{binaries}/initdb", "-D", data, "--no-sync", "-A", "trust", "-U", "postgres"], cwd=directory, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    argv = [f"{binaries}/postgres", "-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off",
            "-c", "dynamic_shared_memory_type=mmap"]  # in its own directory: one that is killed leaves nothing in /dev/shm
    with running(argv, directory, **options) as (process, log):
        wait("postgres answers", answers(os.path.join(directory, ".s.PGSQL.5432")))
        wait("postgres is up", lambda: subprocess.run(psql(directory) + ["-c", "select 1"], stdin=subprocess.DEVNULL,
                                                      capture_output=True, check=False).returncode == 0)
        yield process, log


def psql(directory):
    return [need("psql"), "-h", directory, "-U", "postgres", "-At"]


@contextlib.contextmanager
def postgres(directory, _build):
    """A backend that waits for its client."""
    with postgres_server(directory), subprocess.Popen(psql(directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        try:
            session.stdin.write("select pg_backend_pid();\n")
            session.stdin.flush()
            yield settled(int(session.stdout.readline()))
        finally:
            session.kill()


NGINX_CONF = """
daemon off; master_process on; worker_processes 1; pid {0}/pid; error_log {0}/error.log;
{1}
events {{}}
http {{ access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
        uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
        server {{ listen unix:{0}/nginx.sock; location / {{ return 200 "hello"; }} }} }}
"""


@contextlib.contextmanager
def nginx(directory, _build):
    """Its worker."""
    conf = os.path.join(directory, "nginx.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(NGINX_CONF.format(directory, "user root;" if os.geteuid() == 0 else ""))
    with running([need("nginx", "/usr/sbin/nginx"), "-c", conf, "-p", directory], directory) as (process, _):
        wait("nginx answers", answers(os.path.join(directory, "nginx.sock")))
        children = f"/proc/{process.pid}/task/{process.pid}/children"

        def worker():
            with open(children, encoding="ascii") as f:
                return f.read().split()
        yield settled(int(wait("nginx has a worker", worker)[0]))


PYTHON = """
import re, threading, time
def wait(n, event):
    if n: return wait(n - 1, event)
    event.wait()
event = threading.Event()
for i in range(4): threading.Thread(target=wait, args=(i * 5, event), daemon=True).start()
print("ready", flush=True)
sorted([1], key=lambda x: time.sleep(100000))
"""


def python(directory, _build):
    return ready_program([need("/usr/bin/python3", "python3"), "-c", PYTHON], directory)


def node(directory, _build):
    script = "setInterval(() => {}, 1e6); console.log('ready')"
    return ready_program([need("node"), "-e", script], directory)


def victim(name, *args):
    def start(directory, build):
        return ready_program([need(os.path.join(os.path.abspath(build), "victims", name)), *args], directory)
    return start


PROGRAMS = {
    "redis": redis,
    "postgres": postgres,
    "nginx": nginx,
    "python3": python,
    "node": node,
    "C++": victim("inlines"),
    "Go": victim("goroutines"),
    "C, in a signal handler": victim("handler"),
    "C": victim("threads", "8", "park"),
    "C, static": victim("threads-static", "8", "park"),
    "C, static-pie": victim("threads-static-pie", "8", "park"),
    "C, stripped": victim("threads-stripped", "8", "park"),
    "C, -fomit-frame-pointer": victim("threads-omit-frame-pointer", "8", "park"),
    "C, frame pointers and no CFI": victim("threads-frame-pointer-only", "8", "park"),
}


@contextlib.contextmanager
def program(name, build):
    directory = tempfile.mkdtemp(prefix="swansong-program.")
    try:
        with PROGRAMS[name](directory, build) as pid:
            yield pid
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def each_program(build, without=()):
    """(name, pid) of each that can be started here; says which cannot."""
    for name in PROGRAMS:
        if name in without:
            continue
        try:
            with program(name, build) as pid:
                yield name, pid
        except NotHere as what:
            print(f"{name}: not compared: {what} is not here", flush=True)
