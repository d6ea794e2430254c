# SPDX-License-Identifier: MIT
"""What swansong copies of a real process: complete, exact, and nothing of anybody else's."""

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from tests.system.harness import SWANSONG, SwansongTest, is_asleep, need_root, proc_status, tids, wait_until
from tests.system.programs import settled

# A process that opens one of everything and says, as one line of JSON, what it knows about itself.
HOLDER = r"""
import json, os, select, socket, sys, tempfile, threading
keep = []
def net(name):
    try:
        return open("/proc/self/net/" + name).read()
    except OSError:
        return None
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen(7)
for i in range(3):
    client = socket.create_connection(listener.getsockname()); server, _ = listener.accept()
    keep += [client, server]
client.send(b"x" * 1000)                       # stays in the receive queue of the last server socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0))
pair = socket.socketpair()
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\0holder %d" % os.getpid()); abstract.listen(1)
try:
    six = socket.socket(socket.AF_INET6); six.bind(("::1", 0)); six.listen(1)
except OSError:
    six = None
gone = tempfile.NamedTemporaryFile(prefix="go\tne\\ \n", delete=False); gone.write(b"z" * 5000); gone.flush(); os.unlink(gone.name)
memfd = os.memfd_create("my memfd"); os.write(memfd, b"y" * 777)
pipe = os.pipe(); epoll = select.epoll(); directory = os.open("/", os.O_RDONLY)
for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 4):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
sockets = [s for s in [listener, udp, abstract, six, *keep, *pair] if s]
print(json.dumps({"inodes": sorted(os.fstat(s.fileno()).st_ino for s in sockets),
                  "tcp": net("tcp"), "tcp6": net("tcp6"), "udp": net("udp"), "unix": net("unix"),
                  "gone": gone.fileno(), "gone_name": gone.name, "memfd": memfd, "pipe": pipe[0],
                  "epoll": epoll.fileno(), "directory": directory, "listener": listener.fileno(),
                  "has_six": six is not None}), flush=True)
threading.Event().wait()
"""


def slurp(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def net_rows(text, inodes, fields, inode_field):
    """The given fields of the lines whose inode is ours."""
    rows = set()
    for line in text.splitlines()[1:]:
        words = line.split()
        if int(words[inode_field]) in inodes:
            rows.add(tuple(words[i] for i in fields))
    return rows


class CollectTest(SwansongTest):
    def dump_seconds(self, pid):
        """What a dump takes here and now."""
        took = []
        for _ in range(5):
            own = tempfile.mkdtemp(dir=self.dir)
            began = time.monotonic()
            subprocess.run([SWANSONG, "dump", "-p", str(pid), "--no-report", "-o", own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=60, check=False)
            took.append(time.monotonic() - began)
            shutil.rmtree(own)
        return sorted(took)[2]

    def holder(self, *args, wrap=(), **kwargs):
        process = self.spawn([*wrap, sys.executable, "-c", HOLDER, *map(str, args)], stdout=subprocess.PIPE, **kwargs)
        process.facts = json.loads(process.stdout.readline())
        settled(process.pid)  # a thread that begins maps memory of its own
        return process

    def sleeper(self):
        return self.spawn(["sleep", "1000"])

    def capture(self, pid, *args, **kwargs):
        return self.dump(pid, "--no-report", *args, **kwargs)

    def read(self, bundle, path, mode="r"):
        with open(os.path.join(bundle, path), mode, **({} if "b" in mode else {"errors": "surrogateescape"})) as f:
            return f.read()

    def sections(self, bundle):
        return {s["path"]: s for s in self.manifest(bundle)["sections"]}

    def fds(self, bundle, pid):
        lines = self.read(bundle, f"proc/{pid}/fd.txt").splitlines()
        self.assertEqual(lines[0], "fd\tkind\tsize\tdev\tinode\ttarget")
        return {int(line.split("\t")[0]): dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:]}

    def partial_or_nothing(self):
        return [name for name in os.listdir(self.dir) if name.endswith(".partial")]


class Bundle(CollectTest):
    @need_root
    def test_one_who_is_in_many_groups_is_no_stranger(self):
        victim = self.spawn([sys.executable, "-c", "import os, time; os.setgroups(range(4000000000, 4000004000));"
                             "print(flush=True); time.sleep(1000)"], stdout=subprocess.PIPE)
        victim.stdout.readline()
        bundle = self.capture(victim.pid)
        rows = [line.split("\t") for line in self.read(bundle, "processes.tsv").splitlines()]
        self.assertIn(str(victim.pid), [row[0] for row in rows])
        self.assertEqual(self.manifest(bundle)["target"]["ns_pid"], victim.pid)

    def test_the_manifest_and_the_files_say_the_same(self):
        bundle = self.capture(self.holder().pid)
        listed, families = {}, []
        for path, s in self.sections(bundle).items():
            if "*" in path and "files" in s:
                families.append((re.compile(re.escape(path).replace(r"\*", "[^/]*") + "$"), s))
            elif s["status"] in ("ok", "cut", "target-died") and s["bytes"] + (s["status"] == "ok"):
                listed[path] = s["bytes"]
        counted = {s["path"]: [0, 0] for _, s in families}
        for where, directories, names in os.walk(bundle):
            self.assertEqual(stat.S_IMODE(os.stat(where).st_mode), 0o700, where)
            for name in names:
                path = os.path.relpath(os.path.join(where, name), bundle)
                st = os.stat(os.path.join(where, name))
                self.assertEqual(stat.S_IMODE(st.st_mode), 0o600, path)
                if path == "manifest.json":
                    continue
                if path in listed:
                    self.assertEqual(st.st_size, listed.pop(path), path)
                    continue
                mine = [s for pattern, s in families if pattern.match(path)]
                self.assertEqual(len(mine), 1, f"{path} stands in no line of the manifest, or in several")
                counted[mine[0]["path"]][0] += 1
                counted[mine[0]["path"]][1] += st.st_size
        self.assertEqual(listed, {}, "in the manifest, not in the bundle")
        for _, s in families:
            self.assertEqual(counted[s["path"]], [s["files"], s["bytes"]], s["path"])

    def test_the_target_is_named_as_it_is(self):
        victim = self.holder()
        m = self.manifest(self.capture(victim.pid))
        t = m["target"]
        self.assertTrue(m["complete"])
        self.assertEqual((m["format"], t["pid"], t["ns_pid"], t["ppid"]), (1, victim.pid, victim.pid, os.getpid()))
        self.assertEqual(t["exe"], os.path.realpath(sys.executable))
        self.assertEqual(t["start_ticks"], int(slurp(f"/proc/{victim.pid}/stat").rsplit(")", 1)[1].split()[19]))
        for name, inode in t["namespaces"].items():
            self.assertEqual(inode, os.stat(f"/proc/{victim.pid}/ns/{name}").st_ino, name)
        readelf = subprocess.run(["readelf", "-n", t["exe"]], capture_output=True, text=True).stdout
        expected = re.search(r"Build ID: (\w+)", readelf)
        self.assertEqual(t["build_id"], expected.group(1) if expected else None)

    def test_sections_are_the_kernels_bytes(self):
        victim = self.holder()
        bundle = self.capture(victim.pid)
        for name in ("cmdline", "maps", "limits", "cgroup", "mountinfo", "comm", "oom_score_adj"):
            with open(f"/proc/{victim.pid}/{name}", "rb") as f:
                self.assertEqual(self.read(bundle, f"proc/{victim.pid}/{name}", "rb"), f.read(), name)
        self.assertIn("MemTotal:", self.read(bundle, "proc/meminfo"))
        self.assertIn("Rss:", self.read(bundle, f"proc/{victim.pid}/smaps_rollup"))

    def test_the_environment_only_when_asked_for(self):
        victim = self.spawn(["sleep", "1000"], env={"SECRET": "hunter2"})
        bundle = self.capture(victim.pid)
        self.assertFalse(os.path.exists(os.path.join(bundle, f"proc/{victim.pid}/environ")))
        bundle = self.capture(victim.pid, "--environ")
        self.assertEqual(self.read(bundle, f"proc/{victim.pid}/environ"), "SECRET=hunter2\0")

    def test_only_takes_what_it_names(self):
        victim = self.holder()
        bundle = self.capture(victim.pid, "--only", "fds,cgroup")
        paths = set(self.sections(bundle))
        self.assertIn(f"proc/{victim.pid}/fd.txt", paths)
        self.assertEqual([p for p in paths if not p.startswith("sys/fs/cgroup") and not p.endswith("fd.txt")], [])

    def test_a_hostile_comm_stays_text(self):
        name = b"a) S 1 (\n\x1b[1m"
        script = ("import ctypes, sys; ctypes.CDLL(None).prctl(15, %r, 0, 0, 0); print('ready', flush=True); "
                  "import threading; threading.Event().wait()" % name)
        victim = self.spawn([sys.executable, "-c", script], stdout=subprocess.PIPE)
        victim.stdout.readline()
        bundle = self.capture(victim.pid)
        self.assertRegex(os.path.basename(bundle), r"^a__S_1_____1m\.\d+\.\d{8}T\d{6}Z\.swansong$")
        self.assertEqual(self.read(bundle, f"proc/{victim.pid}/comm", "rb"), name + b"\n")
        self.assertEqual(self.manifest(bundle)["target"]["comm"], name.decode())
        self.assertEqual(self.read(bundle, f"proc/{victim.pid}/task/{victim.pid}/comm", "rb"), name + b"\n")

    def test_four_files_of_every_thread(self):
        victim = self.holder(40)
        bundle = self.capture(victim.pid, "--only", "threads")
        expected = tids(victim.pid)
        self.assertEqual(len(expected), 41)
        self.assertEqual(sorted(map(int, os.listdir(f"{bundle}/proc/{victim.pid}/task"))), sorted(expected))
        for tid in expected:
            where = f"proc/{victim.pid}/task/{tid}"
            self.assertEqual(sorted(os.listdir(f"{bundle}/{where}")), ["comm", "stat", "status", "wchan"])
            self.assertTrue(self.read(bundle, f"{where}/stat").startswith(f"{tid} ("))
            self.assertIn(f"\nPid:\t{tid}\n", self.read(bundle, f"{where}/status"))

    def test_the_tree_from_pid_1_to_the_grandchildren(self):
        script = "sleep 1000 & sh -c 'sleep 1001 & echo ready; wait' & wait"
        victim = self.spawn(["sh", "-c", script], stdout=subprocess.PIPE)
        victim.stdout.readline()

        def children(pid):
            return list(map(int, slurp(f"/proc/{pid}/task/{pid}/children").split()))

        family = {c for child in children(victim.pid) for c in [child, *children(child)]}
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in family if os.path.exists(f"/proc/{pid}")])
        self.assertGreaterEqual(len(family), 3)
        bundle = self.capture(victim.pid, "--only", "tree")
        ancestors, pid = set(), os.getpid()
        while pid:
            ancestors.add(pid)
            pid = int(proc_status(pid)["PPid"])
        self.assertEqual({int(n) for n in os.listdir(f"{bundle}/proc")}, family | ancestors)
        for pid in family | ancestors:
            self.assertTrue(self.read(bundle, f"proc/{pid}/stat").startswith(f"{pid} ("))

    def test_the_group_and_all_above_it(self):
        victim = self.sleeper()
        bundle = self.capture(victim.pid, "--only", "cgroup")
        lines = [line.split(":", 2) for line in slurp(f"/proc/{victim.pid}/cgroup").splitlines()]
        v1 = [path for _, controllers, path in lines if "memory" in controllers.split(",")]
        path = v1[0] if v1 else [path for number, _, path in lines if number == "0"][0]
        where = "sys/fs/cgroup/memory" if v1 else "sys/fs/cgroup"
        if not os.path.isdir(f"{bundle}/{where}"):
            self.assertIn("sys/fs/cgroup", self.sections(bundle))
            self.skipTest("no memory cgroup to be seen here")
        while True:
            here = os.path.normpath(f"{bundle}/{where}/{path}")
            self.assertIn("memory.stat", os.listdir(here))
            for forbidden in ("memory.force_empty", "memory.reclaim", "memory.pressure_level", "cgroup.event_control"):
                self.assertNotIn(forbidden, os.listdir(here))
            if path == "/":
                break
            path = os.path.dirname(path)
        leaf = v1[0] if v1 else [p for n, _, p in lines if n == "0"][0]
        procs = self.read(bundle, os.path.normpath(f"{where}/{leaf}/cgroup.procs")).split()
        self.assertIn(str(victim.pid), procs)


class Descriptors(CollectTest):
    def test_each_with_kind_size_and_name(self):
        victim = self.holder()
        facts = victim.facts
        fds = self.fds(self.capture(victim.pid), victim.pid)
        self.assertEqual(sorted(fds), sorted(map(int, os.listdir(f"/proc/{victim.pid}/fd"))))
        kinds = {name: fds[facts[name]]["kind"] for name in ("gone", "memfd", "pipe", "epoll", "directory", "listener")}
        self.assertEqual(kinds, {"gone": "deleted", "memfd": "memfd", "pipe": "pipe", "epoll": "epoll", "directory": "dir",
                                 "listener": "socket"})
        self.assertEqual((fds[facts["gone"]]["size"], fds[facts["memfd"]]["size"]), ("5000", "777"))
        self.assertEqual(fds[0]["kind"], "char")
        self.assertEqual(fds[0]["dev"], "%d:%d" % (os.major(os.stat("/dev/null").st_dev), os.minor(os.stat("/dev/null").st_dev)))
        escaped = facts["gone_name"].replace("\\", r"\x5c").replace("\t", r"\x09").replace("\n", r"\x0a")
        self.assertEqual(fds[facts["gone"]]["target"], escaped + " (deleted)")

    def test_ten_thousand(self):
        script = ("import os, resource, threading; resource.setrlimit(resource.RLIMIT_NOFILE, (10100, 10100))\n"
                  "r, w = os.pipe()\nfor i in range(10000): os.dup(r)\nprint('ready', flush=True); threading.Event().wait()")
        if resource_hard_limit() < 10100:
            self.skipTest("RLIMIT_NOFILE is too low here")
        victim = self.spawn([sys.executable, "-c", script], stdout=subprocess.PIPE)
        victim.stdout.readline()
        fds = self.fds(self.capture(victim.pid, "--only", "fds"), victim.pid)
        self.assertEqual(len(fds), len(os.listdir(f"/proc/{victim.pid}/fd")))


def resource_hard_limit():
    import resource
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Sockets(CollectTest):
    def assert_sockets(self, bundle, victim):
        facts, net = victim.facts, f"proc/{victim.pid}/net"
        inodes = set(facts["inodes"])
        # local, remote, state, inode: the queues may still move.  unix: flags, type, state, inode, path.
        tables = {"tcp": ((1, 2, 3, 9), 9), "tcp6": ((1, 2, 3, 9), 9), "udp": ((1, 2, 3, 9), 9), "unix": ((3, 4, 5, 6), 6)}
        found = 0
        for name, (fields, inode_field) in tables.items():
            if facts[name] is None:
                continue
            expected = net_rows(facts[name], inodes, fields, inode_field)
            text = self.read(bundle, f"{net}/{name}")
            got = net_rows(text, inodes, fields, inode_field)
            self.assertEqual(got, expected, name)
            self.assertEqual(len(text.splitlines()) - 1, len(expected), f"{name} has sockets of others")
            found += len(got)
        self.assertEqual(found, len(inodes), "every socket is in one of the tables")

    def test_they_are_those_that_the_kernel_lists(self):
        other = self.holder()
        victim = self.holder()
        bundle = self.capture(victim.pid)
        self.assert_sockets(bundle, victim)
        self.assertFalse(set(other.facts["inodes"]) & set(victim.facts["inodes"]))

    def test_bytes_that_wait_and_the_memory_that_holds_them(self):
        victim = self.holder()
        bundle = self.capture(victim.pid)
        rows = [line.split() for line in self.read(bundle, f"proc/{victim.pid}/net/tcp").splitlines()[1:]]
        waiting = [row for row in rows if int(row[4].split(":")[1], 16) == 1000 and row[3] == "01"]
        self.assertEqual(len(waiting), 1, rows)
        skmem = [line.split("\t") for line in self.read(bundle, f"proc/{victim.pid}/net/skmem.tsv").splitlines()]
        self.assertEqual(skmem[0], ["inode", "proto", "rmem", "wmem", "fwd", "wqueued", "opt", "backlog", "drops"])
        memory = {row[0]: row for row in skmem[1:]}
        self.assertGreaterEqual(int(memory[waiting[0][9]][2]), 1000)

    @need_root
    def test_from_the_targets_own_network_namespace(self):
        victim = self.holder(wrap=["unshare", "-n", "sh", "-c", 'ip link set lo up 2>/dev/null || true; exec "$0" "$@"'])
        self.assertNotEqual(os.stat(f"/proc/{victim.pid}/ns/net").st_ino, os.stat("/proc/self/ns/net").st_ino)
        bundle = self.capture(victim.pid)
        self.assert_sockets(bundle, victim)
        self.assertEqual(self.sections(bundle)[f"proc/{victim.pid}/net/skmem.tsv"]["status"], "ok")

    @need_root
    def test_from_the_text_where_sock_diag_is_refused(self):
        if not shutil.which("setpriv"):
            self.skipTest("needs setpriv")
        victim = self.holder(wrap=["unshare", "-n", "sh", "-c", 'ip link set lo up 2>/dev/null || true; exec "$0" "$@"'])
        done = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", SWANSONG, "dump", "-p",
                               str(victim.pid), "--no-report", "--only", "sockets,fds", "-o", self.dir],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = done.stdout.splitlines()[-1][len("bundle: "):]
        self.assert_sockets(bundle, victim)
        skmem = self.sections(bundle)[f"proc/{victim.pid}/net/skmem.tsv"]
        self.assertEqual((skmem["status"], skmem["errno"], skmem["optional"]), ("missing", 1, True))

    def test_none_at_all_are_four_headers(self):
        victim = self.sleeper()
        bundle = self.capture(victim.pid, "--only", "sockets")
        for name in ("tcp", "tcp6", "udp", "udp6", "unix"):
            self.assertEqual(len(self.read(bundle, f"proc/{victim.pid}/net/{name}").splitlines()), 1, name)


class Containers(CollectTest):
    @need_root
    def test_another_pid_namespace(self):
        parent = self.spawn(["unshare", "-p", "-f", "sleep", "1000"])
        children = f"/proc/{parent.pid}/task/{parent.pid}/children"
        pid = int(wait_until("the child", lambda: slurp(children).split())[0])
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        wait_until("exec", lambda: is_asleep(pid, "sleep"))
        target = self.manifest(self.capture(pid))["target"]
        self.assertEqual((target["pid"], target["ns_pid"]), (pid, 1))

    def jit(self, make_map):
        """A process with a /tmp of its own, in which make_map (shell) has put /tmp/perf-$$.map."""
        script = f"mount -t tmpfs none /tmp && {make_map}; echo ready; exec sleep 1000"
        victim = self.spawn(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE)
        victim.stdout.readline()
        wait_until("exec", lambda: is_asleep(victim.pid, "sleep"))
        return victim.pid, os.path.join(f"proc/{victim.pid}/root", f"tmp/perf-{victim.pid}.map")

    @need_root
    def test_the_jits_map_from_the_targets_own_tmp(self):
        pid, path = self.jit("echo '1000 20 jitted' > /tmp/perf-$$.map")
        self.assertEqual(self.read(self.capture(pid), path), "1000 20 jitted\n")

    @need_root
    def test_a_map_that_somebody_else_could_have_planted_is_not_read(self):
        plants = {"a link": "ln -s /etc/passwd /tmp/perf-$$.map",
                  "a hard link": "echo secret > /tmp/s; ln /tmp/s /tmp/perf-$$.map",
                  "a fifo": "mkfifo /tmp/perf-$$.map",
                  "of another user": "echo 1 > /tmp/perf-$$.map; chown 12345 /tmp/perf-$$.map",
                  "a directory": "mkdir /tmp/perf-$$.map"}
        for why, plant in plants.items():
            with self.subTest(why):
                pid, path = self.jit(plant)
                bundle = self.capture(pid)
                self.assertFalse(os.path.lexists(os.path.join(bundle, path)))
                self.assertEqual(self.sections(bundle)[path]["status"], "missing")


class Trouble(CollectTest):
    def small_disk(self, size):
        directory = os.path.join(self.dir, "small")
        os.mkdir(directory)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", directory], capture_output=True)
        if done.returncode:
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(subprocess.run, ["umount", "-l", directory])
        return directory

    @need_root
    def test_a_disk_that_fills_up(self):
        victim = self.holder(60)
        small = self.small_disk("256k")
        done = self.swansong("dump", "-p", victim.pid, "--no-report", "-o", small)
        self.assertEqual(done.returncode, 4, done.stderr)
        bundle = done.stdout.splitlines()[-1][len("bundle: "):]
        statuses = [s["status"] for s in self.manifest(bundle)["sections"]]
        self.assertTrue(self.manifest(bundle)["complete"])
        self.assertIn("ok", statuses)
        lost = [s for s in self.manifest(bundle)["sections"] if s["errno"] == 28]
        self.assertTrue(lost)
        self.assert_unharmed(victim.pid)

    @need_root
    def test_a_disk_that_is_full_from_the_start_is_left_as_it_was(self):
        small = self.small_disk("16k")
        with open(os.path.join(small, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        done = self.swansong("dump", "-p", self.sleeper().pid, "--no-report", "-o", small)
        self.assertIn(done.returncode, (2, 3), done.stdout)
        self.assert_one_line(done.stderr)
        self.assertEqual(os.listdir(small), ["filler"])

    def test_a_target_that_dies_at_any_moment_leaves_a_readable_bundle(self):
        moments = random.Random(4711)
        seconds = self.dump_seconds(self.sleeper().pid)
        died = complete = 0
        for i in range(100):
            victim = subprocess.Popen(["sleep", "1000"])
            own = os.path.join(self.dir, str(i))
            os.mkdir(own)
            swansong = subprocess.Popen([SWANSONG, "dump", "-p", str(victim.pid), "--no-report", "-o", own],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(moments.uniform(0, seconds))
            victim.kill()
            if i % 2:  # as often a zombie as reaped at once
                victim.wait()
            out, err = swansong.communicate(timeout=120)
            victim.wait()
            with self.subTest(i=i):
                self.assertIn(swansong.returncode, (0, 3, 4), err)
                if swansong.returncode == 3:
                    self.assertEqual(os.listdir(own), [], "it was gone before anything began")
                    continue
                bundle = out.splitlines()[-1][len("bundle: "):]
                m = self.manifest(bundle)
                self.assertTrue(m["complete"])
                self.assertEqual(m["target"]["pid"], victim.pid)
                lost = [s for s in m["sections"] if s["status"] == "target-died"]
                if swansong.returncode == 0:
                    self.assertEqual(lost, [])
                died += bool(lost)
                complete += not lost
                for s in m["sections"]:
                    self.assertIsNotNone(s["reason"] if s["status"] != "ok" else "", s)
        self.assertGreater(died, 0, "no moment was within a dump")

    def collecting_child(self, swansong):
        children = f"/proc/{swansong.pid}/task/{swansong.pid}/children"

        def look():
            try:
                return slurp(children).split()
            except OSError:
                return ["gone"]

        found = look()
        while not found and swansong.poll() is None:
            found = look()
        return int(found[0]) if found and found[0] != "gone" else None

    def test_a_collector_that_hangs_costs_its_section_and_not_the_dump(self):
        victim = self.holder(200)
        for _ in range(20):
            swansong = subprocess.Popen([SWANSONG, "dump", "-p", str(victim.pid), "--no-report", "-o", self.dir],
                                        stdout=subprocess.PIPE, text=True)
            child = self.collecting_child(swansong)
            try:
                os.kill(child, signal.SIGSTOP)
            except (TypeError, ProcessLookupError):
                swansong.communicate(timeout=120)
                continue
            out, _ = swansong.communicate(timeout=120)
            if swansong.returncode == 0:
                continue  # it had just finished
            bundle = out.splitlines()[-1][len("bundle: "):]
            m = self.manifest(bundle)
            hung = [s for s in m["sections"] if s["errno"] == 62]
            self.assertEqual(len(hung), 1, m["sections"])
            self.assertTrue(m["complete"])
            self.assertIn("proc/version", self.sections(bundle), "the rows behind it were taken")
            self.assertFalse(os.path.exists(f"/proc/{child}") and proc_status(child).get("State", "Z")[0] != "Z")
            self.assert_unharmed(victim.pid)
            return
        self.skipTest("the collecting process was never caught")

    def test_swansong_killed_leaves_a_partial_bundle_and_nobody_behind(self):
        victim = self.holder(50)
        moments = random.Random(815)
        seconds = self.dump_seconds(victim.pid)
        partial = 0
        for _ in range(30):
            swansong = subprocess.Popen([SWANSONG, "dump", "-p", str(victim.pid), "--no-report", "-o", self.dir],
                                        stdout=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, seconds))
            swansong.kill()
            swansong.wait()
            for name in os.listdir(self.dir):
                partial += name.endswith(".partial")
                manifest = os.path.join(self.dir, name, "manifest.json")
                if os.path.exists(manifest) and os.path.getsize(manifest):
                    with open(manifest, encoding="ascii") as f:
                        self.assertEqual(json.load(f)["complete"], not name.endswith(".partial"))
                shutil.rmtree(os.path.join(self.dir, name), ignore_errors=True)
        self.assertGreater(partial, 0)
        wait_until("no collector is left", lambda: not collectors_alive())
        self.assert_unharmed(victim.pid)

    @need_root
    def test_without_root_what_is_not_permitted_is_listed(self):
        if not shutil.which("setpriv"):
            self.skipTest("needs setpriv")
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chmod(self.dir, 0o777)
        if subprocess.run([*as_nobody, SWANSONG, "--help"], capture_output=True).returncode:
            self.skipTest("the build directory is not accessible to others")
        victim = self.spawn([*as_nobody, "sleep", "1000"])
        wait_until("exec", lambda: is_asleep(victim.pid, "sleep"))
        done = subprocess.run([*as_nobody, SWANSONG, "dump", "-p", str(victim.pid), "--no-report", "-o", self.dir],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        bundle = done.stdout.splitlines()[-1][len("bundle: "):]
        slabs = self.sections(bundle)["proc/slabinfo"]
        self.assertEqual((slabs["status"], slabs["errno"], slabs["optional"]), ("missing", 13, True))
        for required in ("maps", "smaps", "status", "fd.txt"):
            self.assertEqual(self.sections(bundle)[f"proc/{victim.pid}/{required}"]["status"], "ok")


def collectors_alive():
    """Processes of this swansong binary whose parent has died."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(SWANSONG) and proc_status(pid).get("PPid") == "1":
                found.append(pid)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    unittest.main()
