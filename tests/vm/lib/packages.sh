# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Which packages go where, and where they come from.

# On the machine that runs the tests.
HOST_PACKAGES=(
    qemu-system-x86 qemu-utils mmdebstrap debian-archive-keyring
    e2fsprogs cpio kmod xz-utils socat
)

# In the guest: what it needs to be a host of containers, what phoenixd is linked with, and what
# scenarios look with. Containers see the machine's own tree, and the last line but one is for them; the
# last is for the stand-in of Proxmox.
GUEST_PACKAGES=(
    systemd systemd-sysv dbus kmod procps util-linux
    apparmor lxc
    libsystemd0 libjansson4 libapparmor1 libinotifytools0 libmd0
    e2fsprogs strace jq busybox-static polkitd
    docker.io iptables nginx-light openssh-server
    fuse3 python3
)

# In the build root. The guest's own release compiles the program, so that it meets the libraries
# that it was linked with.
BUILD_PACKAGES=(
    gcc libc6-dev meson ninja-build pkg-config systemd
    libsystemd-dev libjansson-dev libapparmor-dev lxc-dev libinotifytools0-dev libmd-dev libfuse3-dev
)

# systemd.pc, which says where units go, moved to a package of its own.
build_packages() {
    local more=()
    [[ $1 == bookworm ]] || more=(systemd-dev)
    join_by_comma "${BUILD_PACKAGES[@]}" "${more[@]}"
}

# The program docker, likewise.
guest_packages() {
    local more=("$(liblxc_package "$1")")
    [[ $1 == bookworm ]] || more+=(docker-cli)
    join_by_comma "${GUEST_PACKAGES[@]}" "${more[@]}"
}

join_by_comma() {
    local IFS=,
    printf '%s' "$*"
}

# Debian renamed the library when time_t grew.
liblxc_package() {
    case $1 in
        bookworm) echo liblxc1 ;;
        trixie) echo liblxc1t64 ;;
    esac
}

install_host_packages() {
    local missing=() package
    for package in "${HOST_PACKAGES[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    say "installing ${missing[*]}"
    # Somebody else may be installing: wait for the lock.
    apt_get update
    apt_get install -y --no-install-recommends "${missing[@]}"
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@" >&2
}

# The mirror is whatever this machine is configured with, so no host is named here.
mirror_of() {
    # shellcheck disable=SC2016 # a format of apt's
    apt-get indextargets --format '$(SITE)' "Label: $1" | head -n 1
}

apt_sources() {
    local release=$1 main security keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    main=$(mirror_of Debian)
    if [[ -z $main ]]; then
        apt_get update
        main=$(mirror_of Debian)
    fi
    [[ -n $main ]] || die "apt on this machine knows no source labelled Debian"
    security=$(mirror_of Debian-Security)
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$main" "$release"
    [[ -z $security ]] ||
        printf 'deb [signed-by=%s] %s %s-security main\n' "$keyring" "$security" "$release"
}

# debootstrap_into RELEASE DIR PACKAGES [OPTION...]
debootstrap_into() {
    local release=$1 dir=$2 packages=$3
    shift 3
    apt_sources "$release" | mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
        --include="$packages" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        "$@" "$release" "$dir" - >&2
}
