#!/bin/sh
# SPDX-License-Identifier: MIT
# bench - swansong beside its peers in one run: scripts/bench.sh [BUILD] [agent|accuracy|census|inject|load|pause|names|core|scale|watching|soak|armed …]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
[ $# -eq 0 ] || shift
mkdir -p "$build/bench"
for bare in bare_pause bare_poll; do
        gcc -D_GNU_SOURCE -std=gnu11 -O2 -Wall -Wextra -o "$build/bench/$bare" "tests/bench/$bare.c"
done
# 4,096 threads and 16,000 sockets need more than the usual limits.
ulimit -n "$(ulimit -H -n)" 2>/dev/null || true
BUILD=$build exec python3 -m tests.bench.run "$@"
