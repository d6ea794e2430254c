# SPDX-License-Identifier: MIT
# swansong dump on Linux 6.1 (no PAGEMAP_SCAN, no PROCMAP_QUERY) and in v2 groups: throttled, frozen, nested.

# dump PID: a complete bundle, in ./bundle.
dump() {
        status=0
        timeout 60 swansong dump -p "$1" -o . > dump.out 2> dump.err || status=$?
        [ $status = 0 ] || fail "dump ended with $status: $(tail -n 3 dump.err) $(tail -n 3 dump.out)"
        link_bundle
}

link_bundle() {
        bundle=$(sed -n 's/^bundle: //p' dump.out | tail -n 1)
        [ -d "$bundle" ] || fail "no bundle: $(cat dump.err)"
        ln -s "$bundle" bundle
}

# unharmed PID: not traced, not stopped.
unharmed() {
        grep -q '^TracerPid:.0$' /proc/$1/status || fail "still traced"
        grep -q '^State:.[SRD]' /proc/$1/status || fail "not running: $(grep State: /proc/$1/status)"
}

test_dump_takes_all_threads() {
        victim_start threads 16 park
        wait_for grep -q ready victim.out
        dump $victim
        expect bundle/manifest.json '"complete":true'
        expect bundle/manifest.json '"threads":{"listed":17,"stopped":17,'
        [ "$(grep -c '	stopped	' bundle/threads.tsv)" = 17 ] || fail "$(cat bundle/threads.tsv)"
        expect bundle/report.txt threads
        [ -s bundle/core ] || fail "no core"
        unharmed $victim
}

test_dump_finds_the_limit_of_a_v2_group() {
        group_make outer
        echo +memory > $cgroup/outer/cgroup.subtree_control
        group_make outer/inner
        echo 96M > $cgroup/outer/memory.max
        victim_start in_group outer/inner grow
        echo grow 40 >&9
        wait_for grep -q ok victim.out
        dump $victim
        expect bundle/sys/fs/cgroup/outer/memory.max 100663296
        expect bundle/sys/fs/cgroup/outer/inner/memory.max max
        expect bundle/sys/fs/cgroup/outer/inner/memory.current ''
        grep -q '"limit": *100663296' bundle/report.json || fail "the report does not name the limit: $(grep limit bundle/report.json)"
        unharmed $victim
}

test_dump_of_a_frozen_group() {
        group_make g
        victim_start in_group g threads 8 spin
        wait_for grep -q ready victim.out
        echo 1 > $cgroup/g/cgroup.freeze
        wait_for grep -q 'frozen 1' $cgroup/g/cgroup.events
        dump $victim
        expect bundle/manifest.json '"threads":{"listed":9,"stopped":9,'
        grep -q 'frozen 1' $cgroup/g/cgroup.events || fail "it was thawed"
        echo 0 > $cgroup/g/cgroup.freeze
        unharmed $victim
}

# Beyond memory.high a thread sleeps up to 2 s at a time where ptrace cannot stop it.
test_dump_of_a_throttled_group() {
        group_make g
        echo 16M > $cgroup/g/memory.high
        victim_start in_group g grow
        echo speed 0 >&9
        wait_for grep -q '^high [1-9][0-9]' $cgroup/g/memory.events
        timeout 60 swansong dump -p $victim -o . > dump.out 2> dump.err || [ $? = 4 ] || fail "$(cat dump.err)"
        link_bundle
        grep -q "^$victim	\(stopped\|syscall\)	" bundle/threads.tsv || fail "$(cat bundle/threads.tsv)"
        unharmed $victim
}

test_dump_of_ones_own_process_without_root() {
        victim_start su -s /bin/sh nobody -c 'exec /vm/victims/threads 4 park'
        wait_for grep -q ready victim.out
        as_nobody "/vm/swansong dump -p $victim -o $work" > dump.out 2> dump.err || [ $? = 4 ] || fail "$(cat dump.err)"
        link_bundle
        expect bundle/manifest.json '"threads":{"listed":5,"stopped":5,'
        expect bundle/manifest.json '"complete":true'
        unharmed $victim
}

test_dump_of_another_users_process_is_refused() {
        victim_start threads 1 park
        wait_for grep -q ready victim.out
        status=0
        as_nobody "/vm/swansong dump -p $victim -o $work" > dump.out 2> dump.err || status=$?
        [ $status = 3 ] || fail "exit status $status"
        [ "$(wc -l < dump.err)" = 1 ] || fail "not one line: $(cat dump.err)"
        [ -z "$(ls -d ./*.swansong* 2>/dev/null)" ] || fail "something stays behind: $(ls)"
        unharmed $victim
}
