#!/bin/sh
# SPDX-License-Identifier: MIT
# vm.sh - run tests/vm inside a virtual machine: another kernel (Debian's cloud kernel, 6.1), cgroup v2, and memory that
# may run out without harm to this machine.
#
#   scripts/vm.sh BUILD [TEST...]
#   scripts/vm.sh BUILD --lab      the race lab's rows for the virtual machine (KILLS, ROWS), one JSON object per line
#   VM_MACHINE=aarch64 scripts/vm.sh build-aarch64 [TEST...]      the same tests on that machine (`make test-vm-aarch64`)
#
# Nothing is installed here: the kernel's package is unpacked below build/vm, the root file system is an initramfs of
# busybox, our binaries with their libraries, the victims and the tests; for the lab also python3, with just the modules
# that it loads. Results come over the serial console, one line each: "vm: ok NAME", "vm: not ok NAME: WHY", "vm: skip
# NAME: WHY", and at the end "vm: done"; the lab's over a second serial line, which is our stdout. Whatever else happens,
# the machine is gone after VM_TIMEOUT seconds. Exit status: 0 all is well or nothing could be run (then it says "skip").
set -eu

build=${1:?usage: scripts/vm.sh BUILD [TEST...]}
shift
machine=${VM_MACHINE:-x86_64}
top=$PWD
vm=build/vm
lab=
[ "${1:-}" != --lab ] || lab=1
memory_mib=${VM_MEMORY_MIB:-${lab:+448}}
memory_mib=${memory_mib:-320}
timeout_s=${VM_TIMEOUT:-${lab:+1500}}
timeout_s=${timeout_s:-1200}

skip() {
        echo "skip ${lab:+the lab in the virtual machine}${lab:-test-vm}: $*"
        exit 0
}

# What differs: the kernel's package, the emulator's machine, the console, where apt keeps what it knows, what is not this machine's.
case $machine in
x86_64)
        [ "$(uname -m)" = x86_64 ] || skip "the virtual machine is x86_64"
        debian=amd64 board=pc cpu=max console=ttyS0 foreign= sysroot=
        ;;
aarch64)
        debian=arm64 board=virt cpu=cortex-a72 console=ttyAMA0 foreign="busybox-static libc6 libgcc-s1 libstdc++6 libzstd1"
        vm=build/vm-aarch64 sysroot=$build/sysroot
        ;;
*) skip "no virtual machine is known for $machine" ;;
esac
for tool in qemu-system-$machine busybox cpio apt-get dpkg-deb ldd timeout; do
        command -v $tool >/dev/null || skip "$tool is missing (scripts/setup.sh installs it)"
done

# The package lists of another architecture are kept beside, so that this machine needs none: scripts/cross.sh made them.
apt() {
        tool=$1
        shift
        if [ -n "$sysroot" ]; then
                state=$top/$build/apt
                set -- -o APT::Architecture=$debian -o APT::Architectures::=$debian -o Dir::State="$state" \
                        -o Dir::State::Lists="$state/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" "$@"
        fi
        "$tool" -qq -o APT::Sandbox::User=root "$@"
}

# The package of the newest kernel that the distribution has: what the metapackage depends on.
kernel_package() {
        apt apt-cache depends linux-image-cloud-$debian 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
}

fetch_kernel() {
        package=$(kernel_package)
        [ -n "$package" ] || { apt apt-get update && package=$(kernel_package); } || return 1
        [ -n "$package" ] || return 1
        rm -rf $vm/packages && mkdir -p $vm/packages
        # shellcheck disable=SC2086  # foreign: a list of words
        (cd $vm/packages && apt apt-get download "$package" $foreign &&
                for deb in ./*.deb; do dpkg-deb -x "$deb" . || exit 1; done && rm -f ./*.deb) || return 1
        echo "${package#linux-image-}" > $vm/version
        mv $vm/packages/boot/vmlinuz-* $vm/vmlinuz
}

# The same for a machine that is not ours: its libraries are in packages and in what scripts/cross.sh unpacked.
copy_foreign_closure() {
        readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | while read -r name; do
                [ ! -e "$root/lib/$name" ] || continue
                for library in $vm/packages/lib/*/"$name" $vm/packages/usr/lib/*/"$name" "$sysroot"/usr/lib/*/"$name" "$sysroot"/lib/*/"$name"; do
                        [ -e "$library" ] || continue
                        mkdir -p $root/lib
                        cp -L "$library" "$root/lib/$name"
                        copy_foreign_closure "$library"
                        break
                done
        done
}

# An ELF file and the libraries that it needs, at the same paths.
copy_closure() {
        if [ -n "$sysroot" ]; then
                copy_foreign_closure "$1"
                return
        fi
        ldd "$1" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
                mkdir -p "$root${library%/*}"
                [ -e "$root$library" ] || cp -L "$library" "$root$library"
        done
}

# The lab, the interpreter, and all modules that are loaded together with the lab's own.
copy_lab() {
        # What is called python3 may be a script that chooses one.
        python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
        home=$(python3 -c 'import sys; print(sys.base_prefix)')
        mkdir -p $root/usr/bin
        cp "$python" $root/usr/bin/python3
        ln -s /usr/bin/python3 $root/bin/python3
        copy_closure "$python"
        BUILD=$build python3 -S -c 'import encodings.ascii, encodings.latin_1, runpy, sys, traceback, tests.bench.race.inside
for m in list(sys.modules.values()):
    if getattr(m, "__file__", None): print(m.__file__)' | while read -r file; do
                case $file in
                "$PWD"/*) to=$root/vm/${file#"$PWD"/} ;;
                *) to=$root$file ;;
                esac
                mkdir -p "${to%/*}"
                cp "$file" "$to"
                case $file in *.so) copy_closure "$file" ;; esac
        done
}

make_root() {
        root=$vm/root
        rm -rf $root
        mkdir -p $root/bin $root/dev $root/proc $root/sys $root/tmp $root/etc $root/vm/victims
        if [ -n "$foreign" ]; then
                cp $vm/packages/bin/busybox $root/bin/busybox
        else
                cp "$(command -v busybox)" $root/bin/busybox
        fi
        for applet in $(busybox --list); do
                [ $applet = busybox ] || ln -s busybox $root/bin/$applet
        done
        echo 'root:x:0:0::/:/bin/sh
nobody:x:65534:65534::/:/bin/sh' > $root/etc/passwd
        echo 'root:x:0:
nogroup:x:65534:' > $root/etc/group
        for program in "$build"/swansong "$build"/swansong-report "$build"/libswansong.so "$build"/victims/*; do
                [ -x "$program" ] && [ -f "$program" ] || continue
                case $program in
                */victims/*) cp "$program" $root/vm/victims/ ;;
                *) cp "$program" $root/vm/ ;;
                esac
                copy_closure "$program"
        done
        cp tests/vm/init $root/init
        cp tests/vm/*.sh $root/vm/
        chmod 755 $root/init
        if [ -n "$lab" ]; then
                copy_lab
                echo "exec env BUILD=/vm PYTHONPATH=/vm PYTHONHOME=$home KILLS=${KILLS:-3} ROWS='${ROWS:-}' python3 -S -m tests.bench.race.inside > /dev/ttyS1"
        else
                echo "exec sh /vm/tests.sh $*"
        fi > $root/vm/run.sh
        (cd $root && find . | cpio -o -H newc -R 0:0 --quiet) > $vm/initramfs.cpio
}

mkdir -p $vm
[ -s $vm/vmlinuz ] || fetch_kernel || skip "Debian's cloud kernel could not be downloaded"
make_root "$@"

results=
[ -z "$lab" ] || results="-serial stdio"
[ -n "$lab" ] || echo "vm: Linux $(cat $vm/version), $memory_mib MiB"
# no_timer_check: under a high load the kernel would take the emulated timer for broken, and panic.
# TCG needs no permission and behaves the same everywhere; hardware virtualisation inside a virtual machine does not.
# The kernel's messages would come in between the tests' own: only a panic is shown.
status=0
# shellcheck disable=SC2086  # results: two words or none
timeout -k 5 "$timeout_s" qemu-system-$machine -M $board -accel tcg -cpu $cpu -m "$memory_mib" -smp 2 -nographic -no-reboot \
        -nodefaults -serial "file:$vm/console" $results -kernel $vm/vmlinuz -initrd $vm/initramfs.cpio \
        -append "console=$console loglevel=1 printk.devkmsg=on panic=-1 no_timer_check" </dev/null || status=$?
if [ -n "$lab" ]; then
        [ $status = 0 ] || echo "the virtual machine ended early (status $status); its console's text is in $vm/console" >&2
        exit $status
fi
[ $status = 124 ] && echo "vm: not ok timeout: nothing more came within $timeout_s s"

tr -d '\r' < $vm/console | sed -n 's/^.*\(vm: \(ok\|not ok\|skip\|#\) .*\)/\1/p'
tr -d '\r' < $vm/console | awk '
        /vm: ok /     { ok++ }
        /vm: not ok / { bad++ }
        /vm: skip /   { skip++ }
        /vm: done/    { done = 1 }
        END {
                printf "vm: %d ok, %d failed, %d skipped%s\n", ok, bad, skip, done ? "" : ", ended early"
                exit bad || !done || !ok
        }' || { echo "vm: the console's text is in $vm/console"; exit 1; }
