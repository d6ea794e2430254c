/* SPDX-License-Identifier: MIT */
#include "fixture_report.h"
#include "fixture_system.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"

#define KIB     UINT64_C(1024)
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)
#define TIME_NS UINT64_C(1763700000123456000)
#define LIBC    "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define LIBC_ID "58254ca972028402bc40624f81388d85eec95f70"
#define EXE     "/opt/shop/bin/orders"
#define EXE_ID  "be9055f461e2a195dfcc67cb42d977463ed7e901"
#define GROUP   "/system.slice/orders.service"

#define LIBC_FRAME(function_, offset_, file_, line_)                                                         \
        {                                                                                                    \
                .pc = 0x7fb9df61e000 + (offset_), .function = (function_), .module = LIBC,                   \
                .module_offset = (offset_), .build_id = LIBC_ID, .file = (file_), .line = (line_),           \
        }
#define EXE_FRAME(function_, offset_, line_, inlined_)                                                       \
        {                                                                                                    \
                .pc = 0x563549325000 + (offset_), .function = (function_), .module = EXE,                    \
                .module_offset = (offset_), .build_id = EXE_ID, .file = "src/pool.cc", .line = (line_),      \
                .inlined = (inlined_),                                                                       \
        }

static const struct report_frame waiting[] = {
        LIBC_FRAME("__futex_abstimed_wait_common", 0x85f16, "./nptl/futex-internal.c", 87),
        LIBC_FRAME("___pthread_cond_wait", 0x885d8, "./nptl/pthread_cond_wait.c", 618),
        EXE_FRAME("std::condition_variable::wait<shop::Pool::next()::{lambda()#1}>", 0x26e3, 102, true),
        EXE_FRAME("shop::Pool::next", 0x26e3, 64, false),
        EXE_FRAME("shop::Pool::work", 0x2a10, 80, false),
        LIBC_FRAME("start_thread", 0x891f5, "./nptl/pthread_create.c", 442),
        LIBC_FRAME("clone3", 0x1098ec, "../sysdeps/unix/sysv/linux/x86_64/clone3.S", 81),
};

static const struct report_frame leaking[] = {
        LIBC_FRAME("_int_malloc", 0x9a2b0, NULL, REPORT_UNKNOWN),
        LIBC_FRAME("__GI___libc_malloc", 0x9b6e2, NULL, REPORT_UNKNOWN),
        EXE_FRAME("shop::Cache::put<std::string, shop::Order>", 0x3120, 210, false),
        {.pc = 0x7fb9dd000123,
         .function = NULL,
         .module = "[perf map]",
         .module_offset = REPORT_UNKNOWN,
         .line = REPORT_UNKNOWN},
        EXE_FRAME("main", 0x2468, 88, false),
        LIBC_FRAME("__libc_start_call_main", 0x2724a, NULL, REPORT_UNKNOWN),
        EXE_FRAME("_start", 0x24f1, REPORT_UNKNOWN, false),
};

static const struct report_thread threads[] = {
        {.tid = 4711,
         .comm = "orders",
         .state = "R (running)",
         .wchan = "0",
         .captured = "stopped",
         .complete = true,
         .frames = leaking,
         .n_frames = ARRAY_SIZE(leaking),
         .same_stack_as = 0},
        {.tid = 4712,
         .comm = "worker",
         .state = "S (sleeping)",
         .wchan = "futex_do_wait",
         .captured = "stopped",
         .complete = true,
         .frames = waiting,
         .n_frames = ARRAY_SIZE(waiting),
         .same_stack_as = 1},
        {.tid = 4713,
         .comm = "worker",
         .state = "S (sleeping)",
         .wchan = "futex_do_wait",
         .captured = "stopped",
         .complete = true,
         .frames = waiting,
         .n_frames = ARRAY_SIZE(waiting),
         .same_stack_as = 1},
        {.tid = 4714,
         .comm = "flusher",
         .state = "D (disk sleep)",
         .wchan = "io_schedule",
         .captured = "none",
         .reason = "it did not stop within 100 ms: uninterruptible sleep",
         .same_stack_as = 3},
        {.tid = 4715,
         .comm = "worker",
         .state = "R (running)",
         .captured = "stopped",
         .complete = true,
         .frames = waiting,
         .n_frames = ARRAY_SIZE(waiting),
         .same_stack_as = 1},
};

static const struct report_map maps[] = {
        {.start = 0x563549325000,
         .end = 0x563549327000,
         .perms = "r--p",
         .dev_major = 0x103,
         .dev_minor = 2,
         .inode = 11059975,
         .path = EXE,
         .size = 8 * KIB,
         .rss = 8 * KIB,
         .pss = 8 * KIB},
        {.start = 0x563549327000,
         .end = 0x563549329000,
         .offset = 8192,
         .perms = "r-xp",
         .dev_major = 0x103,
         .dev_minor = 2,
         .inode = 11059975,
         .path = EXE,
         .size = 8 * KIB,
         .rss = 8 * KIB,
         .pss = 8 * KIB},
        {.start = 0x56357d9f3000,
         .end = 0x5635bd9f3000,
         .perms = "rw-p",
         .path = "[heap]",
         .size = 1 * GIB,
         .rss = 900 * MIB,
         .pss = 900 * MIB,
         .private_dirty = 900 * MIB,
         .anonymous = 900 * MIB,
         .swap = 12 * MIB},
        {.start = 0x7fb9d8000000,
         .end = 0x7fb9da000000,
         .perms = "rw-p",
         .size = 32 * MIB,
         .rss = 20 * MIB,
         .pss = 20 * MIB,
         .private_dirty = 20 * MIB,
         .anonymous = 20 * MIB},
        {.start = 0x7fb9df61e000,
         .end = 0x7fb9df7ed000,
         .perms = "r-xp",
         .dev_major = 0x103,
         .dev_minor = 2,
         .inode = 332835,
         .path = LIBC,
         .size = 1852 * KIB,
         .rss = 1 * MIB,
         .pss = 64 * KIB,
         .private_clean = 4 * KIB},
        {.start = 0x7ffcbc23e000,
         .end = 0x7ffcbc25f000,
         .perms = "rw-p",
         .path = "[stack]",
         .size = 132 * KIB,
         .rss = REPORT_UNKNOWN,
         .pss = REPORT_UNKNOWN,
         .private_clean = REPORT_UNKNOWN,
         .private_dirty = REPORT_UNKNOWN,
         .anonymous = REPORT_UNKNOWN,
         .swap = REPORT_UNKNOWN},
};

static const struct report_where where[] = {
        {"heap (brk)", 900 * MIB},
        {"malloc arenas of other threads", 20 * MIB},
        {"executables and libraries", 1040 * KIB},
        {"thread stacks", 48 * KIB},
        {"unexplained", 64 * KIB},
};

static const char *evidence[] = {
        "the heap grew by 310 MiB in the last 30.0 s, nothing else did",
        "RSS grew by 311 MiB in the last 30.0 s (4 samples), 10.4 MiB/s",
        "969 MiB of 1.00 GiB used (95 %; cgroup " GROUP "): full in 5.3 s at this speed",
        "12.0 MiB of it are swapped out and not in RSS",
};

static const struct report_ns namespaces[] = {
        {"mnt", "4026532831"}, {"net", "4026532833"}, {"pid", "4026531836"}};

static const struct report_process_row tree[] = {
        {4711, 1, "orders", 921 * MIB, 921 * MIB, 920 * MIB, 12 * MIB, 667, 0, TREE_SELF},
        {1, 0, "systemd", 12 * MIB, 4 * MIB, REPORT_UNKNOWN, 0, 0, -1000, TREE_ANCESTOR},
        {4730, 4711, "sh -c (x y)", 2 * MIB, 300 * KIB, 120 * KIB, 0, REPORT_UNKNOWN_INT, REPORT_UNKNOWN_INT,
         TREE_DESCENDANT},
};

static const struct report_socket sockets[] = {
        {.proto = "tcp",
         .state = "LISTEN",
         .local = "0.0.0.0",
         .local_port = 8080,
         .remote = "0.0.0.0",
         .remote_port = 0,
         .memory = REPORT_UNKNOWN,
         .inode = 10001,
         .fd = 5},
        {.proto = "tcp6",
         .state = "ESTABLISHED",
         .local = "2001:db8::1",
         .local_port = 8080,
         .remote = "2001:db8::2",
         .remote_port = 50122,
         .tx_queue = 4 * MIB,
         .rx_queue = 12,
         .memory = 5 * MIB,
         .inode = 10002,
         .fd = 6},
        {.proto = "unix",
         .state = "CONNECTED",
         .local = "/run/orders.sock",
         .local_port = REPORT_UNKNOWN,
         .remote_port = REPORT_UNKNOWN,
         .tx_queue = REPORT_UNKNOWN,
         .rx_queue = REPORT_UNKNOWN,
         .memory = 2 * KIB,
         .inode = REPORT_UNKNOWN,
         .fd = -1},
};

static const struct report_fd fds[] = {
        {0, "char", "/dev/null", REPORT_UNKNOWN},
        {3, "file", "/var/lib/orders/journal", 81 * MIB},
        {4, "deleted", "/tmp/orders.spool (deleted)", 2 * GIB},
        {5, "socket", "socket:[10001]", REPORT_UNKNOWN},
        {6, "socket", "socket:[10002]", REPORT_UNKNOWN},
};

static const struct report_key_value stat_v2[] = {
        {"anon", 932 * MIB},
        {"file", 20 * MIB},
        {"kernel", 9 * MIB},
        {"sock", 5 * MIB},
        {"slab", 3 * MIB},
        {"pgfault", 481000},
        {"workingset_refault_anon", 0},
        {"thp_fault_alloc", 3},
};
static const struct report_key_value events[] = {
        {"high", 0}, {"max", 17}, {"oom", 0}, {"oom_kill", REPORT_UNKNOWN}};

static const struct report_key_value meminfo[] = {
        {"MemTotal", 8 * GIB},  {"MemFree", 5 * GIB},     {"MemAvailable", 6 * GIB},
        {"SwapTotal", 1 * GIB}, {"SwapFree", 1000 * MIB}, {"HugePages_Total", 0},
};
static const struct report_slab slabs[] = {{"dentry", 26 * MIB, 138643},
                                           {"kmalloc-64", 2 * MIB, REPORT_UNKNOWN}};

static const struct report_sample history[] = {
        {TIME_NS - 30 * UINT64_C(1000000000), 610 * MIB, 600 * MIB, 10 * MIB, 0, 0, 650 * MIB, 6 * GIB},
        {TIME_NS - 20 * UINT64_C(1000000000), 713 * MIB, 700 * MIB, 10 * MIB, 0, 0, 755 * MIB, 6 * GIB},
        {TIME_NS - 10 * UINT64_C(1000000000), 817 * MIB, 800 * MIB, 10 * MIB, 0, 4 * MIB, 860 * MIB, 6 * GIB},
        {TIME_NS, 921 * MIB, 904 * MIB, 10 * MIB, 0, 12 * MIB, 969 * MIB, REPORT_UNKNOWN},
};

static const struct report_missing missing[] = {
        {"proc/1/smaps_rollup", "Permission denied", false},
        {"proc/allocinfo", "No such file or directory: the kernel has no memory allocation profiling", true},
};

struct report fixture_leak(void)
{
        return (struct report){
                .bundle = "orders.4711.20251121T044000Z.swansong",
                .swansong_version = "0.1.0",
                .complete = true,
                .host = "db1",
                .kernel = "6.18.44",
                .machine = "x86_64",
                .time_ns = TIME_NS,
                .trigger = {"rss", "RSS reached 921 MiB (asked for: 90% of the limit, 922 MiB)", "early", NAN,
                            "what came after is not in it; armed (swansong watch) it would be captured at "
                            "the kill, too"},
                .verdict = {"orders leaks on its heap: it grows by 10.4 MiB/s, steadily", "leak", "likely",
                            evidence, ARRAY_SIZE(evidence)},
                .process = {.pid = 4711,
                            .ppid = 1,
                            .comm = "orders",
                            .exe = EXE,
                            .cmdline = EXE " --listen 8080 --cache=/var/lib/orders",
                            .build_id = EXE_ID,
                            .start_time_ns = TIME_NS - UINT64_C(11520000000000),
                            .uid = 107,
                            .n_threads = 5,
                            .state = "R (running)",
                            .group = GROUP,
                            .namespaces = namespaces,
                            .n_namespaces = ARRAY_SIZE(namespaces)},
                .pause_ns = 210000,
                .memory = {.rss = 921 * MIB + 128 * KIB,
                           .pss = 921 * MIB,
                           .uss = 920 * MIB,
                           .swap = 12 * MIB,
                           .page_tables = 2 * MIB,
                           .anon = 920 * MIB,
                           .file = 1152 * KIB,
                           .shmem = 0,
                           .mem_total = 8 * GIB,
                           .mem_available = 6 * GIB,
                           .limit = 1 * GIB,
                           .limit_source = "cgroup " GROUP,
                           .oom_score = 667,
                           .oom_score_adj = 0,
                           .where = where,
                           .n_where = ARRAY_SIZE(where),
                           .growth_bytes_per_s = 10.4 * 1024 * 1024,
                           .limit_used = 969 * MIB,
                           .virtual_size = 2 * GIB,
                           .address_space_limit = REPORT_UNKNOWN,
                           .huge_pages = 0,
                           .hugetlb = 0,
                           .socket_memory = 5 * MIB + 2 * KIB,
                           .source = "smaps"},
                .threads = threads,
                .n_threads = ARRAY_SIZE(threads),
                .n_threads_captured = 4,
                .maps = maps,
                .n_maps = ARRAY_SIZE(maps),
                .tree = tree,
                .n_tree = ARRAY_SIZE(tree),
                .sockets = sockets,
                .n_sockets = ARRAY_SIZE(sockets),
                .fds = fds,
                .n_fds = ARRAY_SIZE(fds),
                .cgroup = {.version = 2,
                           .path = GROUP,
                           .usage = 969 * MIB,
                           .peak = 969 * MIB,
                           .limit = 1 * GIB,
                           .swap_usage = 12 * MIB,
                           .swap_limit = REPORT_UNKNOWN,
                           .high = 960 * MIB,
                           .limit_path = GROUP,
                           .limit_usage = 969 * MIB,
                           .n_processes = 2,
                           .stat = stat_v2,
                           .n_stat = ARRAY_SIZE(stat_v2),
                           .events = events,
                           .n_events = ARRAY_SIZE(events)},
                .system = fixture_system(meminfo, ARRAY_SIZE(meminfo), slabs, ARRAY_SIZE(slabs)),
                .history = history,
                .n_history = ARRAY_SIZE(history),
                .missing = missing,
                .n_missing = ARRAY_SIZE(missing),
        };
}

struct report fixture_recorded(void)
{
        static const struct report_frame put =
                EXE_FRAME("shop::Cache::put<std::string, shop::Order>", 0x3120, 210, false);
        static const struct report_frame from_put[] = {
                EXE_FRAME("std::vector<shop::Order>::push_back", 0x3110, 1287, true),
                EXE_FRAME("shop::Cache::put<std::string, shop::Order>", 0x3120, 210, false),
                EXE_FRAME("main", 0x2468, 88, false),
        };
        static const struct report_frame unknown[] = {
                {.pc = 0x7fb9dd000123, .line = REPORT_UNKNOWN, .module_offset = REPORT_UNKNOWN}};
        static const struct report_site sites[] = {
                {.kind = "heap",
                 .live_bytes = 640 * MIB,
                 .live_error = 35 * MIB,
                 .live_objects = 1310720,
                 .growth_bytes = 104 * MIB,
                 .growth_error = 14 * MIB,
                 .allocated_bytes = 2 * GIB,
                 .allocated_objects = 4194304,
                 .peak_bytes = 641 * MIB,
                 .last_growth_ns = TIME_NS,
                 .samples = 1280,
                 .complete = true,
                 .frames = from_put,
                 .n_frames = ARRAY_SIZE(from_put)},
                {.kind = "mapping",
                 .live_bytes = 128 * MIB,
                 .live_error = 0,
                 .live_objects = 1,
                 .allocated_bytes = 128 * MIB,
                 .allocated_objects = 1,
                 .peak_bytes = 128 * MIB,
                 .last_growth_ns = REPORT_UNKNOWN,
                 .samples = 1,
                 .place = 1,
                 .frames = unknown,
                 .n_frames = ARRAY_SIZE(unknown)},
                {.kind = "heap",
                 .live_bytes = 1 * MIB,
                 .live_error = 1 * MIB,
                 .live_objects = 2,
                 .place = 2,
                 .samples = 2},
        };
        static const struct report_place places[] = {
                {&put, 640 * MIB, 35 * MIB, 1310720, 104 * MIB, 14 * MIB, 1},
                {unknown, 128 * MIB, 0, 1, 0, 0, 1},
                {NULL, 1 * MIB, 1 * MIB, 2, 0, 0, 1},
        };
        static const struct report_arena arenas[] = {{0, 600 * MIB, 20 * MIB, 128 * MIB, 1 * MIB},
                                                     {1, 50 * MIB, 2 * MIB, REPORT_UNKNOWN, REPORT_UNKNOWN}};
        static const struct report_note notes[] = {
                {TIME_NS - UINT64_C(5000000000), 4712, "reload of the catalogue"},
                {TIME_NS - UINT64_C(1000000), 4711, "request 4711: /report?year=2026"}};
        static const char *remarks[] = {
                "the recorder was full: a sample every 1.00 MiB instead of every 512 KiB"};
        struct report r = fixture_leak();

        r.heap.source = "recorder";
        r.heap.sample_bytes = 512 * KIB;
        r.heap.live_bytes = 769 * MIB;
        r.heap.live_error = 36 * MIB;
        r.heap.live_objects = 1310723;
        r.heap.allocated_bytes = 3 * GIB;
        r.heap.samples = 1283;
        r.heap.injected_ns = REPORT_UNKNOWN;
        r.heap.detached_ns = REPORT_UNKNOWN;
        r.heap.growth_seconds = 10;
        r.heap.remarks = remarks;
        r.heap.n_remarks = ARRAY_SIZE(remarks);
        r.heap.sites = sites;
        r.heap.n_sites = ARRAY_SIZE(sites);
        r.heap.places = places;
        r.heap.n_places = ARRAY_SIZE(places);
        r.malloc.allocator = "glibc";
        r.malloc.time_ns = TIME_NS - UINT64_C(2000000000);
        r.malloc.in_use = 650 * MIB;
        r.malloc.free_held = 22 * MIB;
        r.malloc.mmapped = 128 * MIB;
        r.malloc.top = 1 * MIB;
        r.malloc.resident = REPORT_UNKNOWN;
        r.malloc.n_arenas = 9;
        r.malloc.arenas = arenas;
        r.malloc.n_arena_rows = ARRAY_SIZE(arenas);
        r.notes = notes;
        r.n_notes = ARRAY_SIZE(notes);
        return r;
}

struct report fixture_killed(void)
{
        static const struct report_kill_task tasks[] = {
                {4711, "orders", 921 * MIB, 0},
                {4702, "httpd", 40 * MIB, -100},
                {4730, "sh -c (x y)", REPORT_UNKNOWN, REPORT_UNKNOWN_INT}};
        static const struct report_kill kill = {
                .time_ns = TIME_NS - UINT64_C(2000000),
                .trigger_pid = 4702,
                .trigger_comm = "httpd",
                .trigger_pc = REPORT_UNKNOWN,
                .victim_pid = 4711,
                .victim_comm = "orders",
                .was_target = true,
                .scope = "group",
                .constraint = "CONSTRAINT_MEMCG",
                .group = GROUP,
                .usage = 1 * GIB,
                .limit = 1 * GIB,
                .gfp_mask = "0xcc0(GFP_KERNEL)",
                .order = 0,
                .uid = 107,
                .anon_rss = 920 * MIB,
                .file_rss = 1152 * KIB,
                .shmem_rss = 0,
                .total_vm = 2 * GIB,
                .page_tables = 2 * MIB,
                .oom_score_adj = 0,
                .tasks = tasks,
                .n_tasks = ARRAY_SIZE(tasks),
                .tasks_listed = 140,
                .text = "httpd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-100\n"
                        "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n2"
                        "4\n25\n"
                        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=" GROUP
                        ",task=orders\n"
                        "Memory cgroup out of memory: Killed process 4711 (orders) total-vm:2097152kB\n",
        };
        struct report r = fixture_leak();

        r.trigger.kind = "kill";
        r.trigger.sentence = "killed by the kernel for memory";
        r.trigger.guarantee = "at-kill";
        r.trigger.better = NULL;
        r.kill = &kill;
        return r;
}

struct report fixture_unknown(void)
{
        return (struct report){
                .bundle = "copy.swansong.partial",
                .time_ns = REPORT_UNKNOWN,
                .trigger = {.ms_before_kill = NAN},
                .process = {.uid = UINT32_MAX, .start_time_ns = REPORT_UNKNOWN, .n_threads = REPORT_UNKNOWN},
                .pause_ns = REPORT_UNKNOWN,
                .memory = {.rss = REPORT_UNKNOWN,
                           .pss = REPORT_UNKNOWN,
                           .uss = REPORT_UNKNOWN,
                           .swap = REPORT_UNKNOWN,
                           .page_tables = REPORT_UNKNOWN,
                           .anon = REPORT_UNKNOWN,
                           .file = REPORT_UNKNOWN,
                           .shmem = REPORT_UNKNOWN,
                           .mem_total = REPORT_UNKNOWN,
                           .mem_available = REPORT_UNKNOWN,
                           .limit = REPORT_UNKNOWN,
                           .oom_score = REPORT_UNKNOWN_INT,
                           .oom_score_adj = REPORT_UNKNOWN_INT,
                           .growth_bytes_per_s = NAN,
                           .limit_used = REPORT_UNKNOWN,
                           .virtual_size = REPORT_UNKNOWN,
                           .address_space_limit = REPORT_UNKNOWN,
                           .huge_pages = REPORT_UNKNOWN,
                           .hugetlb = REPORT_UNKNOWN,
                           .socket_memory = REPORT_UNKNOWN},
                .cgroup = {.usage = REPORT_UNKNOWN,
                           .peak = REPORT_UNKNOWN,
                           .limit = REPORT_UNKNOWN,
                           .swap_usage = REPORT_UNKNOWN,
                           .swap_limit = REPORT_UNKNOWN,
                           .high = REPORT_UNKNOWN,
                           .limit_usage = REPORT_UNKNOWN,
                           .n_processes = REPORT_UNKNOWN},
        };
}

static void *memory_of(struct report *r, size_t n, size_t size)
{
        void *memory = pool_alloc(&r->pool, n * size);

        cr_assert_not_null(memory);
        return memory;
}

struct report fixture_large(size_t n)
{
        struct report r = fixture_leak();
        struct report_thread *t = memory_of(&r, n, sizeof(*t));
        struct report_map *m = memory_of(&r, n, sizeof(*m));
        struct report_socket *s = memory_of(&r, n, sizeof(*s));
        struct report_fd *f = memory_of(&r, n, sizeof(*f));
        struct report_slab *slab = memory_of(&r, n, sizeof(*slab));
        struct report_missing *gone = memory_of(&r, n, sizeof(*gone));
        struct report_sample *samples = memory_of(&r, 4 * n, sizeof(*samples));

        for (size_t i = 0; i < n; i++) {
                char name[64];

                snprintf(name, sizeof(name), "/srv/data/part-%zu", i);
                t[i] = threads[i % 2];
                t[i].tid = (int32_t)(10000 + i);
                /* Half of the threads share one stack; of the others each has its own. */
                t[i].same_stack_as = i % 2 ? 1 : i;
                m[i] = maps[3];
                m[i].start = 0x100000 * (i + 1);
                m[i].end = m[i].start + 0x100000;
                m[i].rss = i * 4 * KIB;
                m[i].path = pool_strdup(&r.pool, name);
                s[i] = sockets[1];
                s[i].memory = i;
                s[i].fd = (int32_t)i;
                f[i] = (struct report_fd){(int32_t)i, "file", m[i].path, i};
                slab[i] = (struct report_slab){m[i].path, (n - i) * MIB, i};
                gone[i] = (struct report_missing){m[i].path, "Permission denied", i % 2};
        }
        for (size_t i = 0; i < 4 * n; i++)
                samples[i] = (struct report_sample){.time_ns = TIME_NS - (4 * n - i), .rss = i * KIB};
        r.threads = t;
        r.maps = m;
        r.sockets = s;
        r.fds = f;
        r.system.slabs = slab;
        r.missing = gone;
        r.history = samples;
        r.n_threads = r.n_maps = r.n_sockets = r.n_fds = r.system.n_slabs = r.n_missing = n;
        r.n_history = 4 * n;
        return r;
}
