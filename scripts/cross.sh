#!/bin/sh
# SPDX-License-Identifier: MIT
# cross - build everything for aarch64 with the cross-compiler, without a warning.
#
#   scripts/cross.sh [TARGET...]      more targets of the Makefile, in build-aarch64
#
# Debian's arm64 libraries are unpacked below build-aarch64/sysroot and not installed: this machine stays as it is.
set -eu
cd "$(dirname "$0")/.."

targets="all $*"
build=build-aarch64
sysroot=$PWD/$build/sysroot
packages="libdw-dev libdw1 libelf-dev libelf1 libmnl-dev libmnl0 libjansson-dev libjansson4 libiberty-dev liblzma-dev libdeflate-dev libdeflate0 zlib1g zlib1g-dev liblzma5 libbz2-1.0"

if ! command -v aarch64-linux-gnu-gcc >/dev/null; then
        echo "cross: there is no aarch64-linux-gnu-gcc; scripts/setup.sh installs it" >&2
        exit 1
fi
if [ ! -e "$sysroot/complete" ]; then
        # A package database of its own, so that the machine's needs no second architecture.
        state=$PWD/$build/apt
        mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$sysroot"
        set -- -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$state" -o Dir::State::Lists="$state/lists" \
                -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root
        apt-get "$@" -qq update
        # shellcheck disable=SC2086  # a list of words
        (cd "$state" && apt-get "$@" -qq download $packages)
        for deb in "$state"/*.deb; do
                dpkg-deb -x "$deb" "$sysroot"
        done
        touch "$sysroot/complete"
fi

lib=$sysroot/usr/lib/aarch64-linux-gnu
export CPPFLAGS="-isystem $sysroot/usr/include -isystem $sysroot/usr/include/aarch64-linux-gnu"
export LDFLAGS="-L$lib -Wl,-rpath-link,$lib:$sysroot/lib/aarch64-linux-gnu"
# shellcheck disable=SC2086  # a list of words
make -j2 BUILD=$build CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ $targets
file=$(od -An -tu2 -j18 -N2 $build/swansong | tr -d ' ')
[ "$file" = 183 ] || { echo "cross: build-aarch64/swansong is no AArch64 program (e_machine $file)" >&2; exit 1; }
echo "cross: built for aarch64"
