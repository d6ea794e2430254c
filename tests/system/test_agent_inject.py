# SPDX-License-Identifier: MIT
"""The agent that was loaded into a running process: what it sees from then on, and that it harms nothing and leaves nothing behind."""

import ctypes
import json
import os
import resource
import shutil
import subprocess
import unittest

from tests.system import recorder
from tests.system.harness import SWANSONG, is_asleep, victim_path, wait_until
from tests.system.injecting import Tool
from tests.system.test_agent import AGENT, REPLACED, RUNNING, WAYS_TO_BECOME, AgentTest, library

FLAG_HEAP_UNSEEN, FLAG_LOADED_LATE = 1 << 5, 1 << 8
LINKED = {"lazy": ["-Wl,-z,lazy"], "now": ["-Wl,-z,now,-z,relro"], "no-relro": ["-Wl,-z,norelro"],
          "no-pie": ["-no-pie", "-fno-pie", "-Wl,-z,lazy"], "no-plt": ["-fno-plt"]}


HELD = {"after": 1000000, "by_pointer": 1000000, "first_call": 1000000}


class Late(ctypes.Structure):
    """What the header has behind its counters."""
    _fields_ = [("injected_ns", ctypes.c_uint64), ("detached_ns", ctypes.c_uint64), ("hooked_words", ctypes.c_uint32),
                ("missed_words", ctypes.c_uint32)]


class InjectTest(AgentTest):
    def env(self, options="", preload=(), **more):
        env = dict(os.environ, **more)
        env.pop("LD_PRELOAD", None)
        if preload:
            env["LD_PRELOAD"] = ":".join(preload)
        return env

    def options(self, text="sample=1,size=2M"):
        return f"dir={self.recorders},{text}"

    def late(self, pid):
        r = self.recorder_of(pid)
        return Late.from_buffer(r.data, recorder.Header.counters.offset + ctypes.sizeof(recorder.Counters))

    def build(self, name, source, *flags):
        path = os.path.join(self.dir, name)
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-g", *flags, "-o", path, source, "-lpthread", "-ldl"], check=True)
        return path

    def hold(self, program, preload=(), options="sample=1,size=2M"):
        """`late AGENT OPTIONS hold`, at "ready"."""
        victim = self.spawn([program, AGENT, self.options(options), "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            env=self.env(preload=preload), text=True)
        self.expect(victim, "ready")
        return victim

    def expect(self, victim, word):
        for line in iter(victim.stdout.readline, ""):
            if line.strip() == word:
                return
        self.fail(f"{word} was not said")

    @staticmethod
    def go_on(victim):
        victim.stdin.write("\n")
        victim.stdin.flush()

    def blocks(self, pid, program):
        """{function: bytes} of the blocks that this program's own functions hold."""
        r, names, found = self.recorder_of(pid), recorder.symbols(program), {}
        stacks = r.stacks()
        for _address, record in r.live():
            path, offset = r.module_of(r.frames(stacks[record.stack])[0] - 1)
            if path == os.path.realpath(program):
                name = recorder.function_at(names, offset)
                found[name] = found.get(name, 0) + record.size
        return found


class Hooks(InjectTest):
    def check(self, program, preload=()):
        victim = self.hold(program, preload)
        self.assertEqual(self.blocks(victim.pid, program), HELD)
        self.assertEqual(self.recorder_of(victim.pid).header.flags & (FLAG_LOADED_LATE | FLAG_HEAP_UNSEEN), FLAG_LOADED_LATE)
        self.go_on(victim)
        self.expect(victim, "detached")
        self.assertTrue(self.late(victim.pid).detached_ns)
        self.assertEqual(self.late(victim.pid).hooked_words, 0)
        self.assertEqual(self.blocks(victim.pid, program), HELD)
        self.go_on(victim)
        self.expect(victim, "again")
        self.assertEqual(self.blocks(victim.pid, program), {"after": 1000000})
        self.assertFalse(self.late(victim.pid).detached_ns)
        self.go_on(victim)
        self.assertEqual(victim.wait(60), 0)
        self.assertNotIn(victim.pid, recorder.recorders(self.recorders))

    def test_however_the_program_was_linked(self):
        for name, flags in LINKED.items():
            with self.subTest(linked=name):
                self.check(self.build(f"late-{name}", "tests/victims/late.c", *flags))

    def test_whatever_allocator_was_preloaded(self):
        for name in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libmimalloc.so.2"):
            path = library(name)
            if path:
                with self.subTest(allocator=name):
                    # A call that is not bound could mean libc's malloc, too: "now" has none.
                    self.check(self.build(f"late-{name}", "tests/victims/late.c", *LINKED["now"]), preload=(path,))

    def start(self, *argv):
        return self.spawn([victim_path("late"), AGENT, self.options(), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env(),
                          text=True)

    def test_a_library_that_is_loaded_later(self):
        source = os.path.join(self.dir, "plugin.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("#include <stdlib.h>\nchar *plugin_block(size_t n) { char *p = malloc(n); p[0] = 1; return p; }")
        plugin = self.build("plugin.so", source, "-shared", "-fPIC")
        victim = self.start("plugin", plugin)

        def seen():
            self.expect(victim, "block")
            self.go_on(victim)
            r = self.recorder_of(victim.pid)
            stacks = r.stacks()
            return any(r.module_of(r.frames(stacks[record.stack])[0] - 1)[0] == plugin for _address, record in r.live())
        wait_until("the plugin's blocks are seen", seen, 60)

    def test_a_child_that_is_forked_later_records_for_itself(self):
        victim = self.start("fork")
        child = int(victim.stdout.readline())
        self.expect(victim, "child")
        self.assertEqual(recorder.recorders(self.recorders).keys(), {victim.pid, child})
        self.assertEqual(self.blocks(child, victim_path("late")), {"after": 1000000})
        self.go_on(victim)
        self.assertEqual(victim.wait(60), 0)
        self.assertEqual(recorder.recorders(self.recorders), {})

    def test_a_process_that_becomes_another_program_is_not_taken_for_killed(self):
        victim = self.start("exec")
        self.expect(victim, "failed")
        self.assertEqual(self.recorder_of(victim.pid).header.state, RUNNING)
        self.go_on(victim)
        wait_until("it is another program", lambda: is_asleep(victim.pid, "sleep"), 60)
        self.assertEqual(self.recorder_of(victim.pid).header.state, REPLACED)
        victim.kill()
        victim.wait()
        row, = self.swansong("list", self.recorders).stdout.splitlines()[1:]
        self.assertIn(" replaced ", row)
        report = self.swansong("report", recorder.recorders(self.recorders)[victim.pid]).stdout
        self.assertIn("went on as another program", " ".join(report.split()))
        self.assertEqual(self.blocks(victim.pid, victim_path("late")), {"after": 2000000})

    def test_each_way_to_become_another_program(self):
        for how in WAYS_TO_BECOME:
            with self.subTest(how=how):
                victim = self.spawn([victim_path("becomes"), how, AGENT, self.options()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    env=self.env(), text=True)
                self.becomes(victim)
                self.assertEqual(self.blocks(victim.pid, victim_path("becomes")), {"main": 1000000})

    def test_an_agent_that_nobody_calls_is_quiet(self):
        victim = self.victim("late", AGENT, self.options(), "quiet", stdin=subprocess.PIPE, env=self.env())
        with open(f"/proc/{victim.pid}/maps", encoding="ascii", errors="replace") as f:
            self.assertIn("libswansong.so", f.read())
        self.assertEqual(recorder.recorders(self.recorders), {})
        self.assertEqual(os.listdir(f"/proc/{victim.pid}/task"), [str(victim.pid)])

    def test_a_program_with_one_thread_keeps_one(self):
        victim = self.hold(victim_path("late"))
        self.assertEqual(os.listdir(f"/proc/{victim.pid}/task"), [str(victim.pid)])


class Refusals(InjectTest):
    def refusal(self, program, options="sample=1,size=2M"):
        done = subprocess.run([program, AGENT, self.options(options), "hold"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.env(), timeout=100, check=False)
        self.assertEqual(recorder.recorders(self.recorders), {})
        return done.stdout.strip()

    def test_an_allocator_in_the_program(self):
        source = os.path.join(self.dir, "own.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("""#include <stddef.h>
                    #include <string.h>
                    static char heap[64 << 20]; static size_t used;
                    void *malloc(size_t n) { void *p = heap + used; used += (n + 31) & ~15ul; return p; }
                    void free(void *p) { (void)p; }
                    void *calloc(size_t a, size_t b) { return malloc(a * b); }
                    void *realloc(void *p, size_t n) { return p ? memmove(malloc(n), p, n) : malloc(n); }
                    """)
        program = self.build("late-own", "tests/victims/late.c", source, "-fno-builtin")
        self.assertEqual(self.refusal(program), f"refused: {os.strerror(95)}")

    def test_a_wrong_option(self):
        self.assertEqual(self.refusal(victim_path("late"), "sample=banana"), f"refused: {os.strerror(22)}")

    def test_a_preloaded_agent(self):
        done = subprocess.run([victim_path("late"), AGENT, "", "hold"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=dict(os.environ, LD_PRELOAD=AGENT, SWANSONG_OPTIONS=self.options()), timeout=100, check=False)
        self.assertEqual(done.stdout.strip(), f"refused: {os.strerror(114)}")


class Storm(InjectTest):
    def plugins(self):
        for i, flags in enumerate((["-Wl,-z,lazy"], ["-Wl,-z,now"])):
            source = os.path.join(self.dir, f"p{i}.c")
            with open(source, "w", encoding="ascii") as f:
                f.write("""#include <stdlib.h>
                        static void *mine; static void (*volatile give)(void *) = free;
                        void *plugin_block(size_t n) { return malloc(n); }
                        static __attribute__((constructor)) void begin(void) { mine = malloc(100000); }
                        static __attribute__((destructor)) void end(void) { give(mine); }""")
            yield self.build(f"p{i}.so", source, "-shared", "-fPIC", *flags)

    def test_on_and_off_while_everything_goes_on(self):
        plugins = list(self.plugins())
        for options in ("sample=4K", "sample=1,thread=off"):
            with self.subTest(options=options):
                done = subprocess.run([victim_path("late_storm"), AGENT, self.options(options), "40", *plugins], env=self.env(),
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok\n", ""))
                self.assertEqual(recorder.recorders(self.recorders), {})


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class BetweenTurns(InjectTest):
    """A program with a single thread puts the hooks on itself, file by file, turn by turn; swansong sleeps in between, and is killed there."""
    TABLES, WORDS = 6, 400000

    def setUp(self):
        super().setUp()
        self.tool = Tool(AGENT)
        self.addCleanup(self.tool.close)
        # Each takes longer than a turn has, on any machine.
        source, first = os.path.join(self.dir, "t.c"), os.path.join(self.dir, "libt0.so")
        with open(source, "w", encoding="ascii") as f:
            f.write(f'__asm__(".data\\n.balign 8\\n.rept {self.WORDS}\\n.quad malloc\\n.endr\\n");\n')
        subprocess.run(["cc", "-shared", "-nostdlib", "-o", first, source], check=True)
        self.tables = [first] + [shutil.copy(first, os.path.join(self.dir, f"libt{i}.so")) for i in range(1, self.TABLES)]
        source = os.path.join(self.dir, "v.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("""#include <stdint.h>
                    #include <stdio.h>
                    #include <stdlib.h>
                    #include <unistd.h>
                    static void *(*volatile pointer)(size_t) = malloc;
                    int main(void)
                    {
                            uintptr_t was = (uintptr_t)pointer;
                            char c;
                            do {
                                    for (int i = 0; i < 20; i++)
                                            free(pointer(10000));
                                    dprintf(1, "%d\\n", (uintptr_t)pointer != was);
                            } while (read(0, &c, 1) > 0);
                    }""")
        self.program = self.build("v", source, "-Wl,--no-as-needed", *self.tables)

    def start(self):
        victim = self.spawn([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env(), text=True)
        self.assertEqual(victim.stdout.readline(), "0\n")
        return victim

    def is_hooked(self, victim):
        """The program's own word, which is the first."""
        self.go_on(victim)
        return int(victim.stdout.readline())

    def all_hooked(self, victim):
        self.is_hooked(victim)
        return self.late(victim.pid).hooked_words >= self.TABLES * self.WORDS

    def run_to_the_end(self, victim, *args):
        done = self.tool.inject(victim.pid, "--wait", "60", "--timeout", "60", *args)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_killed_there_the_rest_follows_at_the_programs_own_allocations(self):
        followed, number, killed = 0, 2, True
        while killed:
            victim = self.start()
            killed = self.tool.killed_at(self.tool.argv(victim.pid, "--wait", "60", "--timeout", "60", "--options", self.options()),
                                         "/nanosleep$", number)
            self.assert_unharmed(victim.pid)
            before = self.late(victim.pid).hooked_words if victim.pid in recorder.recorders(self.recorders) else 0
            if not killed:
                self.assertGreaterEqual(before, self.TABLES * self.WORDS)
            elif self.is_hooked(victim):
                followed += before == 0
                wait_until("the rest has followed", lambda v=victim: self.all_hooked(v), 60)
            # It had only begun: nothing follows, and whoever asks again gets it.
            self.run_to_the_end(victim, "--options", self.options())
            self.assertTrue(self.all_hooked(victim))
            self.run_to_the_end(victim, "--detach")
            self.assertEqual((self.is_hooked(victim), self.late(victim.pid).hooked_words), (0, 0))
            victim.stdin.close()
            self.assertEqual(victim.wait(60), 0)
            number += 3
        self.assertGreater(followed, 0)


class FromOutside(InjectTest):
    """`swansong inject`, and what the next dump says."""

    def test_what_the_agent_refuses_is_said_as_what_it_is(self):
        victim = self.spawn(["sleep", "1000"])
        others = os.path.join(self.dir, "others")
        os.mkdir(others)
        os.chmod(others, 0o755)
        for options, status, words in (("bogus=1", 2, "does not understand the options 'bogus=1'"),
                                       ("dir=/nonexistent/x", 3, "finds no directory for its recorder"),
                                       (f"dir={others}", 3, "open to others")):
            done = self.swansong("inject", "-p", victim.pid, "--wait", "60", "--timeout", "60", "--options", options)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assert_one_line(done.stderr)
            self.assertIn(words, done.stderr)
        limits = {resource.RLIMIT_FSIZE: (0, "ulimit -f"), resource.RLIMIT_NOFILE: (3, "Too many open files")}
        for limit, (value, words) in limits.items():
            limited = self.spawn(["sleep", "1000"])
            resource.prlimit(limited.pid, limit, (value, value))
            done = self.swansong("inject", "-p", limited.pid, "--wait", "60", "--timeout", "60", "--options", f"dir={self.recorders}")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assert_one_line(done.stderr)
            self.assertIn(words, done.stderr)
            self.assert_unharmed(limited.pid)
        done = self.swansong("inject", "-p", victim.pid, "--sample", "much")
        self.assertEqual((done.returncode, done.stderr), (2, "swansong inject: --sample much: not a size; write 512K or 1M\n"))
        self.assert_unharmed(victim.pid)

    def test_what_was_there_before_the_agent_is_counted_beside_what_came_after(self):
        bundle = self.dump(self.hold(victim_path("late")).pid)
        report = self.report(bundle)
        self.assertEqual(report["heap"]["source"], "recorder")
        self.assertEqual(len([site for site in report["heap"]["sites"] if site["live_bytes"] == 1000000]), 3)
        # 100 from before the agent, of which 50 were freed, and 300 since.
        self.assertEqual(sum(row["live_objects"] for row in report["heap"]["sizes"] if 9216 < row["size_max"] <= 10240), 350)
        self.assertTrue(report["census"]["complete"])
        self.assertGreaterEqual(report["census"]["in_use"], 350 * 10000)
        self.assertEqual(report["malloc"]["in_use"], report["census"]["in_use"])
        self.assertIn("HEAP  what the program allocated and has not freed", self.text)
        self.assertIn("HEAP  counted from outside", self.text)
        self.cut(bundle, "census/arenas.tsv")
        self.assertFalse(json.loads(self.swansong("report", bundle, "--format", "json").stdout)["census"]["complete"])

    def cut(self, bundle, name):
        """As if there had been no time for all of this section."""
        manifest = self.manifest(bundle)
        section, = [section for section in manifest["sections"] if section["path"].endswith(name)]
        self.assertEqual(section["status"], "ok")
        section["status"] = "cut"
        with open(os.path.join(bundle, "manifest.json"), "w", encoding="ascii") as f:
            json.dump(manifest, f)

    def test_an_agent_that_was_there_from_the_start_needs_no_census_unless_one_is_asked_for(self):
        victim = self.victim("late", AGENT, self.options(), "quiet", stdin=subprocess.PIPE, env=dict(os.environ, LD_PRELOAD=AGENT, SWANSONG_OPTIONS=self.options()))
        for how, counted in (("auto", False), ("full", True)):
            report = self.report(self.dump(victim.pid, "--census", how))
            self.assertEqual(report["heap"]["source"], "recorder")
            self.assertEqual((report["census"] is not None, len(report["heap"]["types"]) > 0), (counted, counted))

    def test_a_program_that_becomes_another_one_between_two_turns_is_left_alone(self):
        source, asleep, go = (os.path.join(self.dir, name) for name in ("pause.c", "asleep", "go"))
        with open(source, "w", encoding="ascii") as f:
            f.write("""#include <fcntl.h>
                    #include <stdlib.h>
                    #include <time.h>
                    #include <unistd.h>
                    int nanosleep(const struct timespec *want, struct timespec *left)
                    {
                            close(creat(getenv("ASLEEP"), 0600));
                            while (access(getenv("GO"), F_OK) != 0)
                                    usleep(1000);
                            return 0;
                    }""")
        preload = self.build("pause.so", source, "-shared", "-fPIC", "-w")
        victim = self.spawn(["sh", "-c", "read line; exec sleep 1000"], stdin=subprocess.PIPE, env=self.env(), text=True)
        wait_until("it reads", lambda: is_asleep(victim.pid, "sh"), 60)
        injecting = self.spawn([SWANSONG, "inject", "-p", str(victim.pid), "--wait", "60", "--timeout", "60", "--options", self.options()],
                               stderr=subprocess.PIPE, text=True, env=dict(self.env(), LD_PRELOAD=preload, ASLEEP=asleep, GO=go,
                                                                           ASAN_OPTIONS="verify_asan_link_order=0"))
        wait_until("the first turn is over", lambda: os.path.exists(asleep) or injecting.poll() is not None, 120)
        self.assertIsNone(injecting.poll(), injecting.poll() is not None and injecting.stderr.read())
        self.go_on(victim)
        wait_until("it is another program", lambda: is_asleep(victim.pid, "sleep"), 60)
        with open(go, "w", encoding="ascii"):
            pass
        self.assertEqual(injecting.wait(60), 3)
        self.assertIn(f"PID {victim.pid} went on as another program (exec)", injecting.stderr.read())
        self.assert_unharmed(victim.pid)

    def test_a_c_library_that_was_upgraded_meanwhile(self):
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as f:
            libc = next((line.split(None, 5)[5].strip() for line in f if line.rstrip().endswith("/libc.so.6")), None)
        if not libc:
            self.skipTest("no libc.so.6 of glibc")
        mine = os.path.join(self.dir, "libc.so.6")
        shutil.copy(libc, mine)
        victim = self.spawn(["sleep", "1000"], env=dict(self.env(), LD_LIBRARY_PATH=self.dir))
        os.unlink(mine)
        with open(f"/proc/{victim.pid}/maps", encoding="utf-8", errors="replace") as f:
            self.assertIn(mine + " (deleted)", f.read())
        for more in (["--options", f"dir={self.recorders}"], ["--detach"]):
            done = self.swansong("inject", "-p", victim.pid, "--wait", "60", "--timeout", "60", *more)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_unharmed(victim.pid)

    def test_the_leak_that_goes_on_is_named_in_the_next_dump(self):
        victim = self.victim("leak", 20, env=self.env())
        done = self.swansong("inject", "-p", victim.pid, "--sample", "4K", "--options", f"dir={self.recorders}", "--wait", 60, "--timeout", 60)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until("a few MiB more", lambda: sum(record.size * record.weight // recorder.ONE for _address, record in
                                                 self.recorder_of(victim.pid).live()) > 4 << 20, 60)
        heap = self.report(self.dump(victim.pid))["heap"]
        self.assertEqual(heap["source"], "recorder")
        self.assertIn("SessionCache::remember", heap["places"][0]["frame"]["function"])
        self.assertTrue(heap["injected"])
        self.assertIsNone(heap["detached"])
        done = self.swansong("inject", "--detach", "-p", victim.pid, "--wait", 60, "--timeout", 60)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until("it is detached", lambda: self.late(victim.pid).detached_ns, 60)
        self.assertTrue(self.report(self.dump(victim.pid))["heap"]["detached"])
        self.assertIsNone(victim.poll())
