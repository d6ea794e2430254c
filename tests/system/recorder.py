# SPDX-License-Identifier: MIT
"""A second reader of the agent's recorder (src/base/recorder/recorder_layout.h), for tests: simple, and independent of the C one."""

import ctypes as c
import os

SECTIONS = ["live_keys", "live_records", "stacks", "frames", "modules", "text", "malloc", "history", "notes", "threads"]
LEVELS = 4
ONE = 65536


class Section(c.Structure):
    _fields_ = [("offset", c.c_uint64), ("count", c.c_uint64), ("entry_size", c.c_uint32), ("reserved", c.c_uint32)]


class Counters(c.Structure):
    _fields_ = [(name, c.c_uint64) for name in ("samples", "frees", "live_samples", "lost_samples", "lost_bytes", "stacks", "frames",
                                                "modules", "text", "malloc_rows", "notes")] + [
        ("history", c.c_uint64 * LEVELS), ("threads", c.c_uint64), ("dumps", c.c_uint64), ("coarser", c.c_uint64),
        ("unwind_cut", c.c_uint64)]


class Header(c.Structure):
    _fields_ = [("magic", c.c_char * 8), ("version", c.c_uint32), ("header_size", c.c_uint32), ("file_size", c.c_uint64),
                ("machine", c.c_uint16), ("n_sections", c.c_uint16), ("page_size", c.c_uint32), ("pid", c.c_uint32), ("uid", c.c_uint32),
                ("pid_namespace", c.c_uint64), ("start_ticks", c.c_uint64), ("boot_id", c.c_char * 40), ("began_monotonic_ns", c.c_uint64),
                ("began_realtime_ns", c.c_uint64), ("mean_asked", c.c_uint64), ("exe", c.c_char * 256), ("allocator", c.c_char * 32),
                ("signal", c.c_uint32), ("reserved0", c.c_uint32), ("section", Section * 16), ("state", c.c_uint32), ("flags", c.c_uint32),
                ("mean", c.c_uint64), ("updated_ns", c.c_uint64), ("finished_ns", c.c_uint64), ("module_generation", c.c_uint32),
                ("dump_sequence", c.c_uint32), ("dump_ns", c.c_uint64), ("dump_reason", c.c_char * 64), ("exit_status", c.c_int32),
                ("reserved", c.c_uint32), ("counters", Counters)]


class Live(c.Structure):
    _fields_ = [("size", c.c_uint64), ("weight", c.c_uint64), ("stack", c.c_uint32), ("time", c.c_uint32)]


class Stack(c.Structure):
    _fields_ = [("hash", c.c_uint64), ("first_frame", c.c_uint32), ("n_frames", c.c_uint16), ("kind", c.c_uint8), ("flags", c.c_uint8),
                ("generation", c.c_uint32), ("reserved0", c.c_uint32), ("live_bytes", c.c_int64), ("live_objects", c.c_int64),
                ("raw_bytes", c.c_int64), ("raw_objects", c.c_int64), ("allocated_bytes", c.c_uint64), ("allocated_objects", c.c_uint64),
                ("allocated_raw", c.c_uint64), ("peak_bytes", c.c_int64), ("first_growth_ns", c.c_uint64), ("last_growth_ns", c.c_uint64),
                ("last_sample_ns", c.c_uint64), ("reserved", c.c_uint64 * 2)]


class Module(c.Structure):
    _fields_ = [("sequence", c.c_uint64), ("start", c.c_uint64), ("end", c.c_uint64), ("bias", c.c_uint64), ("loaded_ns", c.c_uint64),
                ("unloaded_ns", c.c_uint64), ("loaded_generation", c.c_uint32), ("unloaded_generation", c.c_uint32), ("path", c.c_uint32),
                ("path_length", c.c_uint32), ("build_id_length", c.c_uint32), ("build_id", c.c_uint8 * 32), ("reserved", c.c_uint32)]


class Malloc(c.Structure):
    _fields_ = [("sequence", c.c_uint64), ("time_ns", c.c_uint64), ("in_use", c.c_uint64), ("free_held", c.c_uint64), ("mmapped", c.c_uint64),
                ("top", c.c_uint64), ("resident", c.c_uint64), ("arena", c.c_uint32), ("n_arenas", c.c_uint32), ("known", c.c_uint32),
                ("reserved", c.c_uint32 * 3)]


class Sample(c.Structure):
    _fields_ = [(name, c.c_uint64) for name in ("sequence", "time_ns", "rss", "anon", "file", "shmem", "swap", "live")]


class Note(c.Structure):
    _fields_ = [("sequence", c.c_uint64), ("time_ns", c.c_uint64), ("tid", c.c_uint32), ("length", c.c_uint32), ("text", c.c_char * 232)]


class Thread(c.Structure):
    _fields_ = [("sequence", c.c_uint64), ("time_ns", c.c_uint64), ("tid", c.c_uint32), ("stack", c.c_uint32), ("name", c.c_char * 16),
                ("dump", c.c_uint32), ("reserved", c.c_uint32), ("reserved2", c.c_uint64 * 2)]


ENTRY = {"live_keys": c.c_uint64, "live_records": Live, "stacks": Stack, "frames": c.c_uint64, "modules": Module, "malloc": Malloc,
         "history": Sample, "notes": Note, "threads": Thread}


class Recorder:
    """One recorder, as it was when it was read."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = bytearray(f.read())
        self.header = Header.from_buffer(self.data)
        assert self.header.magic == b"swansngR", self.header.magic
        self.counters = self.header.counters

    def entries(self, name, count=None):
        section = self.header.section[SECTIONS.index(name)]
        kind = ENTRY[name]
        assert c.sizeof(kind) == section.entry_size, name
        return (kind * (section.count if count is None else count)).from_buffer(self.data, section.offset)

    def live(self):
        """[(address, Live)], those with a valid key."""
        keys, records = self.entries("live_keys"), self.entries("live_records")
        return [(key, records[i]) for i, key in enumerate(keys) if key > 1]

    def busy(self):
        return sum(key == 1 for key in self.entries("live_keys"))

    def stacks(self, kind=1):
        return {i: s for i, s in enumerate(self.entries("stacks")) if s.hash > 1 and s.kind == kind}

    def frames(self, stack):
        return list(self.entries("frames")[stack.first_frame:stack.first_frame + stack.n_frames])

    def modules(self):
        text = self.header.section[SECTIONS.index("text")].offset
        for m in self.entries("modules", self.counters.modules):
            path = bytes(self.data[text + m.path:text + m.path + m.path_length]).decode(errors="replace")
            yield path, m

    def module_of(self, address):
        for path, m in self.modules():
            if m.start <= address < m.end:
                return path, address - m.bias
        return None, address

    def live_bytes(self):
        """{stack index: weighted live bytes} from the live table."""
        sums = {}
        for _address, record in self.live():
            sums[record.stack] = sums.get(record.stack, 0) + record.size * record.weight // ONE
        return sums

    def notes(self):
        ring = self.header.section[SECTIONS.index("notes")].count
        n = self.counters.notes
        return [bytes(e.text[:e.length]).decode() for e in
                (self.entries("notes")[i % ring] for i in range(max(0, n - ring), n)) if e.sequence and not e.sequence & 1]

    def threads(self):
        return list(self.entries("threads", self.counters.threads))

    def history(self, level=0):
        ring = self.header.section[SECTIONS.index("history")].count // LEVELS
        n = self.counters.history[level]
        return [self.entries("history")[level * ring + i % ring] for i in range(max(0, n - ring), n)]

    def malloc(self):
        return list(self.entries("malloc", self.counters.malloc_rows))


def symbols(path):
    """[(start, end, name)] of a program's functions, by nm."""
    import subprocess
    rows = []
    for line in subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwW":
            rows.append((int(fields[0], 16), int(fields[0], 16) + int(fields[1], 16), fields[3]))
    return sorted(rows)


def function_at(rows, address):
    for start, end, name in rows:
        if start <= address < end:
            return name
    return None


def recorders(directory):
    """{pid: path}"""
    try:
        names = os.listdir(directory)
    except OSError:
        return {}
    return {int(name.split(".")[1]): os.path.join(directory, name) for name in names if name.startswith("swansong.")}
