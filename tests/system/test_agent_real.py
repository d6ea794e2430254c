# SPDX-License-Identifier: MIT
"""Real programs under the agent, with many samples: each does what it does without, and nobody is killed.

A few seconds of each here; REAL_SECONDS=60 makes `python3 -m tests.system.run test_agent_real` a longer run.
"""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import unittest

from tests.system.harness import IS_ROOT, need_root, wait_until
from tests.system.test_agent import AGENT, AgentTest, library

SECONDS = int(os.environ.get("REAL_SECONDS", "1"))
# Modules of Python's own test suite that ask much of an allocator, and end soon.
PYTHON_TESTS = ["test_list", "test_dict", "test_struct"]
PYTHON_LONG = ["test_json", "test_zlib", "test_set", "test_weakref", "test_gc", "test_fork1", "test_threading", "test_subprocess", "test_mmap", "test_ctypes", "test_re",
               "test_pickle", "test_bytes", "test_io", "test_ssl", "test_signal", "test_asyncio", "test_multiprocessing_fork"]


def need(program):
    path = program if os.path.isabs(program) and os.path.exists(program) else shutil.which(program)
    if not path:
        raise unittest.SkipTest(f"{program} is not installed")
    return path


class RealPrograms(AgentTest):
    def under_agent(self, *argv, preload=(AGENT,), options="sample=16K", **kwargs):
        """The command's CompletedProcess; it must end well, and leave no recorder behind."""
        env = {**self.env(options, preload), **kwargs.pop("more", {})}
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="backslashreplace",
                              timeout=300 + 20 * SECONDS, check=False, **kwargs)
        self.assertEqual(done.returncode, 0, f"{argv[0]}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done

    def same_as_alone(self, *argv, **kwargs):
        alone = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=True)
        self.assertEqual(self.under_agent(*argv, **kwargs).stdout, alone.stdout)

    def tearDown(self):
        # Whoever ended well took its recorder away.
        self.assertEqual(glob.glob(os.path.join(self.recorders, "*.rec")), [])
        super().tearDown()

    def test_pythons_own_tests(self):
        python = need("/usr/bin/python3")
        if subprocess.run([python, "-c", "import test.test_list"], capture_output=True, check=False).returncode != 0:
            self.skipTest("python3's test suite is not installed (libpython3.N-testsuite)")
        # -j: each module in a process of its own, which goes through fork and exec.
        tests = PYTHON_TESTS + (["-j1", *PYTHON_LONG] if SECONDS > 1 else [])
        # PYTHONMALLOC=malloc: each object is a block of malloc's.
        done = self.under_agent(python, "-m", "test", *tests, cwd=self.dir, more={"PYTHONMALLOC": "malloc"})
        self.assertIn("SUCCESS", done.stdout)

    def test_a_compiler(self):
        source, outputs = os.path.join(self.dir, "large.c"), []
        with open(source, "w", encoding="ascii") as f:
            f.writelines(f"int f{i}(int a, int b) {{ int s = {i}; for (int k = 0; k < a; k++) s += k * b ^ {i}; return s; }}\n"
                         for i in range(50 * SECONDS))
        for env in (dict(os.environ), self.env("sample=16K")):
            subprocess.run([need("cc"), "-O2", "-c", "-o", f"{source}.o", source], env=env, check=True, timeout=300, stderr=subprocess.DEVNULL)
            with open(f"{source}.o", "rb") as f:
                outputs.append(f.read())
        self.assertEqual(outputs[0], outputs[1])

    def test_a_database_in_the_program(self):
        self.same_as_alone(need("sqlite3"), ":memory:", "create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < "
                           f"{40000 * SECONDS}) insert into t select x, hex(x * 7919) from c; create index i on t(b);"
                           "select count(*), sum(length(b)) from t; pragma integrity_check;")

    def test_a_javascript_engine(self):
        self.same_as_alone(need("node"), "-e", "let s = 0; for (let r = 0; r < 10; r++) { const a = []; for (let i = 0; i < 20000; i++)"
                           "a.push({i, t: 'x' + i, b: Buffer.alloc(16)}); s += JSON.stringify(a).length; } console.log(s)")

    def test_a_virtual_machine(self):
        self.under_agent(need("java"), "-Xmx128m", "-version")

    def test_version_control(self):
        git, repository = need("git"), os.path.join(self.dir, "r")
        os.mkdir(repository)
        for i in range(50):
            with open(os.path.join(repository, f"f{i}"), "w", encoding="ascii") as f:
                f.write(f"{i}\n" * 500)
        # Nothing that goes on in the background when a command has ended.
        identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-C", repository)
        self.under_agent(git, *identity, "init", "-q")
        self.under_agent(git, *identity, "add", ".")
        self.under_agent(git, *identity, "commit", "-q", "-m", "all")
        self.under_agent(git, *identity, "gc", "-q", "--aggressive")
        self.assertIn("50 files changed", self.under_agent(git, *identity, "show", "--stat").stdout)
        self.under_agent(git, *identity, "fsck", "--strict")

    def redis(self, preload):
        server, path = need("redis-server"), os.path.join(self.dir, "s")
        process = self.spawn([server, "--port", "0", "--unixsocket", path, "--save", "", "--dir", self.dir],
                             env=self.env("sample=16K", preload), stdout=subprocess.DEVNULL)
        wait_until("redis answers", lambda: subprocess.run([need("redis-cli"), "-s", path, "ping"], capture_output=True,
                                                           check=False).stdout == b"PONG\n", 60)
        done = subprocess.run([need("redis-benchmark"), "-s", path, "-q", "-n", str(5000 * SECONDS), "-r", "100000", "-d", "300",
                               "-t", "set,get,lpush,hset,zadd"], capture_output=True, text=True, timeout=300, check=True)
        self.assertEqual(done.stdout.count("requests per second"), 5, done.stdout + done.stderr)
        # A fork that writes the data, while the parent goes on.
        self.assertIn("Background saving", subprocess.run(["redis-cli", "-s", path, "bgsave"], capture_output=True, text=True, check=True).stdout)
        wait_until("the data are on disk", lambda: "rdb_bgsave_in_progress:0" in subprocess.run(
            ["redis-cli", "-s", path, "info", "persistence"], capture_output=True, text=True, check=True).stdout, 60)
        self.assertIn("rdb_last_bgsave_status:ok", subprocess.run(["redis-cli", "-s", path, "info", "persistence"], capture_output=True, text=True,
                                                                  check=True).stdout)
        subprocess.run(["redis-cli", "-s", path, "shutdown", "nosave"], capture_output=True, check=False)
        self.assertEqual(process.wait(60), 0)

    def test_redis_with_the_allocator_that_it_brings(self):
        self.redis((AGENT,))

    def test_redis_with_the_c_librarys(self):
        self.redis((AGENT, library("libc.so.6")))

    @need_root
    def test_a_web_server_and_its_workers(self):
        nginx, path = need("nginx"), os.path.join(self.dir, "s")
        content = os.urandom(60000).hex()
        os.chmod(self.dir, 0o755)
        with open(os.path.join(self.dir, "f.txt"), "w", encoding="ascii") as f:
            f.write(content)
        temporary = " ".join(f"{kind}_temp_path {self.dir};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(self.dir, "conf"), "w", encoding="ascii") as f:
            f.write(f"daemon off; worker_processes 2; pid {self.dir}/pid; error_log {self.dir}/err;\nevents {{ }}\n"
                    f"http {{ access_log off; {temporary} gzip on; gzip_types text/plain; types {{ text/plain txt; }}\n"
                    f"server {{ listen unix:{path}; location / {{ root {self.dir}; }} }} }}\n")
        process = self.spawn([nginx, "-c", os.path.join(self.dir, "conf")], env=self.env("sample=16K"), stderr=subprocess.DEVNULL)
        wait_until("nginx answers", lambda: self.ask(path) is not None, 60)
        for _ in range(100 * SECONDS):
            self.assertEqual(self.ask(path), content)
        subprocess.run([nginx, "-c", os.path.join(self.dir, "conf"), "-s", "reload"], env=self.env("sample=16K"), check=True,
                       stderr=subprocess.DEVNULL)
        for _ in range(50 * SECONDS):
            self.assertEqual(self.ask(path), content)
        process.send_signal(3)  # SIGQUIT: when all requests are answered
        self.assertEqual(process.wait(60), 0)
        # Workers have another user than the master that made the file for them: what they cannot remove they mark.
        for left in glob.glob(os.path.join(self.recorders, "*.rec")):
            os.unlink(left)

    @staticmethod
    def ask(path):
        """The body of /f.txt; None while nobody listens."""
        with socket.socket(socket.AF_UNIX) as s:
            if s.connect_ex(path) != 0:
                return None
            s.sendall(b"GET /f.txt HTTP/1.0\r\nHost: x\r\n\r\n")
            answer = b""
            while True:
                part = s.recv(1 << 16)
                if not part:
                    return answer.split(b"\r\n\r\n", 1)[1].decode("ascii")
                answer += part

    def test_a_database_server_and_its_backends(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found or not IS_ROOT:
            self.skipTest("PostgreSQL is not installed, or this is not root, who can become its user")
        user, data = pwd.getpwnam("postgres"), os.path.join(self.dir, "data")
        os.chown(self.dir, user.pw_uid, user.pw_gid)
        os.chown(self.recorders, user.pw_uid, user.pw_gid)
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": self.dir}

        def tool(name, *argv, **kwargs):
            return self.under_agent(os.path.join(found[-1], name), *argv, **as_user, **kwargs)

        try:
            tool("initdb", "-D", data, "-A", "trust", "-N")
        except PermissionError:
            self.skipTest("the programs are not to be reached by another user here")
        server = ("pg_ctl", "-D", data, "-l", os.path.join(self.dir, "log"), "-w")
        tool(*server, "-o", f"-c listen_addresses= -c fsync=off -c dynamic_shared_memory_type=mmap -k {self.dir}", "start")
        try:
            tool("pgbench", "-h", self.dir, "-i", "-q", "postgres")
            done = tool("pgbench", "-h", self.dir, "-c", "4", "-j", "2", "-t", str(100 * SECONDS), "postgres")
            self.assertIn("number of failed transactions: 0", done.stdout)
        finally:
            tool(*server, "-m", "fast", "stop")
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            log = f.read()
        for word in ("PANIC", "terminated by signal", "crash"):
            self.assertNotIn(word, log)


if __name__ == "__main__":
    unittest.main()
