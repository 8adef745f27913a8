# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A second disk, with what no release has yet: Debian sid and its Docker, for a container. A layer.

DOCKER_PACKAGES=(docker.io docker-cli iptables iproute2 procps systemd systemd-sysv dbus apparmor busybox-static)

disk_dir() {
    echo "$VM_CACHE/sid/docker-$(digest "${DOCKER_PACKAGES[@]}" -- "$VM_TOP/lib/disk.sh")"
}

# It has no security updates of its own. A mirror may be a picture of an earlier day, whose Release file is past
# its date; it is signed.
bootstrap_sid() (
    # shellcheck disable=SC2317 # called by debootstrap_into
    apt_sources() {
        printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s sid main\n' "$(mirror_of Debian)"
    }
    debootstrap_into sid "$1" "$(join_by_comma "${DOCKER_PACKAGES[@]}")" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"'
)

make_disk() {
    local dir=$1
    bootstrap_sid "$dir/root"
    chroot "$dir/root" dpkg-query -W docker.io runc containerd systemd >"$dir/versions"
    mke2fs -q -t ext4 -L docker -d "$dir/root" "$dir/disk.img" 1G >/dev/null
    rm -rf --one-file-system "$dir/root"
}

build_disk() {
    layer "$(disk_dir)" make_disk
    hold_layer "$(disk_dir)"
    prune_layers 2 "$VM_CACHE"/sid/docker-*
}
