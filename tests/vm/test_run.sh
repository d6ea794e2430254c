# SPDX-License-Identifier: MIT
# The agent's recorder after real kills in v2 groups: unwatched, and through swansong run --limit.

# The five sites of tests/victims/five_sites.c, with their lines, the largest first.
names_the_five_sites() {
        sites=$(sed -n 's/.*\(leak_[a-e]\) at five_sites\.c:[0-9].*/\1/p' "$1" | awk '!seen[$0]++' | head -n 5 | tr '\n' ' ')
        [ "$sites" = "leak_a leak_b leak_c leak_d leak_e " ] || fail "the sites of $1 are: $sites: $(head -n 40 "$1")"
}

test_run_limit_is_a_v2_group_and_the_sites_are_named() {
        status=0
        SWANSONG_OPTIONS=sample=16K timeout 200 swansong run --limit 64M --fail-on dump -o . -- five_sites > run.out 2> run.err || status=$?
        [ $status = 137 ] || fail "run ended with $status: $(tail -n 3 run.err)"
        bundle=$(sed -n 's/^bundle: //p' run.out | tail -n 1)
        [ -d "$bundle" ] || fail "no bundle: $(cat run.err)"
        expect "$bundle/report.txt" "killed by the kernel for memory"
        names_the_five_sites "$bundle/report.txt"
        expect run.err "--fail-on dump: 1 made"
        [ -z "$(ls -d $cgroup/swansong-run.* 2>/dev/null)" ] || fail "the group stays"
}

test_run_nobody_watched_and_the_recorder_names_the_sites() {
        group_make limited
        echo 64M > $cgroup/limited/memory.max
        mkdir -m 700 /dev/shm/unwatched
        status=0
        (in_group limited env LD_PRELOAD=/vm/libswansong.so SWANSONG_OPTIONS=sample=16K,dir=/dev/shm/unwatched five_sites) || status=$?
        [ $status = 137 ] || fail "the victim ended with $status"
        swansong report /dev/shm/unwatched/*.rec > report.txt
        rm -rf /dev/shm/unwatched
        expect report.txt "killed by the kernel for memory"
        names_the_five_sites report.txt
}
