# SPDX-License-Identifier: MIT
"""Other allocators and runtimes from outside: each process as it is, without preparation, against its own word."""

import glob
import json
import os
import re
import shutil
import subprocess
import unittest

from tests.system.harness import SwansongTest, proc_status

JEMALLOC = "libjemalloc.so.2"
TCMALLOC = "libtcmalloc_minimal.so.4"
MIMALLOC = "libmimalloc.so.2"
PYTHON = "/usr/bin/python3"

# Objects of a class, a call of `word` (C, by ctypes) at the end, then quiet.
PROGRAM = """
import ctypes, time
class Order: pass
orders = [Order() for i in range(5000)]
blocks = [bytearray(3000) for i in range(3000)]
lib = ctypes.CDLL(None)
def word():
    %s
print("ready", word(), flush=True)
time.sleep(600)
"""

# Much address space, little of it used, and memory of code, as V8's neighbours have it.
SPARSE = """
import ctypes, time
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
for i in range(8):
    ctypes.memset(mmap(None, 2 << 30, 3, 0x4022, -1, 0), 1, 4 << 20)
mmap(None, 1 << 20, 5, 0x22, -1, 0)
print("ready 0", flush=True)
time.sleep(600)
"""

GO = """package main

import (
	"fmt"
	"runtime"
	"time"
)

type node struct {
	a    [10]int
	next *node
}

var head *node

func main() {
	for i := 0; i < 50000; i++ {
		head = &node{next: head}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("ready", m.HeapAlloc)
	time.Sleep(time.Hour)
}
"""


class Heaps(SwansongTest):
    def heap(self, pid, name):
        """The heap of that name, and the whole report."""
        bundle = self.dump(pid, "--only", "heap,process")
        with open(os.path.join(bundle, "report.json"), encoding="utf-8") as f:
            report = json.load(f)
        found = [h for h in report["heaps"] if h["name"] == name]
        self.assertEqual(len(found), 1, report["heaps"])
        self.assertIsNone(found[0]["refused"])
        return found[0], report

    def program(self, argv, **kwargs):
        """Started, and the number that it says when it is ready."""
        victim = self.spawn(argv, stdout=subprocess.PIPE, **kwargs)
        return victim, int(victim.stdout.readline().split()[1])

    def python(self, word, library=None):
        env = {**os.environ, "PYTHONMALLOC": "malloc" if library else "default"}
        if library:
            found = glob.glob("/usr/lib/*/" + library)
            if not found:
                self.skipTest(library + " is not installed")
            env["LD_PRELOAD"] = found[0]
        return self.program([PYTHON, "-c", PROGRAM % word], env=env)

    def assert_sums(self, heap):
        parts = [heap[key] for key in ("in_use", "free", "overhead") if heap[key] is not None]
        self.assertEqual(sum(parts), heap["system"], heap)
        if heap["sizes"]:
            self.assertEqual(sum(size["live_bytes"] for size in heap["sizes"]), heap["in_use"])

    def assert_row(self, report, row, least):
        rows = {w["what"]: w["bytes"] for w in report["memory"]["where"]}
        self.assertGreater(rows.get(row, 0), least, rows)
        self.assertEqual(sum(rows.values()), report["memory"]["rss"])

    def test_jemalloc_agrees_with_mallctl(self):
        victim, said = self.python("""
    epoch, size, n = ctypes.c_uint64(1), ctypes.c_size_t(8), ctypes.c_size_t()
    lib.mallctl(b"thread.tcache.flush", None, None, None, 0)
    lib.mallctl(b"epoch", None, None, ctypes.byref(epoch), ctypes.c_size_t(8))
    lib.mallctl(b"stats.allocated", ctypes.byref(n), ctypes.byref(size), None, ctypes.c_size_t(0))
    return n.value""", JEMALLOC)
        heap, report = self.heap(victim.pid, "jemalloc")
        self.assert_sums(heap)
        self.assertAlmostEqual(heap["in_use"], said, delta=200000)
        self.assertEqual(report["malloc"]["allocator"], "jemalloc")

    def test_tcmalloc_agrees_with_its_own_properties(self):
        victim, said = self.python("""
    n = ctypes.c_size_t()
    lib.MallocExtension_GetNumericProperty(b"generic.heap_size", ctypes.byref(n))
    return n.value""", TCMALLOC)
        heap, _ = self.heap(victim.pid, "tcmalloc")
        self.assert_sums(heap)
        self.assertAlmostEqual(heap["system"] + heap["returned"], said, delta=2 << 20)

    def test_mimallocs_segments_hold_what_was_allocated(self):
        victim, _ = self.python("return 0", MIMALLOC)
        heap, report = self.heap(victim.pid, "mimalloc")
        self.assertGreater(heap["in_use"], 9000000)
        self.assertLess(heap["in_use"], report["memory"]["rss"])
        self.assert_row(report, "mimalloc heap", 9000000)

    def test_python_objects_have_types(self):
        victim, _ = self.python("return 0")
        heap, report = self.heap(victim.pid, "CPython")
        self.assert_sums(heap)
        self.assertEqual({t["name"]: t["live_objects"] for t in heap["types"]}["Order"], 5000)
        self.assert_row(report, "CPython heap", 500000)

    def test_go_agrees_with_its_runtime_stripped_or_not(self):
        if not shutil.which("go"):
            self.skipTest("Go is not installed")
        source, program = os.path.join(self.dir, "a.go"), os.path.join(self.dir, "a")
        with open(source, "w", encoding="ascii") as f:
            f.write(GO)
        subprocess.run(["go", "build", "-ldflags=-s -w", "-o", program, source], check=True,
                       env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""})
        victim, said = self.program([program])
        heap, _ = self.heap(victim.pid, "Go")
        self.assert_sums(heap)
        self.assertAlmostEqual(heap["in_use"], said, delta=100000)
        self.assertTrue(heap["version"].startswith("go1."))

    def test_node(self):
        if not shutil.which("node"):
            self.skipTest("node is not installed")
        victim, said = self.program(["node", "-e", "let l = []; for (let i = 0; i < 100000; i++) l.push({a: i}); globalThis.gc && gc();"
                                     "console.log('ready', process.memoryUsage().heapUsed); setTimeout(() => l, 1e9)"])
        if int(re.search(r"v(\d+)", subprocess.check_output(["node", "--version"], text=True)).group(1)) > 20:
            self.skipTest("of V8's pages only those of node 16 to 20 are known")
        heap, report = self.heap(victim.pid, "V8")
        self.assertGreater(heap["system"], said / 2)
        self.assert_row(report, "V8 heap", said / 4)

    def test_memory_that_is_not_there_is_not_made(self):
        victim, _ = self.program([PYTHON, "-c", SPARSE])

        def tables_kib():
            return int(proc_status(victim.pid)["VmPTE"].split()[0])

        before = tables_kib()
        self.dump(victim.pid, "--only", "heap", "--no-report")
        self.assertLess(tables_kib() - before, 200)

    def test_the_jvm(self):
        java = shutil.which("java")
        if not java or not shutil.which("javac"):
            self.skipTest("no JDK is installed")
        source = os.path.join(self.dir, "Quiet.java")
        with open(source, "w", encoding="ascii") as f:
            f.write('class Quiet { static byte[][] l = new byte[20000][]; public static void main(String[] a) throws Exception {'
                    'for (int i = 0; i < l.length; i++) l[i] = new byte[1000];'
                    'System.out.println("ready " + Runtime.getRuntime().totalMemory()); Thread.sleep(600000); } }')
        victim, said = self.program([java, "-Xms64m", "-Xmx64m", source])
        heap, report = self.heap(victim.pid, "JVM")
        self.assertEqual({t["name"]: t["live_bytes"] for t in heap["types"]}["Java heap, 64 MiB reserved"], said)
        self.assert_row(report, "JVM heap", 20000000)

    def test_redis_as_debian_builds_it(self):
        if not shutil.which("redis-server"):
            self.skipTest("redis is not installed")
        if "jemalloc" not in subprocess.check_output(["ldd", shutil.which("redis-server")], text=True):
            self.skipTest("this redis has another allocator")
        socket = os.path.join(self.dir, "s")
        victim = self.spawn(["redis-server", "--port", "0", "--save", "", "--unixsocket", socket, "--dir", self.dir], stdout=subprocess.PIPE)
        for line in victim.stdout:
            if b"ready to accept" in line.lower() or b"accept connections" in line.lower():
                break
        subprocess.run(["redis-cli", "-s", socket, "debug", "populate", "20000", "key", "100"], check=True, stdout=subprocess.DEVNULL)
        info = subprocess.check_output(["redis-cli", "-s", socket, "info", "memory"], text=True)
        used = int(re.search(r"used_memory:(\d+)", info).group(1))
        heap, _ = self.heap(victim.pid, "jemalloc")
        self.assert_sums(heap)
        self.assertAlmostEqual(heap["in_use"], used, delta=2 << 20)
        # A thread that only asks has an arena in which nothing lies.
        self.dump(victim.pid, "--only", "heap", "--malloc-info")
        heap, _ = self.heap(victim.pid, "jemalloc")
        self.assert_sums(heap)


if __name__ == "__main__":
    unittest.main()
