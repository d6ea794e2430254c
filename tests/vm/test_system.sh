# SPDX-License-Identifier: MIT
# swansong system and swansong doctor with cgroup v2 and swap or zram as the kernel has them, on a machine of 256 MiB.

test_system_on_a_small_machine() {
        group_make g
        echo 64M > $cgroup/g/memory.max
        dd if=/dev/zero of=/tmp/work/on-tmpfs bs=1M count=40 2> /dev/null
        swansong system --bundle /tmp/work > system.txt || fail "status $?: $(tail -n 3 system.txt)"
        expect system.txt "THE MACHINE"
        expect system.txt "tmpfs and shared memory"
        expect system.txt "not accounted for"
        expect system.txt "order 0"
        expect system.txt "64.0 MiB"
        bundle=$(sed -n 's/^bundle: //p' system.txt)
        expect $bundle/groups.tsv "67108864	/g"
        expect $bundle/manifest.json '"target":null'
}

test_doctor_with_a_v2_group() {
        group_make g
        echo 32M > $cgroup/g/memory.max
        echo 1 > $cgroup/g/memory.oom.group
        in_group g sleep 1000 & victim=$!
        wait_for grep -q . $cgroup/g/cgroup.procs
        swansong doctor -p $victim > doctor.txt || fail "status $?"
        expect doctor.txt "cgroup v2, memory group /g"
        expect doctor.txt "of 32.0 MiB used"
        expect doctor.txt "memory.oom.group is set"
        expect doctor.txt "it may be attached to"
        expect doctor.txt "guarantee: at the kill"
}
