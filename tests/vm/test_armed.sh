# SPDX-License-Identifier: MIT
# swansong watch, armed, where only this machine can be used for it: memory.oom.group, the whole machine out of memory,
# the freezer of v2.  The victim is victims/hog: it tells its PIDs, and begins when it gets a line.

# hog_start [in_group NAME] hog KIND THREADS: $victim is the process that will use memory ($victims, if several).
hog_start() {
        victim_start "$@" 0
        wait_for grep -q ready victim.out
        victims=$(sed 's/ready//' victim.out)
        victim=${victims##* }
}

# armed_start ARGUMENT...: a watcher beside, armed already.
armed_start() {
        mkdir out
        swansong watch -o out --no-report --arm always $patient "$@" > watch.out 2> watch.err & watcher=$!
        for pid in $victims; do
                wait_for traced $pid
        done
}

# traced PID: every thread of it.
traced() {
        ! grep -q '^TracerPid:.0$' /proc/$1/task/*/status
}

hog_go() {
        echo go >&9
}

# wait_gone PID
wait_gone() {
        wait_for [ ! -e /proc/$1 ]
}

# captured PID THREADS WORDS: the bundle of its kill has all threads, and the kernel's words.
captured() {
        wait_for grep -q "bundle: .*\.$1\." watch.out
        bundle=$(sed -n "s/^bundle: \(.*\.$1\..*\)/\1/p" watch.out)
        expect "$bundle/manifest.json" '"guarantee":"at-kill"'
        # All are known; how many get to their exit in time depends on what CPU time this machine is given.
        expect "$bundle/manifest.json" "\"listed\":$2,"
        grep -q '"stopped":[1-9]' "$bundle/manifest.json" || fail "no thread in '$bundle'"
        expect "$bundle/kmsg" "$3"
        expect "$bundle/kmsg" "Killed process $1 (hog)"
        [ -s "$bundle/core" ] || fail "no core in '$bundle'"
        [ -s "$bundle/proc/$1/maps" ] || fail "no maps in '$bundle'"
}

test_armed_when_the_machine_is_out_of_memory() {
        hog_start sh -c 'echo 900 > /proc/self/oom_score_adj; exec /vm/victims/hog anon 8 0'
        armed_start -p $victim
        hog_go
        wait_gone $victim
        captured $victim 8 'Out of memory'
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
}

test_armed_processes_of_a_group_that_is_killed_as_a_whole() {
        group_make g
        echo 64M > $cgroup/g/memory.max
        echo 1 > $cgroup/g/memory.oom.group
        hog_start in_group g hog anon 4
        first=$victim
        # A second one, which uses next to nothing.
        mkfifo quiet.in
        in_group g hog anon 2 0 < quiet.in > quiet.out &
        exec 8> quiet.in
        wait_for grep -q ready quiet.out
        second=$(sed 's/ready //' quiet.out)
        victims="$first $second"
        armed_start -e /vm/victims/hog
        hog_go
        wait_gone $first
        wait_gone $second
        # The kernel's words for the whole group come after the one that it chose.
        captured $first 4 'Memory cgroup out of memory'
        captured $second 2 'memory.oom.group'
}

test_armed_and_frozen() {
        group_make outer
        echo +memory > $cgroup/outer/cgroup.subtree_control
        group_make outer/cold
        group_make outer/warm
        echo 64M > $cgroup/outer/memory.max
        echo 1 > $cgroup/outer/memory.oom.group
        hog_start in_group outer/cold hog anon 4
        echo 1 > $cgroup/outer/cold/cgroup.freeze
        wait_for grep -q 'frozen 1' $cgroup/outer/cold/cgroup.events
        # Arming stops nothing, so it does not disturb the freezer either.
        armed_start -p $victim
        grep -q 'frozen 1' $cgroup/outer/cold/cgroup.events || fail "it was thawed"
        # Killed while frozen: with its whole group.
        in_group outer/warm tail /dev/zero & follow=$!
        wait $follow && fail "the other one lived"
        wait_gone $victim
        captured $victim 4 'memory.oom.group'
}

test_armed_through_exec() {
        group_make g
        echo 64M > $cgroup/g/memory.max
        victim_start in_group g sh -c 'echo shell $$; read x; exec hog anon 4 0'
        wait_for grep -q shell victim.out
        victims=$(sed 's/shell //' victim.out) victim=$victims
        armed_start -p $victim
        echo exec >&9
        wait_for grep -q "ready $victim\$" victim.out
        [ "$(ls /proc/$victim/task | wc -l)" = 4 ] || fail "not the 4 threads of hog"
        traced $victim || fail "not attended after exec: $(cat watch.err)"
        hog_go
        wait_gone $victim
        captured $victim 4 'Killed process'
}
