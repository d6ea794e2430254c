# SPDX-License-Identifier: MIT
# The conditions of swansong watch that only cgroup v2 and PSI have: a group's own memory.pressure, memory.max of the
# groups above.  `tail /dev/zero` keeps all that it reads.

# A victim in the group `g` that grows at a word on the FIFO `go`.
conditions_victim() {
        group_make g
        mkfifo go
        in_group g sh -c 'read x < go; exec tail /dev/zero' & victim=$!
        wait_for grep -q . $cgroup/g/cgroup.procs
}

# The first bundle's manifest says KIND and has TEXT in its sentence.
conditions_expect() {
        wait_for grep -q '^bundle: ' watch.out
        bundle=$(sed -n 's/^bundle: //p' watch.out | head -n 1)
        expect "$bundle/manifest.json" "\"kind\":\"$1\""
        expect "$bundle/manifest.json" "$2"
}

# Above memory.high the kernel makes tasks wait.
test_conditions_psi_of_the_group() {
        conditions_victim
        echo 24M > $cgroup/g/memory.high
        watch_start -p $victim --psi 'some 20ms/1s' --snapshot --arm never
        grep -q 'psi.*instead' watch.err && fail "not of the group: $(cat watch.err)"
        echo > go
        conditions_expect psi 'tasks in its memory group waited for memory for 20 ms within 1 s'
}

test_conditions_psi_of_the_service_manager() {
        conditions_victim
        echo 24M > $cgroup/g/memory.high
        export MEMORY_PRESSURE_WATCH=$cgroup/g/memory.pressure
        export MEMORY_PRESSURE_WRITE=c29tZSAyMDAwMCAxMDAwMDAwAA==
        watch_start -p $victim --psi env --snapshot --arm never
        echo > go
        conditions_expect psi 'as told where MEMORY_PRESSURE_WATCH says'
}

pressure_file_is_open() {
        ls -l /proc/$watcher/fd | grep -q memory.pressure
}

pressure_file_is_closed() {
        ! pressure_file_is_open
}

# The group of a pressure file is removed: that is no event, and nothing that would be ready for ever stays open.
test_conditions_psi_of_a_group_that_is_removed() {
        group_make other
        sleep 1000 & victim=$!
        export MEMORY_PRESSURE_WATCH=$cgroup/other/memory.pressure
        export MEMORY_PRESSURE_WRITE=c29tZSAyMDAwMCAxMDAwMDAwAA==
        watch_start -p $victim --psi env --snapshot --arm never
        wait_for pressure_file_is_open
        rmdir $cgroup/other
        wait_for pressure_file_is_closed
        kill -USR1 $watcher
        conditions_expect signal 'SIGUSR1'
        [ "$(grep -c '^bundle: ' watch.out)" = 1 ] || fail "an event of nothing: $(cat watch.out)"
}

test_conditions_usage_of_a_group_above() {
        group_make outer
        echo +memory > $cgroup/outer/cgroup.subtree_control
        group_make outer/a
        group_make outer/b
        echo 96M > $cgroup/outer/memory.max
        echo 0 > $cgroup/outer/memory.swap.max 2>/dev/null || true
        in_group outer/a sleep 1000 & victim=$!
        wait_for grep -q . $cgroup/outer/a/cgroup.procs
        watch_start -p $victim --group-usage 50% --snapshot --arm never
        expect watch.err 'usage 48.0 MiB of memory group /outer'
        in_group outer/b tail /dev/zero &
        conditions_expect group_usage 'reached 50 % of the 96.0 MiB of memory group /outer (--group-usage 50%)'
}

test_conditions_dry_run() {
        conditions_victim
        echo 64M > $cgroup/g/memory.max
        swansong watch --dry-run -p $victim -o . --psi 'some 20ms/1s' --available 5% > dry.out 2> dry.err ||
                fail "status $?: $(cat dry.err)"
        expect dry.out "limit: 64.0 MiB of memory group /g, "
        expect dry.out "($cgroup/g/memory.max)"
        expect dry.out "--psi some 20ms/1s arms when tasks in its memory group wait for memory"
        expect dry.out "--available 5% arms when the machine's memory in use is "
        expect dry.out 'permitted: all that it takes'
}
