# SPDX-License-Identifier: MIT
"""A client that misses nothing: python3 load_client.py PROTOCOL SOCKET CONNECTIONS GROW_EVERY

Asks without a break over so many connections, each request when the one before is answered; every GROW_EVERYth makes the server keep
something for ever.  SIGTERM ends it: what is on its way is waited for, then it prints "SENT ANSWERED FAILED ERROR".  Answered is what
was answered rightly; a connection that breaks, or says nothing for 60 s, is a failure, and is not made anew.
"""

import re
import select
import signal
import socket
import subprocess
import sys
import threading

PATIENCE_S = 60


class Stream:
    """A connection, read by lines or bytes."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise OSError("connection closed")
        return line.rstrip(b"\r\n")


class Lines:
    """"keep N" or "ask N", answered by "ok N"."""

    def __init__(self, path, _):
        self.stream = Stream(path)

    def ask(self, number, grow):
        self.stream.send(b"%s %d\n" % (b"keep" if grow else b"ask", number))
        return self.stream.line() == b"ok %d" % number


class Http:
    """GET /keep or /, kept alive, answered by 200 and "hello"."""

    def __init__(self, path, _):
        self.stream = Stream(path)

    def ask(self, _number, grow):
        self.stream.send(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"keep" if grow else b""))
        status, length = self.stream.line(), 0
        for line in iter(self.stream.line, b""):
            found = re.match(rb"content-length: *(\d+)$", line, re.I)
            length = int(found.group(1)) if found else length
        return status.split()[1:2] == [b"200"] and self.stream.file.read(length) == b"hello"


class Redis:
    """A key that never came before, or one that all connections write and read."""
    VALUE = b"v" * 4000

    def __init__(self, path, name):
        self.stream, self.name = Stream(path), name

    def ask(self, number, grow):
        key = b"kept:%d:%d" % (self.name, number) if grow else b"shared:%d" % (number % 16)
        if grow or number % 2:
            self.stream.send(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(self.VALUE), self.VALUE))
            return self.stream.line() == b"+OK"
        self.stream.send(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
        length = int(self.stream.line()[1:])
        return length == -1 or self.stream.file.read(length + 2) == self.VALUE + b"\r\n"


class Psql:
    """A session that prepares statements and forgets to drop them; its first answer is its backend's PID, printed at once."""

    def __init__(self, path, _):
        self.psql = subprocess.Popen(["psql", "-h", path, "-U", "postgres", "-Atq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     start_new_session=True)
        print("backend", self.say(b"select pg_backend_pid()"), flush=True)

    def say(self, statement):
        self.psql.stdin.write(statement + b";\n")
        self.psql.stdin.flush()
        if not select.select([self.psql.stdout], [], [], PATIENCE_S)[0]:
            raise OSError("no answer")
        return self.psql.stdout.readline().decode().strip()

    def ask(self, number, grow):
        if grow:
            return self.say(b"prepare p%d as select %d + count(*) from pg_class where relname = $1; execute p%d('none')" %
                            (number, number, number)) == str(number)
        return self.say(b"select %d" % number) == str(number)


PROTOCOLS = {"lines": Lines, "http": Http, "redis": Redis, "psql": Psql}


def main():
    protocol, path, connections, grow_every = PROTOCOLS[sys.argv[1]], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    stop, counts, errors = threading.Event(), [[0, 0] for _ in range(connections)], []

    def work(i, server):
        try:
            while not stop.is_set():
                number = counts[i][0]
                counts[i][0] += 1
                if not server.ask(number, number % grow_every == 0):
                    raise OSError("a wrong answer")
                counts[i][1] += 1
        except (OSError, ValueError) as error:
            errors.append(f"{type(error).__name__}: {error}")

    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = [threading.Thread(target=work, args=(i, protocol(path, i))) for i in range(connections)]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    # With a timeout: a signal that another thread got is handled only when this one runs.
    while any(thread.is_alive() for thread in threads):
        threads[0].join(0.1)
    sent, answered = (sum(count[i] for count in counts) for i in (0, 1))
    print(sent, answered, max(sent - answered, len(errors)), *errors[:1], flush=True)


if __name__ == "__main__":
    main()
