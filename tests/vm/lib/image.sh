# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# From packages to a disk that boots: tree, build root and kernel → image. Each is a layer (common.sh).

# Modules that the initrd loads to find its root, and those that the guest may ask for later.
INITRD_MODULES=(virtio_pci virtio_blk virtio_console ext4)
GUEST_MODULES=(autofs4 overlay fuse loop veth bridge br_netfilter dummy tun nf_tables nft_compat
    nft_chain_nat xt_conntrack xt_addrtype xt_MASQUERADE xt_nat xt_mark xt_comment xt_tcpudp ip_tables
    iptable_nat iptable_filter iptable_raw af_alg tipc vsock af_key
    unix_diag)

# Releases with the same programs share their tree and build root.
tree_dir() {
    local suite
    suite=$(suite_of "$1")
    echo "$VM_CACHE/$suite/tree-$(digest "$suite" "$(guest_packages "$suite")" -- "$VM_TOP/lib/packages.sh")"
}

buildroot_dir() {
    local suite
    suite=$(suite_of "$1")
    echo "$VM_CACHE/$suite/buildroot-$(digest "$suite" "$(build_packages "$suite")" -- "$VM_TOP/lib/packages.sh")"
}

image_dir() {
    echo "$VM_CACHE/$1/image-$(digest "$(tree_dir "$1")" "$(buildroot_dir "$1")" "$(kernel_dir "$1")" -- \
        "$VM_TOP/lib/image.sh" \
        "$VM_TOP"/image/{configure,containers,initrd-init,vm-agent.service} \
        "$VM_TOP"/guest/{agent,sampler}.c "$VM_TOP"/pve/*.[ch])"
}

make_tree() {
    local suite
    suite=$(suite_of "$1")
    debootstrap_into "$suite" "$2/root" "$(guest_packages "$suite")"
}

make_buildroot() {
    local suite
    suite=$(suite_of "$1")
    debootstrap_into "$suite" "$2/root" "$(build_packages "$suite")"
    mkdir -p "$2/root/src" "$2/root/build"
}

# make_initrd TREE KERNEL FILE
make_initrd() {
    local tree=$1 kernel=$2 out=$3 root=$3.d file
    mkdir -p "$root"/{bin,dev,proc,newroot,modules}
    cp "$tree/root/bin/busybox" "$root/bin/busybox"
    install -m 755 "$VM_TOP/image/initrd-init" "$root/init"
    module_files "$kernel" "${INITRD_MODULES[@]}" | while read -r file; do
        cp "$file" "$root/modules/"
        basename "$file" >>"$root/modules/order"
    done
    # Not compressed: inflating it under emulation takes longer than reading it.
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$out"
    rm -r "$root"
}

install_modules() {
    local kernel=$1 root=$2 version file
    version=$(kernel_version "$kernel")
    module_files "$kernel" "${INITRD_MODULES[@]}" "${GUEST_MODULES[@]}" | while read -r file; do
        install -D -m 644 "$file" "$root/lib/modules/$version/${file#"$kernel/lib/modules/$version/"}"
    done
    cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
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
    local release=$1 dir=$2 tree buildroot kernel
    tree=$(tree_dir "$release") buildroot=$(buildroot_dir "$release") kernel=$(kernel_dir "$release")
    cp -a --reflink=auto "$tree/root" "$dir/root"
    install_modules "$kernel" "$dir/root"
    compile_guest_tools "$buildroot" "$dir/root" "$dir/tools"
    bash -eu "$VM_TOP/image/configure" "$dir/root" "$VM_TOP/image"
    bash -eu "$VM_TOP/image/containers" "$dir/root"
    make_initrd "$tree" "$kernel" "$dir/initrd"
    cp "$kernel"/boot/vmlinuz-* "$dir/vmlinuz"
    mke2fs -q -t ext4 -L root -d "$dir/root" "$dir/disk.img" 3G >/dev/null
    rm -rf --one-file-system "$dir/root"
}
