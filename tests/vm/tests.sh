# SPDX-License-Identifier: MIT
# The tests that run inside the virtual machine (scripts/vm.sh); busybox's sh.  Each is a function test_NAME in one of
# the other files; it fails by calling `fail`, or by a command that does not succeed (set -e).

cgroup=/sys/fs/cgroup
work=/tmp/work

# For watchers at a kill: an emulated machine, on one that is busy with others, is slow.
patient='--kill-budget 2000'

fail() {
        echo "FAIL: $*" >&2
        exit 1
}

skip() {
        echo "SKIP: $*" >&2
        exit 77
}

# expect FILE TEXT: a fixed text stands in the file.
expect() {
        grep -qF -e "$2" "$1" || fail "no '$2' in $1: $(head -c 600 "$1")"
}

# group_make NAME: a fresh memory group below the root.
group_make() {
        mkdir "$cgroup/$1"
}

# in_group NAME COMMAND... &: run it there, as $!; the group counts all its memory, from the first byte.
in_group() {
        group=$1
        shift
        exec sh -c 'echo 0 > '"$cgroup/$group"'/cgroup.procs; exec "$@"' sh "$@"
}

# victim_start COMMAND...: run it until the test ends, with a pipe as its standard input (descriptor 9 writes there), its
# output in the file `victim.out`; $victim is its PID.
victim_start() {
        mkfifo victim.in
        "$@" < victim.in > victim.out & victim=$!
        exec 9> victim.in
}

# as_nobody COMMAND-LINE
as_nobody() {
        su -s /bin/sh nobody -c "$1"
}

# End what a test left behind, below the root group.
groups_remove() {
        for i in $(seq 50); do
                left=$(find $cgroup -mindepth 1 -depth -type d)
                [ -n "$left" ] || return 0
                for group in $left; do
                        echo 0 > $group/cgroup.freeze
                        echo 1 > $group/cgroup.kill
                        rmdir $group
                done 2>/dev/null
                sleep 0.1
        done
        echo "vm: # a group stays: $left"
}

# wait_for COMMAND...: until it succeeds, at most about 60 s.
wait_for() {
        for i in $(seq 600); do
                "$@" && return
                sleep 0.1
        done
        fail "waited in vain for: $*"
}

run_test() {
        rm -rf $work
        mkdir -m 777 $work
        # A subshell: what a test changes, and its exit, stay in it.
        (
                victim= watcher= follow=
                trap 'kill -9 $victim $watcher $follow 2>/dev/null || true' EXIT
                set -e
                cd $work
                "test_$1"
        ) > /tmp/log 2>&1
        status=$?
        groups_remove
        case $status in
        0) echo "vm: ok $1" ;;
        77) echo "vm: skip $1: $(sed -n 's/^SKIP: //p' /tmp/log)" ;;
        *)
                echo "vm: not ok $1: $(sed -n 's/^FAIL: //p' /tmp/log | tail -n 1)"
                sed 's/^/vm: # /' /tmp/log | tail -n 30
                ;;
        esac
}

for file in /vm/test_*.sh; do
        . $file
done
for name in ${*:-$(sed -n 's/^test_\([a-z0-9_]*\)().*/\1/p' /vm/test_*.sh)}; do
        run_test $name
done
echo "vm: done"
