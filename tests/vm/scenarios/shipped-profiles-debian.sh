# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 600
# The shipped profiles with a whole Debian as container, systemd as its init: it boots without a
# denial, its services get the sandboxes that they ask for, and in lxc-nesting-v1 another container
# runs inside.

SOURCES=/usr/share/phoenixd/apparmor.d
ROOT=/var/lib/lxc/deb/rootfs

# The machine's own system, seen through an overlay: what the container changes is its own.
make_container() {
    mkdir -p /run/deb/upper /run/deb/work "$ROOT"
    mount -t overlay deb -o lowerdir=/,upperdir=/run/deb/upper,workdir=/run/deb/work "$ROOT"
    rm "$ROOT/etc/systemd/system/multi-user.target.wants/vm-agent.service" \
        "$ROOT/etc/systemd/system/systemd-logind.service"
    for unit in lxc lxc-net lxc-monitord apparmor phoenixd; do
        ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit.service"
    done
    : >"$ROOT/etc/fstab"
    # A container for the container, in the profile that its host is in.
    mkdir "$ROOT/var/lib/lxc/inner"
    cp -a /var/lib/lxc/db/. "$ROOT/var/lib/lxc/inner/"
    sed -i -e 's,/lxc/db/,/lxc/inner/,; s/name = db/name = inner/' \
        -e 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unchanged/' \
        "$ROOT/var/lib/lxc/inner/config"
}

# As phoenixd-profiles(7) advises; the audit log is the host's.
write_config() {
    cat >/var/lib/lxc/deb/config <<CONFIG
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = deb
lxc.rootfs.path = dir:$ROOT
lxc.net.0.type = empty
lxc.cap.drop = audit_read
lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp
lxc.apparmor.profile = $1
CONFIG
}

deb() {
    lxc-attach -n deb -- "$@"
}

manager_answers() {
    deb test -S /run/systemd/private
}

# The journal has them where its audit socket is enabled, the kernel's log where it is not.
denials() {
    { journal_since "$1"; dmesg; } | grep "apparmor=\"DENIED\".*profile=\"$2\"" |
        sed 's/.*apparmor=/apparmor=/' | sort -u
}

no_denials() {
    equals "$(denials "$@")" ""
}

SANDBOX=(
    -p PrivateTmp=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateDevices=yes
    -p ProtectKernelTunables=yes -p ProtectKernelLogs=yes -p ProtectControlGroups=yes
    -p PrivateNetwork=yes -p ReadWritePaths=/var
    -p InaccessiblePaths=/srv -p TemporaryFileSystem=/mnt -p BindPaths=/opt:/media
)

make_container
for profile in lxc-baseline lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" "$SOURCES/$profile"
    write_config "$profile"
    cursor=$(journal_cursor)
    check "$profile: Debian starts" start_container deb
    check "$profile: its systemd answers" wait_until 60 manager_answers
    check "$profile: all of it is up" prints running \
        timeout 90 lxc-attach -n deb -- systemctl is-system-running --wait
    check "$profile: nothing was denied" no_denials "$cursor" "$profile"
    check "$profile: every task carries the label, enforced" all_labelled deb "$profile (enforce)"
    check "$profile: a service gets its sandbox" prints ready \
        deb systemd-run --wait -q --pipe "${SANDBOX[@]}" \
        sh -c 'touch /tmp/x && ! touch /usr/x 2>/dev/null && echo ready'
    # shellcheck disable=SC2016 # expanded by the service's shell
    check "$profile: a service gets a user of its own, and a secret" prints secret \
        deb systemd-run --wait -q --pipe -p DynamicUser=yes -p StateDirectory=own \
        -p SetCredential=word:secret \
        sh -c 'touch /var/lib/own/x && cat "$CREDENTIALS_DIRECTORY/word"'
    # shellcheck disable=SC2016 # expanded by perl
    # Without the shipped seccomp policy Linux 6.1 would mount it and not ask the profile.
    check "$profile: the calls that AppArmor does not see do not exist" \
        prints "Function not implemented" \
        deb perl -e 'my $type = "tmpfs"; syscall(430, $type, 0); print $!'
    if [[ $profile == lxc-nesting-v1 ]]; then
        check "a container inside the container starts" deb lxc-start -n inner
        check "it runs" prints RUNNING deb lxc-info -n inner -sH
        check "it can be entered" prints inside deb lxc-attach -n inner -- echo inside
        check "all are confined" all_labelled deb "$profile (enforce)"
        check "it cannot set a sysctl of the host" \
            not deb lxc-attach -n inner -- sh -c 'echo 1 >/proc/sys/vm/overcommit_memory'
    fi
    check "$profile: the host can stop it" stop_container deb
done
