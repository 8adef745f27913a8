# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# shellcheck disable=SC2034 # what the scenarios read
# For the scenarios that try the acts of this directory: containers in which they are tried, and
# what the table says about them.

HERE=$(dirname "${BASH_SOURCE[0]}")
SOURCES=/usr/share/phoenixd/apparmor.d

declare -A PROFILE_OF=(
    [web]=lxc-baseline
    [910]=lxc-phoenix-v2
    [953]=lxc-gpu-docker-storage
    [954]=lxc-nesting-v1
    [db]=unconfined
)
declare -A LETTER_OF=([web]=B [910]=P [953]=G [954]=N [db]=C)

load() {
    local begin end
    begin=$(now_ms)
    apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" "$SOURCES/$1" 2>&1
    end=$(now_ms)
    say "$1 compiled and loaded in $((end - begin)) ms"
}

# write_config NAME PROFILE [LINE...]: all capabilities, all devices, everything writable, no
# seccomp. Devices come from outside; what is called after a GPU is /dev/null.
write_config() {
    local name=$1 profile=$2
    shift 2
    {
        cat <<CONFIG
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = $name
lxc.rootfs.path = dir:/var/lib/lxc/$name/rootfs
lxc.net.0.type = empty
lxc.cap.drop =
lxc.cgroup2.devices.allow = a
lxc.seccomp.profile =
lxc.mount.auto =
lxc.mount.auto = proc:rw sys:rw cgroup:rw
lxc.mount.entry = /dev/null dev/nvidia0 none bind,create=file 0 0
lxc.mount.entry = /dev/null dev/nvidia-uvm none bind,create=file 0 0
lxc.mount.entry = /dev/null dev/nvidia-caps/nvidia-cap1 none bind,create=file 0 0
lxc.mount.entry = /dev/null dev/dri/renderD128 none bind,create=file 0 0
lxc.mount.entry = /dev/mem dev/mem none bind,create=file 0 0
lxc.mount.entry = /dev/vda dev/vda none bind,create=file 0 0
lxc.apparmor.profile = $profile
CONFIG
        printf '%s\n' "$@"
    } >"/var/lib/lxc/$name/config"
}

# unprivileged NAME PROFILE [LINE...]: the same for a user namespace whose root is nobody outside.
unprivileged() {
    local name=$1 profile=$2
    shift 2
    write_config "$name" "$profile" 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' \
        'lxc.tty.dir =' 'lxc.cgroup2.devices.deny =' 'lxc.cgroup2.devices.allow =' "$@"
    # All containers have one busybox, by hard links.
    cp --remove-destination "$(readlink -f /bin/busybox)" "/var/lib/lxc/$name/rootfs/bin/busybox"
    chown -hR 100000:100000 "/var/lib/lxc/$name/rootfs"
    chmod a+x /var/lib/lxc "/var/lib/lxc/$name"
}

furnish() {
    local root=/var/lib/lxc/$1/rootfs
    mkdir -p "$root/mnt/shared" "$root/mnt/pve/nas/snippets"
    cp "$HERE/acts" "$HERE/acts.sh" "$root/"
    cp /usr/local/sbin/phoenixd-sockets "$root/sockets"
    cp /usr/local/sbin/phoenixd-detached "$root/detached"
    modprobe -a af_alg vsock af_key tipc
    cp "$(modprobe --show-depends dummy | sed -n 's/^insmod \([^ ]*\).*/\1/p')" "$root/dummy.ko"
}

# try_acts NAME RESULT: does them all in that container.
try_acts() {
    for victim in lxc-victim lxc-other-victim; do
        echo "profile $victim { file, }" | apparmor_parser -r -T -K
    done
    timeout 100 lxc-attach -n "$1" -- sh /acts.sh /acts >"$2" || true
    say "$1: $(grep -c ' yes$' "$2") acts succeeded, $(grep -c ' no$' "$2") did not"
}

# read_results RESULT: what became of each act, in DID.
declare -A DID

read_results() {
    local name result
    DID=()
    while read -r name result; do
        DID[$name]=$result
    done <"$1"
}

# surprises RESULT PROFILE-LETTER [BARRIER-LETTER...]: the rows of what went otherwise than the table
# says; nothing when all went so. An act succeeds in a profile that its row names, behind no barrier
# that its row names. Profile "-" is none.
surprises() {
    local letter=$2 name profiles barriers expected did barrier
    read_results "$1"
    shift 2
    while IFS='|' read -r name profiles barriers _; do
        case $name in '' | '#'*) continue ;; esac
        expected=yes
        [[ $letter == - || $profiles == *"$letter"* ]] || expected=no
        for barrier; do
            [[ $barriers != *"$barrier?"* ]] || continue 2
            [[ $barriers != *"$barrier"* ]] || expected=no
        done
        did=${DID[$name]:-nothing}
        [[ $did == "$expected" ]] || echo "$name: expected $expected, found $did"
    done <"$HERE/acts"
}

says_nothing() {
    local output
    output=$("$@") && equals "$output" ""
}
