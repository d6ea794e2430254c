#!/bin/sh
# SPDX-License-Identifier: MIT
# setup - install what this machine lacks, from Debian's packages.
#
#   scripts/setup.sh build    what `make` and `make demo` need
#   scripts/setup.sh          that, and everything the tests and benchmarks use
#   scripts/setup.sh aarch64  that, and what `make test-vm-aarch64` needs: another emulator, a C++ cross-compiler
#
# Installs only what is missing; needs root for that, and says what to do without.
set -eu

BUILD="gcc g++ make libc6-dev libdw-dev libelf-dev liblzma-dev libdeflate-dev libiberty-dev libmnl-dev libjansson-dev"
TEST="clang libclang-rt-14-dev libcriterion-dev libunwind-dev gdb elfutils debuginfod valgrind strace python3 python3-jsonschema
      gcc-aarch64-linux-gnu libc6-dev-arm64-cross redis-server redis-tools postgresql nginx-light golang-go
      libc6-dbg iproute2 util-linux procps git qemu-system-x86 busybox-static cpio xz-utils
      libjemalloc2 libgoogle-perftools4 libmimalloc2.0 sqlite3 heaptrack"

AARCH64="qemu-system-arm g++-aarch64-linux-gnu"

# Python's own tests, which the agent is tried under: their package is named after Debian's version.  Where there is no
# Python yet those are skipped.
python_tests() {
        version=$(dpkg-query -W -f '${Version}' python3 2>/dev/null | cut -d. -f1,2)
        [ -z "$version" ] || echo "libpython$version-testsuite"
}

wanted=$BUILD
[ "${1:-}" = build ] || wanted="$BUILD $TEST $(python_tests)"
[ "${1:-}" != aarch64 ] || wanted="$wanted $AARCH64"

missing=
for package in $wanted; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
# Any node and any Java will do: machines often have newer ones than Debian's (Java: 48 MB).
if [ "${1:-}" != build ]; then
        command -v node >/dev/null || missing="$missing nodejs"
        command -v java >/dev/null || missing="$missing default-jre-headless"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
        echo "setup: this machine has no apt-get; install these (Debian's names) by its own means:$missing" >&2
        exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
        echo "setup: only root can install packages; run: sudo apt-get install$missing" >&2
        exit 1
fi

echo "setup: installing$missing"
# The servers are for the tests, which start their own: none may be started by its package.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
