#!/bin/sh
# SPDX-License-Identifier: MIT
# asan - the unit and system tests under AddressSanitizer and UndefinedBehaviorSanitizer.
#
# A sanitizer that ends a child of a test may go unseen (Criterion runs each test in a process of its own and does not look at
# leaks): every report goes into a directory, and a file there fails the run.
# LeakSanitizer stops its own process by ptrace at the end, when nothing is traced any more by us.
set -eu
cd "$(dirname "$0")/.."

build=build-asan
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

make -s -j2 BUILD=$build OPT="-O1 -g -fno-omit-frame-pointer" \
        SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" all $build/unit victims

export UBSAN_OPTIONS="print_stacktrace=1:log_path=$logs/ubsan"
common="abort_on_error=0:log_path=$logs/asan:handle_segv=1:allocator_may_return_null=1"

status=0
ASAN_OPTIONS="$common:detect_leaks=1" $build/unit || status=1
# Not all: what measures pauses or fills small memory groups is no test for a program that is three times as large.
ASAN_OPTIONS="$common:detect_leaks=1" python3 -m tests.system.run --build $build ${ASAN_TESTS:-test_render test_stacks test_collect test_watch test_oom test_recorder test_run} || status=1

for log in "$logs"/*; do
        [ -e "$log" ] || continue
        echo "asan: $(basename "$log"):" >&2
        head -n 60 "$log" >&2
        status=1
done
[ $status -eq 0 ] && echo "asan: no error, no leak"
exit $status
