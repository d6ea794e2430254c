# SPDX-License-Identifier: MIT
# The remote call on this kernel and machine: the agent comes into a program that checks itself, goes quiet, and the program is right.

test_inject_in_every_mode() {
        for mode in epoll poll select read recv cond nanosleep spin altstack; do
                spied $mode > spied.out & victim=$!
                wait_for grep -q ready spied.out
                swansong inject -p $victim --wait 60 > inject.out 2>&1 || fail "$mode: inject: $(cat inject.out)"
                grep -q libswansong /proc/$victim/maps || fail "$mode: no agent is mapped"
                swansong dump -p $victim --malloc-info --no-lines -o . > dump.out 2> dump.err || fail "$mode: dump: $(tail -n 2 dump.err)"
                swansong inject --detach -p $victim --wait 60 > inject.out 2>&1 || fail "$mode: detach: $(cat inject.out)"
                ! grep -q '^TracerPid:.[1-9]' /proc/$victim/task/*/status || fail "$mode: it is still traced"
                kill -TERM $victim
                wait $victim || fail "$mode: it ended with $?: $(cat spied.out)"
                grep -q '^right: ' spied.out || fail "$mode: $(cat spied.out)"
        done
}
