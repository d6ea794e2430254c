# SPDX-License-Identifier: MIT
"""What the tests of injection share: a swansong with a stand-in for the agent beside it, and victims that are looked at closely.

    with Spied("epoll") as victim:
        tool.inject(victim.pid)
        victim.check()            # nothing is traced, stopped, left open or masked
    # its end: the victim has checked itself
"""

import os
import re
import shutil
import subprocess
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HERE = os.path.dirname(os.path.abspath(__file__))
MODES = ["epoll", "poll", "select", "read", "recv", "cond", "nanosleep", "spin", "malloc", "dlopen", "stdio", "altstack"]

# ptrace() is the step that counts; pwrite64() is what is written before it.
STEPS = ("ptrace", "pwrite64")


class Harmed(AssertionError):
    """The victim is not what it was."""


class Tool:
    """A directory with swansong and the stand-in, or with the agent itself."""

    def __init__(self, agent=None):
        self.dir = tempfile.mkdtemp(prefix="swansong-inject.")
        os.chmod(self.dir, 0o755)
        self.swansong = shutil.copy(os.path.join(BUILD, "swansong"), self.dir)
        if agent:
            shutil.copy(agent, os.path.join(self.dir, "libswansong.so"))
            return
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-Wl,-soname,libswansong.so", "-Wl,-z,nodelete", "-o",
                        os.path.join(self.dir, "libswansong.so"), os.path.join(HERE, "standin_agent.c")], check=True)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def argv(self, pid, *args):
        return [self.swansong, "inject", "-p", str(pid), *args]

    def inject(self, pid, *args):
        return subprocess.run(self.argv(pid, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)

    def asking(self, pid):
        """The allocator is asked, and nothing else is looked at."""
        return [self.swansong, "dump", "-p", str(pid), "-o", self.dir, "--only", "heap", "--census", "off", "--malloc-info", "--no-report"]

    def ask(self, pid):
        """Did it answer?"""
        done = subprocess.run(self.asking(pid), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True)
        bundle = done.stdout.rstrip("\n").rsplit("bundle: ", 1)[1]
        try:
            return os.path.exists(os.path.join(bundle, "proc", str(pid), "malloc_info", "totals.tsv"))
        finally:
            shutil.rmtree(bundle)

    def killed_at(self, argv, call, number):
        """Run the command, and kill whichever of its processes is the first to make this system call for the nth time.  Was one?"""
        trace = os.path.join(self.dir, "trace")
        subprocess.run(["strace", "-f", "-q", "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}", *argv],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        with open(trace, encoding="utf-8", errors="replace") as f:
            return "killed by SIGKILL" in f.read()


def status(pid, tid):
    try:
        with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    except OSError:
        return {}


class Spied:
    def __init__(self, *args):
        self.name = " ".join(map(str, args))
        self.process = subprocess.Popen([os.path.join(BUILD, "victims", "spied"), *map(str, args)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"spied {self.name} did not start")
        self.before = self.outside()
        self.said = ""

    def outside(self):
        """What can be seen of it from outside, and must stay."""
        # sigtimedwait(), in which the first thread waits, takes signals out of the mask for its time.
        threads = [status(self.pid, tid) for tid in sorted(os.listdir(f"/proc/{self.pid}/task")) if int(tid) != self.pid]
        masks = [thread.get("SigBlk") for thread in threads if thread.get("Name") != "swansong"]
        with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="replace") as f:
            files = sorted({line.split(None, 5)[1] + " " + line.split(None, 5)[5].strip() for line in f if line.count("/") > 0})
        files = [name for name in files if not re.search(r"libswansong|/swansong\.[0-9.]*rec|libm\.|libm-|libBrokenLocale", name)]
        return {"masks": masks, "files": files, "descriptors": sorted(os.listdir(f"/proc/{self.pid}/fd"))}

    def check(self, without=()):
        """No thread is traced or stopped, and nothing of it has changed.  Some things take a moment: a thread that is let go
        has to run first."""
        end = time.monotonic() + 60
        while True:
            wrong = []
            for tid in os.listdir(f"/proc/{self.pid}/task"):
                fields = status(self.pid, tid)
                if fields.get("TracerPid", "0") != "0" or fields.get("State", "S")[0] in "tT":
                    wrong.append(f"thread {tid}: {fields.get('State')}, tracer {fields.get('TracerPid')}")
            now = self.outside()
            wrong += [f"{what}: {self.before[what]} and now {now[what]}" for what in now
                      if what not in without and now[what] != self.before[what]]
            if not wrong:
                return
            if self.process.poll() is not None:
                raise Harmed(f"{self.name} ended with {self.process.returncode}: {self.process.stdout.read()}")
            if time.monotonic() > end:
                raise Harmed(f"{self.name}: {'; '.join(wrong)}")
            time.sleep(0.005)

    def finish(self):
        """It checks itself.  What it says, and how often it saw EINTR."""
        self.process.terminate()
        try:
            self.said = self.process.communicate(timeout=60)[0].strip()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Harmed(f"{self.name} hangs") from None
        if self.process.returncode != 0:
            raise Harmed(f"{self.name} ended with {self.process.returncode}: {self.said}")
        return int(self.said.split(",")[1].split()[0])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
