# SPDX-License-Identifier: MIT
# swansong watch --brake: memory.high below memory.max of a v2 group, and put back whoever is killed.

# A group of 64 MiB with a victim that waits for a line in the FIFO `go`, then grows.
brake_victim() {
        mkdir -p /run out
        group_make g
        echo 64M > $cgroup/g/memory.max
        mkfifo go
        in_group g sh -c 'read x < go; exec tail /dev/zero' & victim=$!
        wait_for grep -q . $cgroup/g/cgroup.procs
}

# brake_watch OPTION...: a watcher that has put the brake on.
brake_watch() {
        swansong watch -o out --no-report -p $victim --arm always $patient "$@" > watch.out 2> watch.err & watcher=$!
        wait_for grep -q 'armed, 1 thread' watch.err
        expect watch.err 'slowed down from 90 % of the limit of /sys/fs/cgroup/g on, for '
        high_is 60395520
        [ -e /run/swansong/brake.* ] || fail "no note of it in $(ls /run/swansong)"
}

high_is() {
        [ "$(cat $cgroup/g/memory.high)" = $1 ]
}

brake_is_undone() {
        wait_for high_is ${1:-max}
        wait_for note_is_gone
}

note_is_gone() {
        [ -z "$(ls /run/swansong)" ]
}

guard_pid() {
        for dir in /proc/[0-9]*; do
                [ "$(cat $dir/comm 2>/dev/null)" = swansong-guard ] && echo ${dir#/proc/} && return
        done
        fail "there is no guard"
}

test_brake_slows_and_lets_go_at_the_deadline() {
        brake_victim
        brake_watch --brake --brake-deadline 2
        echo > go
        # Slowed down, it lives until the deadline at least; then the kernel kills it, and we are there.
        wait_for grep -q 'braked no longer' watch.err
        high_is max || fail "memory.high is still $(cat $cgroup/g/memory.high)"
        [ "$(sed -n 's/^high //p' $cgroup/g/memory.events)" -gt 0 ] || fail "it was never slowed down"
        wait $victim && fail "the victim lived"
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
        bundle=$(sed -n 's/^bundle: //p' watch.out)
        expect "$bundle/manifest.json" '"guarantee":"at-kill"'
        brake_is_undone
}

test_brake_undone_when_the_watcher_or_the_guard_is_killed() {
        brake_victim
        brake_watch --brake
        kill -9 $watcher
        brake_is_undone
        brake_watch --brake
        kill -9 $(guard_pid)
        wait_for grep -q 'braked no longer' watch.err
        brake_is_undone
        kill $watcher
        wait $watcher || true
        brake_watch --brake
        kill $watcher
        wait $watcher || true
        brake_is_undone
        kill -0 $victim || fail "the victim has ended"
}

test_brake_left_behind_is_undone_at_the_next_start() {
        brake_victim
        brake_watch --brake
        kill -STOP $watcher
        kill -9 $(guard_pid)
        kill -9 $watcher
        sleep 0.3
        high_is 60395520 || fail "somebody has undone it"
        swansong dump -p $victim --only process -o out --no-report > /dev/null 2> next.err || true
        expect next.err 'a brake was left behind when swansong was killed, and is undone now: /sys/fs/cgroup/g'
        brake_is_undone
}

test_brake_leaves_what_somebody_else_has_set() {
        brake_victim
        brake_watch --brake
        echo 32M > $cgroup/g/memory.high
        kill -9 $watcher
        brake_is_undone 33554432
        swansong watch -o out -p $victim --brake --arm always -c 1 2> second.err || true
        expect second.err 'memory.high is 32.0 MiB: it brakes already'
}

test_brake_refuses_hold() {
        brake_victim
        swansong watch -p $victim --hold -o out 2> err && fail "it was taken"
        expect err 'where the kill cannot be held back; there it is --brake'
}

# A frozen group: what is braked thaws as it was, and the watcher undoes its part meanwhile.
test_brake_of_a_frozen_group() {
        brake_victim
        brake_watch --brake
        echo 1 > $cgroup/g/cgroup.freeze
        wait_for grep -q 'frozen 1' $cgroup/g/cgroup.events
        kill -9 $watcher
        brake_is_undone
        echo 0 > $cgroup/g/cgroup.freeze
        wait_for grep -q 'frozen 0' $cgroup/g/cgroup.events
        kill -0 $victim || fail "the victim has ended"
}
