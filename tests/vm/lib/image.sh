# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# From packages to a disk that boots: tree → build root → image. Each is a layer (common.sh).

# Modules that the initrd loads to find its root, and those that the guest may ask for later.
# Debian's "cloud" kernel is the same source and the same AppArmor as the general one, without four
# hundred megabytes of drivers for machines that are not virtual.
INITRD_MODULES=(virtio_pci virtio_blk virtio_console ext4)
GUEST_MODULES=(autofs4 overlay fuse loop veth bridge br_netfilter dummy tun nf_tables nft_compat
    nft_chain_nat xt_conntrack xt_addrtype xt_MASQUERADE xt_nat xt_mark xt_comment xt_tcpudp ip_tables
    iptable_nat iptable_filter iptable_raw af_alg tipc vsock af_key
    unix_diag)

tree_dir() {
    echo "$VM_CACHE/$1/tree-$(digest "$1" "$(guest_packages "$1")" -- "$VM_TOP/lib/packages.sh")"
}

buildroot_dir() {
    echo "$VM_CACHE/$1/buildroot-$(digest "$1" "$(build_packages "$1")" -- "$VM_TOP/lib/packages.sh")"
}

image_dir() {
    echo "$VM_CACHE/$1/image-$(digest "$(tree_dir "$1")" "$(buildroot_dir "$1")" -- "$VM_TOP/lib/image.sh" \
        "$VM_TOP"/image/{configure,containers,initrd-init,vm-agent.service} \
        "$VM_TOP"/guest/{agent,sampler}.c "$VM_TOP"/pve/*.[ch])"
}

# The kernel is unpacked and not installed: its maintainer scripts would spend a minute on an initrd
# that nobody uses.
make_tree() {
    local release=$1 dir=$2
    # shellcheck disable=SC2016 # "$1" is for mmdebstrap's shell, the rest for the one in the chroot
    debootstrap_into "$release" "$dir/root" "$(guest_packages "$release")" \
        --customize-hook='chroot "$1" sh -c "cd /root &&
            apt-get -qq -o APT::Sandbox::User=root download \$(apt-cache depends linux-image-cloud-amd64 |
            sed -n \"s/^ *Depends: \(linux-image-.*\)/\1/p\" | head -n 1)"'
    mkdir "$dir/kernel"
    dpkg-deb -x "$dir"/root/root/linux-image-*.deb "$dir/kernel"
    rm "$dir"/root/root/linux-image-*.deb
    # A merged /usr moved the modules in newer releases; depmod and modprobe want them at /lib.
    if [[ ! -d $dir/kernel/lib/modules ]]; then
        mkdir -p "$dir/kernel/lib"
        mv "$dir/kernel/usr/lib/modules" "$dir/kernel/lib/modules"
    fi
    # initrd-init has no modprobe that could unpack them.
    find "$dir/kernel/lib/modules" -name '*.ko.xz' -exec xz -d {} +
    depmod -b "$dir/kernel" "$(ls "$dir/kernel/lib/modules")"
}

make_buildroot() {
    debootstrap_into "$1" "$2/root" "$(build_packages "$1")"
    mkdir -p "$2/root/src" "$2/root/build"
}

# module_files TREE MODULE...: what must be loaded, dependencies first, without what is built in.
module_files() {
    local tree=$1 version module
    shift
    version=$(ls "$tree/kernel/lib/modules")
    for module in "$@"; do
        modprobe -S "$version" -d "$tree/kernel" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

make_initrd() {
    local tree=$1 out=$2 root=$2.d file
    mkdir -p "$root"/{bin,dev,proc,newroot,modules}
    cp "$tree/root/bin/busybox" "$root/bin/busybox"
    install -m 755 "$VM_TOP/image/initrd-init" "$root/init"
    module_files "$tree" "${INITRD_MODULES[@]}" | while read -r file; do
        cp "$file" "$root/modules/"
        basename "$file" >>"$root/modules/order"
    done
    # Not compressed: inflating it under emulation takes longer than reading it.
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$out"
    rm -r "$root"
}

install_modules() {
    local tree=$1 root=$2 version file base=$1/kernel
    version=$(ls "$base/lib/modules")
    module_files "$tree" "${INITRD_MODULES[@]}" "${GUEST_MODULES[@]}" | while read -r file; do
        install -D -m 644 "$file" "$root/lib/modules/$version/${file#"$base/lib/modules/$version/"}"
    done
    cp "$base/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
    depmod -b "$root" "$version"
}

# in_buildroot ROOT [--bind FROM TO]... COMMAND...: mounts vanish with the namespace, and /src
# cannot be written to.
in_buildroot() {
    local root=$1 binds=()
    shift
    while [[ $1 == --bind ]]; do
        binds+=("$2" "$3")
        shift 3
    done
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private bash -euc '
        root=$1 n=$2; shift 2
        while [ "$n" -gt 0 ]; do
            mount --bind "$1" "$root$2"
            n=$((n - 2)); shift 2
        done
        mount -o remount,bind,ro "$root/src"
        mount -t proc proc "$root/proc"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root chroot "$root" "$@"
    ' - "$root" "${#binds[@]}" "${binds[@]}" "$@"
}

compile_guest_tools() {
    local buildroot=$1 root=$2 out=$3 tool
    mkdir -p "$out"
    for tool in agent sampler; do
        in_buildroot "$buildroot/root" --bind "$VM_TOP/guest" /src --bind "$out" /build \
            gcc -std=c17 -O2 -Wall -Wextra -Werror -o "/build/vm-$tool" "/src/$tool.c"
        install -D -m 755 "$out/vm-$tool" "$root/usr/local/sbin/vm-$tool"
    done
    compile_pmxcfs "$buildroot" "$out"
    install -D -m 755 "$out/vm-pmxcfs" "$root/usr/local/sbin/vm-pmxcfs"
    rm -r "$out"
}

# The file system of ../pve; its scripts go into the guest with a scenario that asks for them.
compile_pmxcfs() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_buildroot "$1/root" --bind "$VM_TOP/pve" /src --bind "$2" /build \
        sh -euc 'gcc -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -Wall -pthread \
            -o /build/vm-pmxcfs /src/*.c $(pkg-config --cflags --libs fuse3)'
}

make_image() {
    local release=$1 dir=$2 tree buildroot
    tree=$(tree_dir "$release") buildroot=$(buildroot_dir "$release")
    cp -a --reflink=auto "$tree/root" "$dir/root"
    install_modules "$tree" "$dir/root"
    compile_guest_tools "$buildroot" "$dir/root" "$dir/tools"
    bash -eu "$VM_TOP/image/configure" "$dir/root" "$VM_TOP/image"
    bash -eu "$VM_TOP/image/containers" "$dir/root"
    make_initrd "$tree" "$dir/initrd"
    cp "$tree"/kernel/boot/vmlinuz-* "$dir/vmlinuz"
    mke2fs -q -t ext4 -L root -d "$dir/root" "$dir/disk.img" 3G >/dev/null
    rm -rf --one-file-system "$dir/root"
}
