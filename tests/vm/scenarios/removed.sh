# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# package: yes
# timeout: 900
# The package, over an installation from the sources, and its removal: what the containers' configs name of phoenixd's is
# there after it was removed and the machine has booted, their policy namespaces and the seccomp lists.

DEB=$(echo /run/scenario/packages/phoenixd_*.deb)
NAMESPACES=/sys/kernel/security/apparmor/policy/namespaces
STACK='lxc-web//&:lxc-web:unconfined'
KEPT=/etc/systemd/system/phoenixd-namespaces.service

apt_run() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Languages=none "$@" >/root/apt.log 2>&1 || {
        cat /root/apt.log
        return 1
    }
}
said() { grep -E -- "$1" /root/apt.log; }
effective() { sed -n 's/^lxc.apparmor.profile = //p' /var/lib/lxc/web/config | tail -n 1; }

if [[ $PHASE -eq 1 ]]; then
    say "over an installation from the sources, which repaired"
    install -d -m 0700 /var/lib/phoenixd/gate
    printf 'phoenixd-gate 1\ngate refuse\n' >/var/lib/phoenixd/gate/containers
    check "it is installed" apt_run install "$DEB"
    check "and goes on to repair" prints enforce jq -r .mode "$SETTINGS"
    put_profile lxc-web
    configure_with '{"apparmor_manages_nesting": true}' web=lxc-web
    echo 'lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp' >>/var/lib/lxc/web/config
    check "in sync" settled 40
    check "the config names a policy namespace" prints "$STACK" effective
    check "an upgrade" apt_run install --reinstall "$DEB"
    check "keeps none" test ! -e "$KEPT"
    check "it can be removed" apt_run remove phoenixd
    check "and says that the namespace is kept" said "containers require: lxc-web"
    reboot_machine
fi

check "phoenixd is not there" test ! -e /usr/sbin/phoenixd
check "the boot has made the namespace" test -d "$NAMESPACES/lxc-web"
check "by its unit" systemctl is-active phoenixd-namespaces
check "the container starts" start_container web
check "in its stack" wait_until 20 all_labelled web "$STACK (enforce)"
stop_container web

check "installed again, it goes on" apt_run install "$DEB"
check "in sync" settled 40
# A user's config is looked into as well, and opening this one would wait for ever.
useradd --create-home stranger
runuser -u stranger -- sh -c 'mkdir -p ~/.config/lxc && mkfifo ~/.config/lxc/x.conf'
check "it can be purged" apt_run purge phoenixd
check "what a config names stays" test -e "$KEPT" -a -e /usr/share/phoenixd/container.seccomp
check "the container starts" start_container web
stop_container web
# Else the next installation assigns the profile again.
rm "$CONFIG"
sed -i '/^lxc.apparmor.profile/d; /^lxc.seccomp/d' /var/lib/lxc/web/config
check "when none does" apt_run install "$DEB"
check "a purge" apt_run purge phoenixd
check "removes both" test ! -e "$KEPT" -a ! -e /usr/share/phoenixd
