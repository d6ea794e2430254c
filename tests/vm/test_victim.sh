# SPDX-License-Identifier: MIT
# swansong watch --victim: nobody says which process it will be.  The only preparation is a watcher that was started before.

# victim_watch ARGUMENT...: a watcher that knows nothing of the process to come; $watcher is its PID.
victim_watch() {
        mkdir out
        swansong watch --victim -o out $patient "$@" > watch.out 2> watch.err & watcher=$!
        wait_for grep -q 'watching whoever the kernel would kill next' watch.err
}

# expect_captured PID COMM THREADS: there is a bundle of its kill, with all stacks and the kernel's word.
expect_captured() {
        for i in $(seq 600); do
                grep -q "^bundle: .*/$2\.$1\." watch.out && break
                sleep 0.1
        done
        bundle=$(sed -n "s/^bundle: \(.*\/$2\.$1\..*\)/\1/p" watch.out)
        [ -n "$bundle" ] || fail "no bundle of $1: $(tr '\n' '|' < watch.err)"
        grep -q '"guarantee":"at-kill"' "$bundle/manifest.json" ||
                fail "not present at the kill: $(grep -o '"guarantee":"[^"]*"' "$bundle/manifest.json"): $(tr '\n' '|' < watch.err)"
        expect "$bundle/manifest.json" "\"listed\":$3,\"stopped\":$3,"
        expect "$bundle/kmsg" "Killed process $1 ($2)"
        [ -s "$bundle/core" ] || fail "no core in '$bundle'"
        # While memory is still short the kernel may take the analysis, which offers itself; the bundle is whole.
        if [ ! -s "$bundle/report.json" ]; then
                expect watch.err 'swansong-report was killed by signal 9'
                swansong report "$bundle" > "$bundle/report.txt" || fail "no report of '$bundle'"
        fi
        tr -s ' \n' ' ' < "$bundle/report.txt" > report.line
        expect report.line "at the kill: the kernel had stopped every thread in its exit"
        expect report.line "stacks of $3 of $3 thread"
}

test_victim_of_the_machine() {
        victim_watch
        victim_start hog anon 8 32
        wait_for grep -q ready victim.out
        echo go >&9
        wait $victim && fail "the victim lived"
        expect_captured $victim hog 8
        expect "$bundle/kmsg" 'global_oom'
        expect report.line "the machine has no memory left"
        kill -TERM $watcher
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
}

# Whom oom_score_adj makes the victim, though another one is larger.
test_victim_by_oom_score_adj() {
        victim_watch
        victim_start sh -c 'echo 1000 > /proc/self/oom_score_adj; exec hog anon 4 0'
        wait_for grep -q ready victim.out
        mkfifo other.in
        hog anon 1 32 < other.in > other.out & other=$!
        exec 8> other.in
        wait_for grep -q ready other.out
        echo go >&8
        wait $victim && fail "the victim lived"
        kill -9 $other 2>/dev/null || true
        expect_captured $victim hog 4
        kill -TERM $watcher
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
}

# A limited group, while the machine has memory enough; it is made after the watcher has begun.
test_victim_of_a_group() {
        victim_watch
        group_make g
        echo 48M > $cgroup/g/memory.max
        # Slow enough for the walk of the tree that finds the group.
        victim_start in_group g hog anon 2 4
        wait_for grep -q ready victim.out
        echo go >&9
        wait $victim && fail "the victim lived"
        expect_captured $victim hog 2
        expect "$bundle/kmsg" 'oom_memcg=/g,'
        kill -TERM $watcher
        wait $watcher || fail "the watcher ended with $?: $(cat watch.err)"
}
