# SPDX-License-Identifier: MIT
"""The agent must not harm the program, and must leave a true recorder behind."""

import math
import os
import shutil
import signal
import subprocess
import sys

from tests.system import recorder
from tests.system.harness import BUILD, IS_ROOT, SwansongTest, is_asleep, need_root, victim_path, wait_until

AGENT = os.path.join(BUILD, "libswansong.so")

SITES = (1, 4, 10, 15, 30, 40)
WAYS_TO_BECOME = ("execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat")
RUNNING, REPLACED = 1, 3
FLAG_HEAP_UNSEEN, FLAG_FORKED, FLAG_DEGRADED, FLAG_SEALED = 1 << 5, 1 << 7, 1 << 0, 1 << 11


def library(*names):
    """The first of these shared libraries that is installed, or None."""
    for name in names:
        for directory in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                return path
    return None


class AgentTest(SwansongTest):
    def setUp(self):
        super().setUp()
        self.recorders = tempdir = os.path.join("/dev/shm", os.path.basename(self.dir))
        os.mkdir(tempdir, 0o700)
        self.addCleanup(shutil.rmtree, tempdir, ignore_errors=True)

    def env(self, options="", preload=(AGENT,), **more):
        text = ",".join(filter(None, [f"dir={self.recorders}", options]))
        return dict(os.environ, LD_PRELOAD=":".join(preload), SWANSONG_OPTIONS=text, **more)

    def run_victim(self, *argv, options="sample=4K", env=None, status=0, **kwargs):
        done = subprocess.run([victim_path(argv[0]), *map(str, argv[1:])], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=200, env=env or self.env(options), **kwargs)
        self.assertEqual(done.returncode, status, done.stdout[-500:] + done.stderr[-2000:])
        return done

    def recorder_of(self, pid):
        return recorder.Recorder(recorder.recorders(self.recorders)[pid])

    def becomes(self, victim):
        """The victim `becomes` is another program in the end, and its recorder says so."""
        self.assertEqual(victim.stdout.readline(), "failed\n")
        self.assertEqual(self.recorder_of(victim.pid).header.state, RUNNING)
        victim.stdin.write("\n")
        victim.stdin.flush()
        wait_until("it is another program", lambda: is_asleep(victim.pid, "sleep"), 60)
        self.assertEqual(self.recorder_of(victim.pid).header.state, REPLACED)
        victim.kill()
        victim.wait()

    def site_bytes(self, r, victim, kind=1):
        """{function that called malloc: (bytes, standard error)}"""
        names, found = recorder.symbols(victim_path(victim)), {}
        stacks = r.stacks(kind)
        for _address, record in r.live():
            if record.stack in stacks:
                _path, offset = r.module_of(r.frames(stacks[record.stack])[0] - 1)
                name, weight = recorder.function_at(names, offset), record.weight / recorder.ONE
                total, variance = found.get(name, (0, 0))
                found[name] = (total + record.size * weight, variance + record.size ** 2 * weight * (weight - 1))
        return {name: (total, math.sqrt(variance)) for name, (total, variance) in found.items()}


class Harm(AgentTest):
    """Each dangerous thing, with many samples and with every allocation recorded; and no trace is left."""

    def check(self, case, *more, options=("sample=4K", "sample=1"), **kwargs):
        for text in options:
            with self.subTest(case=case, options=text):
                done = self.run_victim("agent_harm", case, *more, options=text, **kwargs)
                self.assertEqual((done.stdout, done.stderr), ("ok\n", ""))
                self.assertEqual(os.listdir(self.recorders), [])

    def test_fork_vfork_and_exec(self):
        for case in ("fork", "vfork", "exec"):
            self.check(case)

    def test_fork_while_other_threads_allocate(self):
        self.check("fork-threads", options=("sample=4K",))

    def test_threads_that_come_and_go(self):
        self.check("thread-exit")
        self.check("thousand-threads", options=("sample=1",))

    def test_signal_handlers_and_jumps(self):
        self.check("signal-handler")
        self.check("longjmp")

    def test_stacks_of_the_programs_own(self):
        self.check("coroutines")

    def test_errno_and_failures_are_the_allocators(self):
        self.check("errno")

    def test_alignment_and_usable_size(self):
        self.check("alignment")

    def test_a_huge_calloc_stays_sparse(self):
        self.check("sparse-calloc")

    def test_limits_of_address_space_and_descriptors(self):
        self.check("rlimit-as", options=("", "sample=4K"))
        self.check("no-fds")
        self.check("close-fds")

    def test_mappings_cut_in_pieces(self):
        self.check("mappings", options=("sample=4K",))

    def test_without_a_thread(self):
        self.check("plain", options=("thread=off,sample=4K",))

    def test_a_file_size_limit_does_not_kill_it(self):
        done = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", victim_path("agent_harm"), "plain"], capture_output=True,
                              text=True, timeout=100, env=self.env("sample=4K"))
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)

    def test_libraries_that_come_and_go(self):
        plugins = []
        for i in range(3):
            source, path = os.path.join(self.dir, f"p{i}.c"), os.path.join(self.dir, f"p{i}.so")
            with open(source, "w", encoding="ascii") as f:
                f.write(f"""#include <stdlib.h>
                        static char pad[{4096 * (i + 1)}]; static void *mine;
                        void *plugin_block(size_t n) {{ void *p = malloc(n); pad[0] = 1; return p; }}
                        static __attribute__((constructor)) void begin(void) {{ mine = malloc(100000); free(plugin_block(7)); }}
                        static __attribute__((destructor)) void end(void) {{ free(mine); free(malloc(5000)); }}""")
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source], check=True)
            plugins.append(path)
        for options in ("sample=1", "sample=4K"):
            done = self.run_victim("agent_plugins", 100, *plugins, options=options)
            self.assertEqual((done.stdout, done.stderr), ("ok\n", ""))

    def test_operator_new_and_its_exceptions(self):
        done = self.run_victim("agent_cxx", options="sample=1")
        self.assertEqual((done.stdout, done.stderr), ("ok\n", ""))

    def test_in_front_of_other_allocators(self):
        names = {"jemalloc": library("libjemalloc.so.2"), "tcmalloc": library("libtcmalloc.so.4", "libtcmalloc_minimal.so.4"),
                 "mimalloc": library("libmimalloc.so.2.0", "libmimalloc.so.2")}
        for name, path in names.items():
            if not path:
                continue
            env = self.env("sample=4K", preload=(AGENT, path))
            for argv in (["agent_harm", "fork"], ["agent_harm", "thread-exit"], ["agent_harm", "plain"], ["agent_cxx"]):
                # mimalloc 2.0.9 alone gives new[] of aligned types blocks that are not: compare with what it does by itself.
                alone = subprocess.run([victim_path(argv[0]), *argv[1:]], env=dict(os.environ, LD_PRELOAD=path), capture_output=True,
                                       text=True, timeout=100, check=False)
                with self.subTest(allocator=name, victim=argv):
                    done = self.run_victim(*argv, env=env, status=alone.returncode)
                    self.assertEqual((done.stdout, done.stderr), (alone.stdout, alone.stderr))
            with self.subTest(allocator=name):
                victim = self.victim("agent_harm", "hold", env=self.env("sample=1,size=4M", preload=(AGENT, path)))
                r = self.recorder_of(victim.pid)
                self.assertEqual(r.header.allocator.decode(), name)
                self.assertEqual([record.size for _a, record in r.live() if record.size == 1000000], [1000000])

    def test_what_dlsym_allocated_is_freed_in_a_child(self):
        program = os.path.join(self.dir, "dlsym_keeps")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dlsym_keeps.c")
        subprocess.run(["cc", "-O1", "-rdynamic", "-o", program, source, "-ldl"], check=True)
        done = subprocess.run([program], env=self.env(), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok\n", ""))

    def test_a_program_that_locks_itself_in(self):
        for how in ("prctl", "seccomp", "threads", "fork"):
            with self.subTest(how):
                self.assertEqual(self.run_victim("locked_in", how, 0, env=dict(os.environ)).stdout.splitlines()[-1:], ["ok"])
                done = self.run_victim("locked_in", how, 1, options="sample=1,size=8M")
                self.assertEqual(done.stdout.split(), ["child", "ok"] if how == "fork" else ["ok"])
                (path,) = recorder.recorders(self.recorders).values()
                r = recorder.Recorder(path)
                self.assertEqual(self.site_bytes(r, "locked_in")["after"], (400 * 10000, 0))
                self.assertEqual((r.header.state, r.header.flags & FLAG_SEALED), (2, FLAG_SEALED))
                if how == "prctl":
                    self.assertIn("locked itself in (seccomp)", " ".join(self.swansong("report", path).stdout.split()))
                os.unlink(path)

    def test_a_program_that_only_asks_for_filters(self):
        self.assertEqual(self.run_victim("locked_in", "probe").stdout, "ok\n")
        self.assertEqual(os.listdir(self.recorders), [])

    def test_a_full_file_system(self):
        probe = f"mount -t tmpfs -o size=64k none {self.recorders}"
        if not IS_ROOT or subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True, check=False).returncode != 0:
            self.skipTest("needs root, and the right to mount")
        for size in ("64k", "200k"):
            script = f'mount -t tmpfs -o size={size},mode=700 none {self.recorders} && exec "$@"'
            done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", victim_path("agent_harm"), "plain"], capture_output=True,
                                  text=True, timeout=100, env=self.env("sample=1"))
            self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)

    def test_a_directory_that_vanishes(self):
        victim = self.victim("agent_harm", "hold", env=self.env())
        shutil.rmtree(self.recorders)
        victim.terminate()
        self.assertEqual(victim.wait(60), -signal.SIGTERM)

    def test_a_directory_that_is_not_ours(self):
        os.chmod(self.recorders, 0o755)
        done = self.run_victim("agent_harm", "plain")
        self.assertEqual(done.stdout, "ok\n")
        self.assert_one_line(done.stderr)
        self.assertEqual(os.listdir(self.recorders), [])

    @need_root
    def test_a_program_with_more_rights_than_its_caller(self):
        if os.statvfs(self.dir).f_flag & os.ST_NOSUID:
            self.skipTest("the file system of temporary files is mounted nosuid")
        path = os.path.join(self.dir, "suid")
        shutil.copy(victim_path("agent_harm"), path)
        os.chmod(path, 0o4755)
        os.chmod(self.dir, 0o755)
        os.chown(self.recorders, 65534, 65534)
        done = subprocess.run([path, "plain"], capture_output=True, text=True, timeout=100, user=65534, group=65534, extra_groups=[],
                              env=self.env("sample=1,keep"))
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)
        self.assertEqual(os.listdir(self.recorders), [])


class Truth(AgentTest):
    def sites(self, total, kind, options):
        victim = self.victim("agent_sites", total, kind, env=self.env(options))
        truth = dict(zip((f"site_{percent}" for percent in SITES), map(int, victim.first_line.split()[1:])))
        return victim, truth

    def test_every_allocation_to_the_byte(self):
        victim, truth = self.sites(20000000, "exact", "sample=1,size=4M")
        victim.kill()
        victim.wait()
        r = self.recorder_of(victim.pid)
        found = self.site_bytes(r, "agent_sites")
        self.assertEqual({name: int(found[name][0]) for name in truth}, truth)
        self.assertEqual(r.counters.samples - r.counters.frees, len(r.live()))
        # The counters beside the stacks say the same.
        self.assertEqual({i: s.live_bytes for i, s in r.stacks().items() if s.live_bytes}, r.live_bytes())
        self.assertEqual(r.notes(), ["filling the sites"])

    def test_estimates_hold_the_truth_at_the_kill(self):
        inside = checked = 0
        total_found = total_true = total_variance = 0
        for _ in range(4):
            victim, truth = self.sites(20000000, "random", "sample=8K,size=4M")
            victim.kill()
            victim.wait()
            r = self.recorder_of(victim.pid)
            found = self.site_bytes(r, "agent_sites")
            for name, bytes_true in truth.items():
                estimate, error = found.get(name, (0, 0))
                checked += 1
                inside += abs(estimate - bytes_true) <= 1.96 * error
                total_found, total_true, total_variance = total_found + estimate, total_true + bytes_true, total_variance + error ** 2
            self.assertLessEqual(r.busy(), 1)
        # 24 intervals of 95 %: less than 16 inside has a chance of one in a million.
        self.assertGreaterEqual(inside, 16, f"{inside} of {checked}")
        self.assertLess(abs(total_found - total_true), 6 * math.sqrt(total_variance))

    def test_a_crowded_table_gets_coarser_and_stays_unbiased(self):
        victim, truth = self.sites(30000000, "random", "sample=1K,size=1M")
        victim.kill()
        victim.wait()
        r = self.recorder_of(victim.pid)
        self.assertTrue(r.header.flags & FLAG_DEGRADED)
        self.assertGreater(r.header.mean, r.header.mean_asked)
        found = self.site_bytes(r, "agent_sites")
        estimate, error = sum(b for b, _e in found.values()), math.sqrt(sum(e * e for _b, e in found.values()))
        self.assertLess(abs(estimate - sum(truth.values())), 6 * error + 2e6)  # 2 MB of churn live beside the sites
        self.assertEqual(r.counters.lost_samples, 0)

    def test_mappings_of_the_program(self):
        python = shutil.which("python3")
        script = ("import mmap, os, signal; m = mmap.mmap(-1, 8 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS);"
                  "n = mmap.mmap(-1, 4 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); n.close(); os.kill(os.getpid(), signal.SIGKILL)")
        # A python3 that is a script of a version manager runs other programs first: only the last one is killed.
        subprocess.run([python, "-c", script], env=self.env("sample=64K"), timeout=60, check=False)
        paths = recorder.recorders(self.recorders)
        self.assertEqual(len(paths), 1, paths)
        r = recorder.Recorder(next(iter(paths.values())))
        stacks = r.stacks(kind=2)
        sizes = [record.size for _address, record in r.live() if record.stack in stacks]
        self.assertIn(8 << 20, sizes)
        self.assertNotIn(4 << 20, sizes)

    def test_operators_of_another_allocator_are_counted_once(self):
        for path in filter(None, (None, library("libjemalloc.so.2"))):
            preload = (AGENT, path) if path else (AGENT,)
            done = subprocess.Popen([victim_path("agent_cxx"), "abort"], stdout=subprocess.PIPE, env=self.env("sample=1,size=4M", preload))
            done.communicate(timeout=100)
            self.assertEqual(done.returncode, -signal.SIGABRT)
            sizes = [record.size for _address, record in self.recorder_of(done.pid).live()]
            self.assertEqual(sizes.count(1000), 1000)

    def test_each_form_of_operator_new_is_counted_once(self):
        for path in filter(None, (None, *(library(name) for name in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2.0")))):
            preload = (AGENT, path) if path else (AGENT,)
            with self.subTest(allocator=path):
                victim = self.spawn([victim_path("agent_cxx"), "forms"], env=self.env("sample=1", preload), stderr=subprocess.DEVNULL)
                self.assertEqual(victim.wait(60), -signal.SIGABRT)
                sizes = [record.size for _address, record in self.recorder_of(victim.pid).live()]
                self.assertEqual([sizes.count(n) for n in range(6400, 6912, 64)], [10] * 8)
                self.assertEqual([n for n in sizes if n == 0 or n > 10 << 20], [])


class Recorder(AgentTest):
    def test_vanishes_at_exit_unless_kept(self):
        self.run_victim("agent_harm", "plain")
        self.assertEqual(os.listdir(self.recorders), [])
        self.run_victim("agent_harm", "plain", options="keep")
        paths = recorder.recorders(self.recorders)
        self.assertEqual(len(paths), 1)
        header = recorder.Recorder(next(iter(paths.values()))).header
        self.assertEqual((header.state, header.exit_status), (2, 0))
        self.assertEqual(os.stat(next(iter(paths.values()))).st_mode & 0o777, 0o600)

    def test_each_way_to_become_another_program(self):
        for how in WAYS_TO_BECOME:
            with self.subTest(how=how):
                self.becomes(self.spawn([victim_path("becomes"), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=self.env("children=no,sample=1")))

    def test_says_who_it_was(self):
        victim = self.victim("agent_harm", "hold", env=self.env())
        header = self.recorder_of(victim.pid).header
        with open(f"/proc/{victim.pid}/stat", encoding="ascii", errors="replace") as f:
            ticks = int(f.read().rsplit(")", 1)[1].split()[19])
        self.assertEqual((header.pid, header.start_ticks, header.exe.decode()), (victim.pid, ticks, os.path.realpath(victim_path("agent_harm"))))
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
            self.assertEqual(header.boot_id.decode(), f.read().strip())

    def test_a_child_has_its_own(self):
        script = "import os\npid = os.fork()\nb = bytearray(5000000)\nos.wait() if pid else None\nos.kill(os.getpid(), 9)"
        subprocess.run(["python3", "-c", script], env=self.env("sample=64K", PYTHONMALLOC="malloc"), timeout=60, check=False)
        headers = [recorder.Recorder(path).header for path in recorder.recorders(self.recorders).values()]
        self.assertEqual(len(headers), 2)
        self.assertEqual(sum(bool(h.flags & FLAG_FORKED) for h in headers), 1)

    def killed(self):
        """The bytes of a recorder that a killed process has left; none is in the directory."""
        victim = self.victim("agent_sites", 3000000, "random", env=self.env("sample=64K"))
        victim.kill()
        victim.wait()
        (path,) = recorder.recorders(self.recorders).values()
        with open(path, "rb") as f:
            data = f.read()
        os.unlink(path)
        return data

    def leave(self, data, pid, ticks, **header):
        """A recorder of a process with this PID; its name."""
        data, name = bytearray(data), f"swansong.{pid}.{ticks}.rec"
        head = recorder.Header.from_buffer(data)
        for field, value in header.items():
            setattr(head, field, value)
        with open(os.path.join(self.recorders, name), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(data[:65536])
        return name

    def test_those_left_by_killed_ones_are_bounded(self):
        data = self.killed()
        alive = self.victim("agent_sites", 3000000, "random", env=self.env("sample=64K"))
        began = recorder.Header.from_buffer(bytearray(data)).began_monotonic_ns
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as f:
            nobody = int(f.read()) + 1
        left = [self.leave(data, nobody + i, 1, updated_ns=began + (i * 7 % 40) * 10 ** 9) for i in range(40)]
        others = {self.leave(data, nobody + 100, 1, updated_ns=began, pid_namespace=1), self.leave(data, nobody + 101, 1, updated_ns=began, state=2),
                  os.path.basename(recorder.recorders(self.recorders)[alive.pid])}
        subprocess.run(["/bin/true"], env=self.env(), check=True)
        newest = {name for i, name in enumerate(left) if i * 7 % 40 >= 8}
        self.assertEqual(set(os.listdir(self.recorders)), newest | others)

    def test_a_namesake_of_another_pid_namespace_stays(self):
        data = self.killed()
        begin = self.spawn(["/bin/sh", "-c", 'read line; export LD_PRELOAD="$0"; exec "$@"', AGENT, victim_path("agent_sites"), "3000000", "random"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(self.env(), LD_PRELOAD=""))
        with open(f"/proc/{begin.pid}/stat", encoding="ascii") as f:
            ticks = int(f.read().rsplit(")", 1)[1].split()[19])
        theirs = self.leave(data, begin.pid, ticks, pid_namespace=1)
        begin.stdin.write(b"\n")
        begin.stdin.flush()
        begin.stdout.readline()
        self.assertEqual(set(os.listdir(self.recorders)), {theirs, f"swansong.{begin.pid}.{ticks + 1}.rec"})
        with open(os.path.join(self.recorders, theirs), "rb") as f:
            self.assertEqual(recorder.Header.from_buffer(bytearray(f.read())).pid_namespace, 1)

    def test_children_shed_it_when_asked_to(self):
        script = 'env; "$@"'
        for options, sees in (("children=no", False), ("", True)):
            done = subprocess.run(["sh", "-c", script, "sh", "true"], env=self.env(options), capture_output=True, text=True, check=True)
            self.assertEqual("libswansong.so" in done.stdout.split("LD_PRELOAD=")[1].split("\n")[0], sees, options)

    def test_wrong_options_are_one_warning_each(self):
        done = self.run_victim("agent_harm", "plain", options="sample=banana,keep=perhaps,frobnicate,size=4M")
        self.assertEqual(done.stdout, "ok\n")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 3, done.stderr)
        for line, word in zip(lines, ("sample=banana", "keep=perhaps", "frobnicate")):
            self.assertIn(f'"{word}"', line)

    def test_says_when_it_does_not_see_the_heap(self):
        other = library("libjemalloc.so.2")
        if not other:
            self.skipTest("no jemalloc here")
        victim = self.victim("agent_harm", "hold", env=self.env(preload=(other, AGENT)))
        self.assertTrue(self.recorder_of(victim.pid).header.flags & FLAG_HEAP_UNSEEN)

    def test_history_and_statistics_are_written(self):
        victim = self.victim("agent_sites", 30000000, "random", env=self.env("sample=64K"))
        # On a busy machine there are some of the time when it filled its sites, and one may be on its way.
        before = self.recorder_of(victim.pid).counters.history[0]
        wait_until("three samples of history", lambda: self.recorder_of(victim.pid).counters.history[0] >= max(3, before + 2), 60)
        r = self.recorder_of(victim.pid)
        newest = r.history()[-1]
        with open(f"/proc/{victim.pid}/statm", encoding="ascii") as f:
            resident = int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        self.assertLess(abs(newest.rss - resident), 8 << 20)
        self.assertGreater(newest.live, 15000000)
        wait_until("statistics of the full heap", lambda: any(row.in_use > 29000000 for row in self.recorder_of(victim.pid).malloc()[:1]), 60)


class Dump(AgentTest):
    def dump_by_signal(self, victim):
        number = self.recorder_of(victim.pid).header.signal
        self.assertGreaterEqual(number, signal.SIGRTMIN)
        os.kill(victim.pid, number)
        wait_until("a dump", lambda: self.recorder_of(victim.pid).counters.dumps == 1, 60)
        return self.recorder_of(victim.pid)

    def check_threads(self, r, victim, count):
        stacks = r.stacks(kind=3)
        ours = [t for t in r.threads() if t.name != b"swansong"]
        self.assertEqual(len(ours), count)
        self.assertEqual({t.tid for t in ours}, {t for t in map(int, os.listdir(f"/proc/{victim.pid}/task")) if t in {x.tid for x in ours}})
        for thread in ours:
            self.assertIn(thread.stack, stacks, f"thread {thread.tid} did not answer")
            paths = [r.module_of(a)[0] for a in r.frames(stacks[thread.stack])]
            self.assertIn(os.path.realpath(victim_path(os.path.basename(victim.args[0]))), paths)

    def test_all_threads_without_a_service_thread(self):
        victim = self.victim("threads", 16, env=self.env("thread=off"))
        r = self.dump_by_signal(victim)
        self.check_threads(r, victim, len(os.listdir(f"/proc/{victim.pid}/task")))
        self.assert_unharmed(victim.pid)

    def test_all_threads_and_the_statistics(self):
        victim = self.victim("agent_sites", 30000000, "random", env=self.env("sample=64K"))
        wait_until("the service thread", lambda: self.recorder_of(victim.pid).counters.history[0] >= 2, 60)
        r = self.dump_by_signal(victim)
        self.check_threads(r, victim, 1)
        self.assertEqual(r.header.dump_reason, b"signal")
        # Of a single-threaded program the statistics come with a later sample: not in the handler.
        wait_until("statistics of the arenas, full", lambda: sum(row.in_use for row in self.recorder_of(victim.pid).malloc()[1:]) > 25000000, 60)

    @staticmethod
    def thread_names(pid):
        names = set()
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii", errors="replace") as f:
                names.add(f.read().strip())
        return names

    def test_a_single_threaded_program_stays_so(self):
        victim = self.victim("agent_sites", 30000000, "random", env=self.env("sample=64K"))
        wait_until("statistics", lambda: self.recorder_of(victim.pid).malloc(), 60)
        self.assertGreater(self.recorder_of(victim.pid).counters.samples, 100)
        self.assertEqual(self.thread_names(victim.pid), {"agent_sites"})

    def test_a_program_with_threads_gets_one_more(self):
        script = ("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
                  "while True: bytearray(100000)")
        victim = self.spawn([sys.executable, "-c", script], env=self.env("sample=64K", PYTHONMALLOC="malloc"))
        wait_until("the service thread", lambda: "swansong" in self.thread_names(victim.pid), 60)

    def test_the_programs_own_handler_stays(self):
        done = self.run_victim("agent_harm", "own-signal", signal.SIGRTMAX - 2)
        self.assertEqual(done.stdout, "ok\n")

    def test_a_signal_that_is_ignored_is_not_taken(self):
        number = signal.SIGRTMAX - 2
        argv = ["python3", "-c", f"import signal, os, sys; signal.signal({number}, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])",
                victim_path("agent_harm"), "hold"]
        victim = self.spawn(argv, stdout=subprocess.PIPE, env=self.env())
        self.assertEqual(victim.stdout.readline(), b"ready\n")
        self.assertEqual(self.recorder_of(victim.pid).header.signal, 0)
        os.kill(victim.pid, number)
        self.assertIsNone(victim.poll())
