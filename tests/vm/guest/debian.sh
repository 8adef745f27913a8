# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A whole Debian as the container "deb": the machine's own system seen through an overlay, so that
# what the container changes is its own. It is an ordinary one: of what the machine has masked, no
# more stays so than what would ask a network, and the programs that are under test outside.

ROOT=/var/lib/lxc/deb/rootfs

DEBIAN_MASKED=(
    apt-daily.timer apt-daily-upgrade.timer docker.service docker.socket containerd.service
    lxc.service lxc-net.service lxc-monitord.service apparmor.service phoenixd.service
)

# Who is root in an unprivileged container.
DEBIAN_USER=100000

# debian_tree [unprivileged]
debian_tree() {
    local unit lower=/
    mkdir -p /run/deb/upper /run/deb/work "$ROOT"
    if [[ ${1:-} == unprivileged ]]; then
        lower=/run/deb/lower
        shifted_tree "$lower"
        chown "$DEBIAN_USER:$DEBIAN_USER" /run/deb/upper
        chmod a+x /var/lib/lxc /var/lib/lxc/deb
    fi
    mount -t overlay deb -o "lowerdir=$lower,upperdir=/run/deb/upper,workdir=/run/deb/work" "$ROOT"
    find "$ROOT/etc/systemd/system" -maxdepth 1 -lname /dev/null -delete
    rm "$ROOT/etc/systemd/system/multi-user.target.wants/vm-agent.service"
    for unit in "${DEBIAN_MASKED[@]}"; do
        ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit"
    done
    : >"$ROOT/etc/fstab"
}

# shifted_tree DIR [TREE]: the machine's tree, or another file system's, in which root's files belong
# to the container's root. There is no command for it before util-linux 2.39.
shifted_tree() {
    local holder
    mkdir -p "$1"
    unshare -U sleep 60 &
    holder=$!
    wait_until 10 not test "/proc/$holder/ns/user" -ef /proc/self/ns/user
    echo "0 $DEBIAN_USER 65536" | tee "/proc/$holder/uid_map" >"/proc/$holder/gid_map"
    perl -e '
        my ($owners, $where, $root) = @ARGV;
        my ($open_tree, $move_mount, $mount_setattr, $idmap) = (428, 429, 442, 0x100000);
        open(my $namespace, "<", $owners) or die "$owners: $!";
        my $empty = "";
        my $tree = syscall($open_tree, -100, $root, 1);
        die "open_tree: $!" if $tree < 0;
        my $attributes = pack("Q4", $idmap, 0, 0, fileno($namespace));
        syscall($mount_setattr, $tree, $empty, 0x1000, $attributes, 32) == 0 or die "mount_setattr: $!";
        syscall($move_mount, $tree, $empty, -100, $where, 4) == 0 or die "move_mount: $!";
    ' "/proc/$holder/ns/user" "$1" "${2:-/}"
    kill "$holder"
}

# debian_config PROFILE [unprivileged]: as phoenixd-profiles(7) advises; the audit log is the host's.
debian_config() {
    local unprivileged=()
    if [[ ${2:-} == unprivileged ]]; then
        unprivileged=(
            "lxc.include = /usr/share/lxc/config/userns.conf"
            "lxc.idmap = u 0 $DEBIAN_USER 65536"
            "lxc.idmap = g 0 $DEBIAN_USER 65536"
            "lxc.cap.drop = mac_override sys_time sys_module sys_rawio"
        )
    fi
    {
        echo "lxc.include = /usr/share/lxc/config/common.conf"
        printf '%s\n' "${unprivileged[@]}"
        cat <<CONFIG
lxc.arch = linux64
lxc.uts.name = deb
lxc.rootfs.path = dir:$ROOT
lxc.net.0.type = empty
lxc.cap.drop = audit_read
lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp
lxc.apparmor.profile = $1
CONFIG
    } >/var/lib/lxc/deb/config
}

deb() {
    lxc-attach -n deb --clear-env -- "$@"
}

deb_sh() {
    deb sh -c "$1"
}

manager_answers() {
    deb test -S /run/systemd/private
}

# is_up: every unit has started, and none has failed. A busy machine takes minutes.
is_up() {
    prints running timeout 540 lxc-attach -n deb -- systemctl is-system-running --wait || {
        deb systemctl --failed --no-legend
        return 1
    }
}

# denials CURSOR PROFILE: the journal has them where its audit socket is enabled, the kernel's log
# where it is not.
denials() {
    { journal_since "$1"; dmesg; } | grep "apparmor=\"DENIED\".*profile=\"$2" |
        sed 's/.*apparmor=/apparmor=/' | sort -u
}

no_denials() {
    equals "$(denials "$@")" ""
}
