# shellcheck shell=bash
# A whole Debian as the container "deb": the machine's own system seen through an overlay, so that
# what the container changes is its own. It is an ordinary one: of what the machine has masked, no
# more stays so than what would ask a network, and the programs that are under test outside.

ROOT=/var/lib/lxc/deb/rootfs

DEBIAN_MASKED=(
    apt-daily.timer apt-daily-upgrade.timer docker.service docker.socket containerd.service
    lxc.service lxc-net.service lxc-monitord.service apparmor.service phoenixd.service
)

# debian_tree [LOWER]: makes it, of another tree than the machine's when that is named.
debian_tree() {
    local unit
    mkdir -p /run/deb/upper /run/deb/work "$ROOT"
    mount -t overlay deb -o "lowerdir=${1:-/},upperdir=/run/deb/upper,workdir=/run/deb/work" "$ROOT"
    find "$ROOT/etc/systemd/system" -maxdepth 1 -lname /dev/null -delete
    rm "$ROOT/etc/systemd/system/multi-user.target.wants/vm-agent.service"
    for unit in "${DEBIAN_MASKED[@]}"; do
        ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit"
    done
    : >"$ROOT/etc/fstab"
}

# debian_config PROFILE [LINE...]: as phoenixd-profiles(7) advises; the audit log is the host's.
debian_config() {
    local profile=$1
    shift
    cat >/var/lib/lxc/deb/config <<CONFIG
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = deb
lxc.rootfs.path = dir:$ROOT
lxc.net.0.type = empty
lxc.cap.drop = audit_read
lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp
lxc.apparmor.profile = $profile
CONFIG
    printf '%s\n' "$@" >>/var/lib/lxc/deb/config
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

# is_up: every unit has started, and none has failed.
is_up() {
    prints running timeout 90 lxc-attach -n deb -- systemctl is-system-running --wait || {
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
