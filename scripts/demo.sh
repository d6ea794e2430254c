#!/bin/sh
# SPDX-License-Identifier: MIT
# demo - a leaking service in a memory group of 128 MiB; the kernel kills it, swansong is there; the report that explains it.
#
# Everything it starts ends with it: the service, the watcher, the memory group.  The bundle stays.
set -eu

build=${1:-build}
limit_mib=128
speed_mib=40
out=${SWANSONG_DIR:-$(mktemp -d -t swansong-demo.XXXXXX)}
group=
victim=
watcher=

clean_up() {
        for pid in $watcher $victim; do
                kill "$pid" 2>/dev/null || true
        done
        wait 2>/dev/null || true
        if [ -n "$group" ]; then
                for _ in 1 2 3 4 5 6 7 8 9 10; do
                        rmdir "$group" 2>/dev/null && break
                        sleep 0.1
                done
        fi
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# A memory group below our own, version 1 or 2, where we may make one.
make_group() {
        v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ {print $2; exit}' /proc/self/mounts)
        v2=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
        if [ -n "$v1" ]; then
                path=$v1$(awk -F: '$2 ~ /(^|,)memory(,|$)/ {print $3; exit}' /proc/self/cgroup)/swansong-demo.$$
                mkdir "$path" 2>/dev/null && group=$path && echo $((limit_mib << 20)) >"$path/memory.limit_in_bytes" && return 0
        elif [ -n "$v2" ] && grep -qw memory "$v2/cgroup.subtree_control" 2>/dev/null; then
                path=$v2/swansong-demo.$$
                mkdir "$path" 2>/dev/null && group=$path && echo $((limit_mib << 20)) >"$path/memory.max" && return 0
        fi
        return 1
}

if make_group 2>/dev/null; then
        echo "demo: a service that leaks $speed_mib MiB/s in a memory group limited to $limit_mib MiB; swansong waits for the kernel's kill"
        sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2" "$3"' sh "$group" "$build/victims/leak" $speed_mib >/dev/null 2>&1 &
        condition=
else
        echo "demo: no memory group can be made here (that needs root and a memory controller), so nothing will be killed:"
        echo "demo: the service leaks $speed_mib MiB/s and is dumped at 100 MiB"
        "$build/victims/leak" $speed_mib >/dev/null &
        condition="--rss 100M"
fi
victim=$!

# Until it is the service itself, and no longer the shell.
while [ "$(cat /proc/$victim/comm)" != leak ]; do
        sleep 0.05
done
# shellcheck disable=SC2086  # two words or none
"$build/swansong" watch -p $victim $condition --max-dumps 1 -o "$out" >"$out/.watch" &
watcher=$!
status=0
wait $watcher || status=$?
watcher=
bundle=$(sed -n 's/^bundle: //p' "$out/.watch")
rm -f "$out/.watch"
if [ -z "$bundle" ]; then
        echo "demo: the watcher ended with status $status and no bundle" >&2
        exit 1
fi
echo
"$build/swansong" report "$bundle"
echo
echo "demo: all of it is in $bundle"
