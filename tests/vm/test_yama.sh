# SPDX-License-Identifier: MIT
# Yama's scope 3: nobody is traced any more, not even by root, until the machine is started anew.  So this file must be the last.

test_yama_forbids_ptrace_and_the_kernel_copies_the_thread_that_it_kills() {
        echo 3 > /proc/sys/kernel/yama/ptrace_scope || skip "no Yama in this kernel"
        group_make g
        echo $((64 << 20)) > $cgroup/g/memory.max
        victim_start in_group g hog anon 4 0
        wait_for grep -q ready victim.out
        mkdir out
        swansong watch -p $victim -o out --arm always > watch.out 2> watch.err & watcher=$!
        wait_for grep -q "one thread's stack (BPF)" watch.err
        swansong doctor -p $victim > doctor.out || true
        expect doctor.out "the stack of the thread that the kernel kills in (BPF)"
        echo go >&9
        wait $victim && fail "the victim lived"
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
        bundle=$(sed -n 's/^bundle: //p' watch.out)
        expect "$bundle/manifest.json" '"guarantee":"kernel"'
        grep -q '	witness	0x[0-9a-f]*	0x[0-9a-f]*	0x[0-9a-f]*	[1-9]' "$bundle/threads.tsv" || fail "no thread: $(ls $bundle) $(cat watch.err)"
        # Made while its files were held: its memory could not be read to prove which they were.
        expect "$bundle/report.json" '"captured":"witness"'
        expect "$bundle/report.json" '"function":"main"'
}
