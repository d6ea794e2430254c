#!/bin/sh
# SPDX-License-Identifier: MIT
# check-house - the rules of the house that a compiler does not check.
#
#   scripts/check-house.sh [BUILD]       check this tree
#   scripts/check-house.sh --self-test   show that each rule can fail
#
# Includes go one way: base <- arch <- bundle <- {trigger, injector, capture} <- cli   (swansong)
#                   base <- brake <- cli, base <- arch <- witness <- cli
#                                      bundle <- analysis <- render                    (swansong-report)
set -u

problems=0

problem() {
        echo "check-house: $*" >&2
        problems=$((problems + 1))
}

# What the files of a room may include, beside the room itself.
allowed() {
        case "$1" in
        base) echo "" ;;
        arch) echo "base" ;;
        bundle) echo "base arch" ;;
        injector) echo "base arch bundle" ;;
        trigger) echo "base arch bundle" ;;
        brake) echo "base" ;;
        witness) echo "base arch" ;;
        census) echo "base arch injector" ;;
        capture) echo "base arch bundle injector census" ;;
        cli) echo "base arch bundle injector trigger brake witness census capture" ;;
        analysis) echo "base arch bundle" ;;
        render) echo "base arch bundle analysis" ;;
        esac
}

check_includes() {
        for room in base arch bundle trigger brake witness census capture cli analysis render injector; do
                dir=$1/src/$room
                [ $room = injector ] && dir=$1/injector
                [ -d "$dir" ] || continue
                ok=" $room $(allowed $room) "
                # "base/buf.h" names its room; a name without one is beside the file.
                found=$(grep -rhoE '^#include "[a-z_]+/' "$dir" | sed 's/#include "//; s,/$,,' | sort -u)
                for other in $found; do
                        case "$ok" in
                        *" $other "*) ;;
                        *) problem "$room includes $other/: $(grep -rlE "^#include \"$other/" "$dir" | head -n 1)" ;;
                        esac
                done
        done
}

check_spdx() {
        for f in $(cd "$1" && find . -path ./build\* -prune -o -path ./.git -prune -o -path ./tests/fixtures -prune -o \
                -path ./tests/golden -prune -o -type f \( -name '*.[ch]' -o -name '*.cc' -o -name '*.go' -o -name '*.py' -o \
                -name '*.sh' -o -name '*.def' -o -name '*.mk' -o -name Makefile -o -path ./.ci/run \) -print); do
                [ -s "$1/$f" ] || continue
                head -n 2 "$1/$f" | grep -q 'SPDX-License-Identifier: MIT' || problem "$f: no SPDX line at the top"
        done
}

check_paths() {
        found=$(cd "$1" && grep -rnE '(^|[^a-zA-Z0-9_.])/(work|home/[a-z]+|root)/' --include='*.[ch]' --include='*.py' --include='*.sh' \
                --include='*.mk' --include='*.md' --include=Makefile . 2>/dev/null | grep -vE '^\./(build|tests/fixtures|scripts/check-house)' | head -n 3)
        [ -z "$found" ] || problem "a path of one particular machine: $found"
}

# The capture half must start and run where memory is short: no analysis library in it.
check_links() {
        for library in libdw libelf libjansson; do
                if ldd "$1/swansong" | grep -q "$library"; then
                        problem "swansong links $library, which only swansong-report may"
                fi
        done
        ldd "$1/swansong-report" | grep -q libdw || problem "swansong-report does not link libdw: what does it unwind with?"
}

check_tree() {
        check_includes "$1"
        check_spdx "$1"
        check_paths "$1"
}

# Break each rule in a copy of nothing but the broken file, and see that it is noticed.
self_test() {
        failed=0
        for broken in 'src/base/x.c|/* SPDX-License-Identifier: MIT */|#include "capture/capture.h"' \
                'src/capture/x.c|/* SPDX-License-Identifier: MIT */|#include "analysis/report.h"' \
                'src/analysis/x.c|/* SPDX-License-Identifier: MIT */|#include "capture/capture.h"' \
                'src/base/x.c|/* no licence */|int x;' \
                'src/base/x.c|/* SPDX-License-Identifier: MIT */|char *p = "/home/me/x";'; do
                scratch=$(mktemp -d)
                file=$scratch/$(echo "$broken" | cut -d'|' -f1)
                mkdir -p "$(dirname "$file")"
                echo "$broken" | cut -d'|' -f2 >"$file"
                echo "$broken" | cut -d'|' -f3 >>"$file"
                problems=0
                check_tree "$scratch" 2>/dev/null
                if [ $problems -ne 1 ]; then
                        echo "check-house: self-test: $broken: $problems problems seen" >&2
                        failed=1
                fi
                rm -r "$scratch"
        done
        problems=$failed
}

cd "$(dirname "$0")/.." || exit 1
if [ "${1:-}" = --self-test ]; then
        self_test
else
        check_tree .
        check_links "${1:-build}"
fi
[ $problems -eq 0 ] && echo "check-house: the house is in order"
[ $problems -eq 0 ]
