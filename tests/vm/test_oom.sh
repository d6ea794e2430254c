# SPDX-License-Identifier: MIT
# swansong oom, on kills of a v2 group, of a whole group, and of the machine.  `tail /dev/zero` keeps all that it reads:
# it grows until it is killed.

# kill_of PID FILE: the JSON of that victim's kill is the only line of FILE.
kill_of() {
        swansong oom --json > all.json
        grep -F "\"event\":\"kill\"" all.json | grep -F "\"victim_pid\":$1," > "$2" || fail "no kill of $1: $(cut -c -300 all.json)"
}

test_oom_in_a_v2_group() {
        group_make g
        echo 32M > $cgroup/g/memory.max
        in_group g tail /dev/zero & victim=$!
        wait $victim && fail "the victim lived"
        kill_of $victim kill.json
        expect kill.json '"victim_comm":"tail"'
        expect kill.json "\"trigger_pid\":$victim,\"trigger_comm\":\"tail\""
        expect kill.json '"constraint":"CONSTRAINT_MEMCG","global":false,"group":"/g"'
        expect kill.json '"task_memcg":"/g"'
        expect kill.json '"memory":{"usage":33554432,"limit":33554432,'
        expect kill.json '"memory_and_swap":null'
        # Only x86's report has the registers of user mode.
        [ "$(uname -m)" != x86_64 ] || expect kill.json '"trigger_registers":{"RIP":"0x'
        expect kill.json '"info":"Memory cgroup stats for /g:\u000aanon '
        expect kill.json '"records_lost":0'
        expect kill.json "\"tasks\":[{\"pid\":$victim,\"tgid\":$victim,\"comm\":\"tail\",\"uid\":0"
        swansong oom > all.txt
        expect all.txt " killed PID $victim (tail), triggered by thread $victim (tail): "
        expect all.txt "32.0 MiB of 32.0 MiB"
}

test_oom_of_a_whole_group() {
        group_make g
        echo 32M > $cgroup/g/memory.max
        echo 1 > $cgroup/g/memory.oom.group
        in_group g sleep 1000 & bystander=$!
        wait_for grep -q . $cgroup/g/cgroup.procs
        in_group g tail /dev/zero & victim=$!
        wait $victim && fail "the victim lived"
        wait $bystander && fail "the bystander lived"
        kill_of $bystander bystander.json
        expect bystander.json '"victim_comm":"sleep"'
        expect bystander.json "\"trigger_pid\":$victim,"
        expect bystander.json '"killed_as_group":"/g"'
        kill_of $victim victim.json
        expect victim.json '"group":"/g"'
}

test_oom_of_a_nested_group() {
        group_make outer
        echo +memory > $cgroup/outer/cgroup.subtree_control
        group_make outer/inner
        echo 24M > $cgroup/outer/memory.max
        in_group outer/inner tail /dev/zero & victim=$!
        wait $victim && fail "the victim lived"
        kill_of $victim kill.json
        expect kill.json '"group":"/outer"'
        expect kill.json '"task_memcg":"/outer/inner"'
}

test_oom_of_the_machine() {
        sh -c 'echo 900 > /proc/self/oom_score_adj; exec tail /dev/zero' & victim=$!
        wait $victim && fail "the victim lived"
        kill_of $victim kill.json
        expect kill.json '"constraint":"CONSTRAINT_NONE","global":true,"group":null'
        expect kill.json '"oom_score_adj":900'
        expect kill.json '"machine_swap":0'
        expect kill.json '"info":"Mem-Info:\u000aactive_anon:'
        grep -q '"machine_ram":[0-9]' kill.json || fail "no machine_ram"
        swansong oom > all.txt
        expect all.txt ", machine out of memory"
}

# A rate limit of 10 reports per 5 s leaves one line of the eleventh: it must suffice.
test_oom_beyond_the_rate_limit() {
        group_make g
        echo 4M > $cgroup/g/memory.max
        # All at once: one after the other they may take longer than the kernel's 5 s on a slow machine.
        victims=
        for i in $(seq 16); do
                in_group g tail /dev/zero & victims="$victims $!"
        done
        bare=0
        for victim in $victims; do
                wait $victim && fail "victim $victim lived"
                kill_of $victim kill.json
                expect kill.json '"victim_comm":"tail"'
                expect kill.json '"constraint":"CONSTRAINT_MEMCG","global":false'
                grep -q '"trigger_pid":null,"trigger_comm":null' kill.json || continue
                # One without a report: nothing is made up.
                expect kill.json '"group":null'
                bare=$((bare + 1))
        done
        [ $bare -gt 0 ] || fail "the kernel gave a report of each of the 16 kills"
        sleep 5
}

test_oom_follows() {
        group_make g
        echo 32M > $cgroup/g/memory.max
        swansong oom --follow --since 0s --json --with meminfo,status,slabinfo > follow.json 2> follow.err & follow=$!
        # Asleep in poll: it has come to the log's end.
        wait_for grep -q '^State:.S' /proc/$follow/status
        in_group g tail /dev/zero & victim=$!
        wait $victim && fail "the victim lived"
        wait_for grep -q "\"victim_pid\":$victim," follow.json
        kill -TERM $follow
        wait $follow || fail "--follow ended with $?: $(cat follow.err)"
        [ ! -s follow.err ] || fail "it complained: $(cat follow.err)"
        [ "$(wc -l < follow.json)" = 1 ] || fail "more than this kill: $(cut -c -200 follow.json)"
        expect follow.json '"load_average":"'
        expect follow.json '"MemTotal":'
        expect follow.json '"slabinfo":{"ns_after_kill":'
        expect follow.json '"largest":[{"name":"'
        grep -q '"status":{"ns_after_kill":[0-9]*,"missing":\(null,"text":"Name:\|"the victim was gone already"\)' follow.json ||
                fail "status: $(cut -c -3000 follow.json)"
}

test_oom_follows_the_machine() {
        swansong oom --follow --since 0s --json --with meminfo > follow.json 2> follow.err & follow=$!
        wait_for grep -q '^State:.S' /proc/$follow/status
        expect /proc/$follow/oom_score_adj -1000
        sh -c 'echo 900 > /proc/self/oom_score_adj; exec tail /dev/zero' & victim=$!
        wait $victim && fail "the victim lived"
        wait_for grep -q "\"victim_pid\":$victim," follow.json
        kill -TERM $follow
        wait $follow || fail "--follow ended with $?: $(cat follow.err)"
        expect follow.json '"global":true'
        expect follow.json '"MemTotal":'
}

test_oom_needs_permission() {
        status=0
        as_nobody 'swansong oom' > out 2> err || status=$?
        [ $status = 3 ] || fail "exit status $status"
        [ ! -s out ] || fail "printed something"
        [ "$(wc -l < err)" = 1 ] || fail "not one line: $(cat err)"
        expect err CAP_SYSLOG
}
