#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz - each parser under clang's libFuzzer for FUZZ_SECONDS (default 20), starting from its corpus.
#
#   FUZZ_SECONDS=600 scripts/fuzz.sh [fuzz_maps …]
#
# What is found new goes to build/fuzz-corpus; a crash leaves its input in build/fuzz-crashes and fails the run.
set -eu
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-20}
libs=$(sed -n "s/^REPORT_LIBS *:= *//p" Makefile)
sources="$(ls src/base/*.c src/base/*/*.c src/arch/*.c src/bundle/reader*.c src/analysis/*.c src/analysis/*/*.c src/render/*.c src/render/*/*.c src/census/*.c injector/remote_memory.c src/trigger/conditions/psi_text.c src/witness/btf.c agent_so/modules/elf_image.c agent_so/options.c agent_so/preload.c | grep -v src/render/main.c)"
mkdir -p build/libfuzzer build/fuzz-crashes

targets=$*
[ -n "$targets" ] || targets=$(ls tests/fuzz/fuzz_*.c | sed 's,.*/,,; s,\.c$,,')

# The project's files once, for all targets.
for source in $sources; do
        object=build/libfuzzer/$(echo "$source" | tr / _ | sed 's/c$/o/')
        if [ ! "$object" -nt "$source" ]; then
                clang -D_GNU_SOURCE -DSWANSONG_VERSION='"fuzz"' -Isrc -I. -std=gnu11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
                        -fno-sanitize-recover=all -c -o "$object" "$source"
        fi
done
for target in $targets; do
        clang -D_GNU_SOURCE -Isrc -I. -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
                -o "build/libfuzzer/$target" "tests/fuzz/$target.c" build/libfuzzer/*.o $libs
        corpus=build/fuzz-corpus/$target
        mkdir -p "$corpus"
        echo "fuzz: $target for $seconds s"
        "build/libfuzzer/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
                -artifact_prefix="build/fuzz-crashes/$target-" "$corpus" "tests/fuzz/corpus/$target" 2>&1 |
                tee "build/libfuzzer/$target.log" | grep -E 'ERROR|executed_units|SUMMARY' || true
        if grep -qE 'ERROR|SUMMARY: (Address|Undefined|libFuzzer)' "build/libfuzzer/$target.log"; then
                echo "fuzz: $target failed; its input is in build/fuzz-crashes, the log in build/libfuzzer/$target.log" >&2
                exit 1
        fi
done
echo "fuzz: no crash"
