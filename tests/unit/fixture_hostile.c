/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/cleanup.h"
#include "fixture_report.h"
#include "fixture_system.h"

/* A screen cleared, a title set, a line forged, text turned around, bytes that are no UTF-8, JSON ended. */
#define EVIL "\x1b[2J\x1b]0;pwned\a\r\nVerdict   all is well\xe2\x80\xae\xff\xc3(\"}],\\\t\x7f"

struct report fixture_hostile(void)
{
        static const struct report_frame evil_frames[] = {
                {.pc = UINT64_MAX - 1,
                 .function = EVIL,
                 .module = "/lib/" EVIL,
                 .module_offset = UINT64_MAX - 1,
                 .build_id = EVIL,
                 .file = EVIL,
                 .line = UINT64_MAX - 1},
                {.function = "", .module = "", .file = ""},
        };
        static const struct report_thread evil_threads[] = {
                {.tid = -1,
                 .comm = EVIL,
                 .state = EVIL,
                 .wchan = EVIL,
                 .captured = EVIL,
                 .reason = EVIL,
                 .frames = evil_frames,
                 .n_frames = ARRAY_SIZE(evil_frames),
                 .same_stack_as = 12345},
                {.tid = INT32_MAX, .comm = "", .state = "", .same_stack_as = UINT64_MAX},
        };
        static const struct report_map evil_maps[] = {
                {.start = UINT64_MAX - 1,
                 .end = 0,
                 .inode = UINT64_MAX,
                 .perms = EVIL,
                 .path = EVIL,
                 .size = UINT64_MAX - 1,
                 .rss = UINT64_MAX - 1,
                 .pss = UINT64_MAX - 1,
                 .swap = UINT64_MAX - 1},
                {.start = 1, .path = EVIL, .rss = UINT64_MAX - 1, .size = UINT64_MAX - 1},
                {.start = 2, .path = "", .rss = 1},
                {.start = 3},
        };
        static const struct report_where evil_where[] = {{EVIL, UINT64_MAX - 1},
                                                         {"unexplained", UINT64_MAX - 1}};
        static const struct report_site evil_sites[] = {{.kind = EVIL,
                                                         .live_bytes = UINT64_MAX - 1,
                                                         .live_error = UINT64_MAX - 1,
                                                         .growth_bytes = UINT64_MAX - 1,
                                                         .place = UINT64_MAX - 1,
                                                         .frames = evil_frames,
                                                         .n_frames = ARRAY_SIZE(evil_frames)},
                                                        {.live_bytes = 1}};
        static const struct report_place evil_places[] = {{&evil_frames[0], UINT64_MAX - 1, UINT64_MAX - 1,
                                                           UINT64_MAX - 1, UINT64_MAX - 1, 0, UINT64_MAX - 1},
                                                          {&evil_frames[1], 1, UINT64_MAX - 1, 0, 0, 0, 0}};
        static const struct report_arena evil_arenas[] = {{UINT64_MAX - 1, 0, UINT64_MAX, 1, UINT64_MAX - 1}};
        static const struct report_note evil_notes[] = {{UINT64_MAX - 1, -5, EVIL}};
        static const char *evil_remarks[] = {EVIL};
        static const char *evil_evidence[] = {EVIL, ""};
        static const struct report_ns evil_namespaces[] = {{EVIL, EVIL}};
        static const struct report_process_row evil_tree[] = {{.pid = INT32_MIN, .ppid = -7, .comm = EVIL}};
        static const struct report_socket evil_sockets[] = {
                {.proto = "tcp6",
                 .state = EVIL,
                 .local = EVIL ":",
                 .remote = EVIL,
                 .local_port = UINT64_MAX - 1,
                 .tx_queue = UINT64_MAX - 1,
                 .rx_queue = UINT64_MAX - 1,
                 .memory = UINT64_MAX - 1,
                 .fd = INT32_MIN},
                {.local_port = REPORT_UNKNOWN, .remote_port = REPORT_UNKNOWN},
        };
        static const struct report_fd evil_fds[] = {{-5, EVIL, EVIL, UINT64_MAX - 1}, {7, NULL, NULL, 0}};
        static const struct report_key_value evil_values[] = {
                {EVIL, UINT64_MAX - 1}, {"", 1}, {"total_" EVIL, 1}, {EVIL, 3}};
        static const struct report_slab evil_slabs[] = {{EVIL, UINT64_MAX - 1, UINT64_MAX - 1}};
        static const struct report_sample evil_history[] = {
                {.time_ns = UINT64_MAX - 1, .rss = UINT64_MAX - 1}, {.rss = REPORT_UNKNOWN}, {.time_ns = 0}};
        static const struct report_missing evil_missing[] = {{EVIL, EVIL, false}, {EVIL, NULL, true}};
        static const struct report_kill_task evil_tasks[] = {
                {INT32_MIN, EVIL, UINT64_MAX - 1, INT32_MAX},
                {INT32_MAX, NULL, REPORT_UNKNOWN, REPORT_UNKNOWN_INT}};
        static const struct report_kill evil_kill = {
                .time_ns = UINT64_MAX - 1,
                .trigger_pid = INT32_MIN,
                .trigger_comm = EVIL,
                .trigger_frames = evil_frames,
                .n_trigger_frames = ARRAY_SIZE(evil_frames),
                .victim_pid = INT32_MAX,
                .victim_comm = EVIL,
                .scope = EVIL,
                .constraint = EVIL,
                .group = EVIL,
                .killed_as_group = EVIL,
                .usage = UINT64_MAX - 1,
                .limit = UINT64_MAX - 1,
                .gfp_mask = EVIL,
                .order = INT32_MAX,
                .uid = UINT64_MAX - 1,
                .anon_rss = UINT64_MAX - 1,
                .tasks = evil_tasks,
                .n_tasks = ARRAY_SIZE(evil_tasks),
                .tasks_listed = UINT64_MAX - 1,
                .text = EVIL "\n" EVIL,
        };
        struct report r = fixture_leak();

        r.bundle = r.swansong_version = r.host = r.kernel = r.machine = EVIL;
        r.trigger.kind = r.trigger.sentence = r.trigger.guarantee = r.trigger.better = EVIL;
        r.trigger.ms_before_kill = -INFINITY;
        r.verdict.sentence = r.verdict.cause = r.verdict.certainty = EVIL;
        r.verdict.evidence = evil_evidence;
        r.verdict.n_evidence = ARRAY_SIZE(evil_evidence);
        r.heap.source = EVIL;
        r.heap.live_bytes = r.heap.live_error = r.heap.live_objects = r.heap.allocated_bytes =
                r.heap.samples = UINT64_MAX - 1;
        r.heap.injected_ns = r.heap.detached_ns = UINT64_MAX - 1;
        r.heap.growth_seconds = INFINITY;
        r.heap.remarks = evil_remarks;
        r.heap.n_remarks = ARRAY_SIZE(evil_remarks);
        r.heap.sites = evil_sites;
        r.heap.n_sites = ARRAY_SIZE(evil_sites);
        r.heap.places = evil_places;
        r.heap.n_places = ARRAY_SIZE(evil_places);
        r.malloc.allocator = EVIL;
        r.malloc.time_ns = UINT64_MAX - 1;
        r.malloc.arenas = evil_arenas;
        r.malloc.n_arena_rows = ARRAY_SIZE(evil_arenas);
        r.notes = evil_notes;
        r.n_notes = ARRAY_SIZE(evil_notes);
        r.process.comm = r.process.exe = r.process.cmdline = r.process.build_id = r.process.state = EVIL;
        r.process.condition = r.process.group = EVIL;
        r.process.namespaces = evil_namespaces;
        r.process.n_namespaces = ARRAY_SIZE(evil_namespaces);
        r.memory.growth_bytes_per_s = 1e300;
        r.memory.limit_source = r.memory.source = EVIL;
        r.memory.limit = 0;
        r.memory.where = evil_where;
        r.memory.n_where = ARRAY_SIZE(evil_where);
        r.threads = evil_threads;
        r.n_threads = ARRAY_SIZE(evil_threads);
        r.maps = evil_maps;
        r.n_maps = ARRAY_SIZE(evil_maps);
        r.tree = evil_tree;
        r.n_tree = ARRAY_SIZE(evil_tree);
        r.sockets = evil_sockets;
        r.n_sockets = ARRAY_SIZE(evil_sockets);
        r.fds = evil_fds;
        r.n_fds = ARRAY_SIZE(evil_fds);
        r.cgroup.version = UINT32_MAX;
        r.cgroup.path = r.cgroup.limit_path = EVIL;
        r.system = fixture_system_hostile(EVIL);
        r.cgroup.stat = r.cgroup.events = r.system.meminfo = evil_values;
        r.cgroup.n_stat = r.cgroup.n_events = r.system.n_meminfo = ARRAY_SIZE(evil_values);
        r.system.slabs = evil_slabs;
        r.system.n_slabs = ARRAY_SIZE(evil_slabs);
        r.history = evil_history;
        r.n_history = ARRAY_SIZE(evil_history);
        r.kill = &evil_kill;
        r.missing = evil_missing;
        r.n_missing = ARRAY_SIZE(evil_missing);
        return r;
}
