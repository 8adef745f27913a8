# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The kernel of a release, and its modules. A layer of its own, because the release bookworm-backports has the
# programs of bookworm and another kernel.
#
# Debian's "cloud" kernel is the same source and the same AppArmor as the general one, without four
# hundred megabytes of drivers for machines that are not virtual.

KERNEL_PACKAGE=linux-image-cloud-amd64

kernel_dir() {
    echo "$VM_CACHE/$1/kernel-$(digest "$1" "$KERNEL_PACKAGE" -- "$VM_TOP"/lib/{kernel,packages}.sh)"
}

# apt_beside DIR COMMAND...: a command of apt with sources, lists and an empty status of its own, in DIR.
apt_beside() {
    local dir=$1 command=$2
    shift 2
    "$command" -qq -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
}

# download_kernel RELEASE DIR: the package that the one without a version depends on. It ends up in DIR.
download_kernel() (
    release=$1
    cd "$2" || exit
    mkdir -p state/lists/partial cache/archives/partial
    : >status
    # Backports come after security updates, and have none of their own.
    apt_sources "$release" | grep -v -e '-backports-security ' >sources.list
    apt_beside . apt-get update >&2
    package=$(apt_beside . apt-cache depends "$KERNEL_PACKAGE" |
        sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    [[ -n $package ]] || die "$release has no kernel $KERNEL_PACKAGE"
    apt_beside . apt-get download "$package" >&2
)

# The kernel is unpacked and not installed: its maintainer scripts would spend a minute on an initrd
# that nobody uses.
make_kernel() {
    local release=$1 dir=$2
    mkdir "$dir/apt"
    download_kernel "$release" "$dir/apt"
    dpkg-deb -x "$dir"/apt/linux-image-*.deb "$dir"
    rm -r "$dir/apt"
    # A merged /usr moved the modules in newer releases; depmod and modprobe want them at /lib.
    if [[ ! -d $dir/lib/modules ]]; then
        mkdir -p "$dir/lib"
        mv "$dir/usr/lib/modules" "$dir/lib/modules"
    fi
    # initrd-init has no modprobe that could unpack them.
    find "$dir/lib/modules" -name '*.ko.xz' -exec xz -d {} +
    depmod -b "$dir" "$(kernel_version "$dir")"
}

kernel_version() {
    ls "$1/lib/modules"
}

# module_files KERNEL MODULE...: what must be loaded, dependencies first, without what is built in.
module_files() {
    local kernel=$1
    local version module
    version=$(kernel_version "$kernel")
    shift
    for module in "$@"; do
        modprobe -S "$version" -d "$kernel" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
