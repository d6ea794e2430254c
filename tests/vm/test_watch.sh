# SPDX-License-Identifier: MIT
# swansong watch where the limit is a v2 group's, on a kernel whose pidfds tell nobody how a process ended.
# `tail /dev/zero` keeps all that it reads: it grows until it is killed.

# watch_start ARGUMENT...: a watcher beside, already watching; $watcher is its PID.
watch_start() {
        mkdir out
        swansong watch -o out --no-report "$@" > watch.out 2> watch.err & watcher=$!
        wait_for grep -q 'watching' watch.err
}

test_watch_a_v2_group_to_the_kernels_kill() {
        group_make outer
        echo +memory > $cgroup/outer/cgroup.subtree_control
        group_make outer/inner
        echo 64M > $cgroup/outer/memory.max
        victim_start in_group outer/inner grow
        wait_for grep -q . $cgroup/outer/inner/cgroup.procs
        watch_start -p $victim --rss 50%
        expect watch.err 'of 64.0 MiB (memory group /outer); dumps at rss 32.0 MiB'
        # Not at once to the limit: it would be killed before a slow machine's watcher has looked.
        echo grow 40 >&9
        wait_for grep -q '^bundle: ' watch.out
        echo speed 0 >&9
        wait $victim && fail "the victim lived"
        # 4: it may be killed in the middle of the dump.
        wait $watcher || [ $? -eq 4 ] || fail "the watcher failed: $(cat watch.err)"
        expect watch.err 'reached 50 % of the 64.0 MiB of memory group /outer (--rss 50%)'
        expect watch.err "($victim) was killed by signal 9 (SIGKILL); RSS was "
        # A second one, of the kill itself, may follow.
        bundle=$(sed -n 's/^bundle: //p' watch.out | head -n 1)
        [ -s "$bundle/history.tsv" ] || fail "no history in '$bundle'"
        expect "$bundle/manifest.json" '"kind":"rss"'
}

test_watch_is_present_at_the_kill() {
        group_make g
        echo 48M > $cgroup/g/memory.max
        mkfifo go
        in_group g sh -c 'read x < go; exec tail /dev/zero' & victim=$!
        wait_for grep -q . $cgroup/g/cgroup.procs
        watch_start -p $victim --arm always $patient
        wait_for grep -q 'armed, 1 thread' watch.err
        echo > go
        wait $victim && fail "the victim lived"
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
        bundle=$(sed -n 's/^bundle: //p' watch.out)
        expect "$bundle/manifest.json" '"guarantee":"at-kill"'
        expect "$bundle/manifest.json" '"listed":1,"stopped":1'
        expect "$bundle/kmsg" "Killed process $victim (tail)"
        [ -s "$bundle/core" ] || fail "no core in '$bundle'"
}

# The parent (this shell) reaps at once.
test_watch_knows_the_exit_status() {
        mkfifo go
        sh -c 'read x < go; exit 7' & victim=$!
        watch_start -p $victim --rss 1G
        echo > go
        wait $victim && fail "it exited with 0"
        wait $watcher || fail "the watcher ended with $?"
        expect watch.err "($victim) exited with status 7"
}
