#!/bin/sh
# SPDX-License-Identifier: MIT
# vm.sh - run tests/vm inside a virtual machine: another kernel (Debian's cloud kernel, 6.1), cgroup v2, and memory that
# may run out without harm to this machine.
#
#   scripts/vm.sh BUILD [TEST...]
#
# Nothing is installed here: the kernel's package is unpacked below build/vm, the root file system is an initramfs of
# busybox, our binaries with their libraries, the victims and the tests. Results come over the serial console, one line
# each: "vm: ok NAME", "vm: not ok NAME: WHY", "vm: skip NAME: WHY", and at the end "vm: done". Whatever else happens, the
# machine is gone after VM_TIMEOUT seconds. Exit status: 0 all is well or nothing could be run (then it says "skip").
set -eu

build=${1:?usage: scripts/vm.sh BUILD [TEST...]}
shift
vm=build/vm
memory_mib=${VM_MEMORY_MIB:-320}
timeout_s=${VM_TIMEOUT:-150}

skip() {
        echo "skip test-vm: $*"
        exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "the virtual machine is x86_64"
for tool in qemu-system-x86_64 busybox cpio apt-get dpkg-deb ldd timeout; do
        command -v $tool >/dev/null || skip "$tool is missing (scripts/setup.sh installs it)"
done

# The package of the newest kernel that the distribution has: what the metapackage depends on.
kernel_package() {
        apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
}

fetch_kernel() {
        package=$(kernel_package)
        [ -n "$package" ] || { apt-get -qq update && package=$(kernel_package); } || return 1
        [ -n "$package" ] || return 1
        rm -rf $vm/kernel.new && mkdir -p $vm/kernel.new
        (cd $vm/kernel.new && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x ./*.deb . && rm -f ./*.deb) || return 1
        echo "${package#linux-image-}" > $vm/version
        mv $vm/kernel.new/boot/vmlinuz-* $vm/vmlinuz
        rm -rf $vm/kernel.new
}

# An ELF file and the libraries that it needs, at the same paths.
copy_closure() {
        ldd "$1" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
                mkdir -p "$root${library%/*}"
                [ -e "$root$library" ] || cp -L "$library" "$root$library"
        done
}

make_root() {
        root=$vm/root
        rm -rf $root
        mkdir -p $root/bin $root/dev $root/proc $root/sys $root/tmp $root/etc $root/vm/victims
        cp "$(command -v busybox)" $root/bin/busybox
        for applet in $(busybox --list); do
                [ $applet = busybox ] || ln -s busybox $root/bin/$applet
        done
        echo 'root:x:0:0::/:/bin/sh
nobody:x:65534:65534::/:/bin/sh' > $root/etc/passwd
        echo 'root:x:0:
nogroup:x:65534:' > $root/etc/group
        for program in "$build"/swansong "$build"/swansong-report "$build"/victims/*; do
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
        (cd $root && find . | cpio -o -H newc -R 0:0 --quiet) > $vm/initramfs.cpio
}

mkdir -p $vm
[ -s $vm/vmlinuz ] || fetch_kernel || skip "Debian's cloud kernel could not be downloaded"
make_root

echo "vm: Linux $(cat $vm/version), $memory_mib MiB"
# TCG needs no permission and behaves the same everywhere; hardware virtualisation inside a virtual machine does not.
status=0
timeout -k 5 "$timeout_s" qemu-system-x86_64 -accel tcg -cpu max -m "$memory_mib" -smp 2 -nographic -no-reboot \
        -nodefaults -serial "file:$vm/console" -kernel $vm/vmlinuz -initrd $vm/initramfs.cpio \
        -append "console=ttyS0 quiet panic=-1 tests=$(echo "$*" | tr ' ' ,)" </dev/null || status=$?
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
