# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# In mode observe all is reported and nothing changed; stopping the daemon changes nothing either.

put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=lxc-db
set_setting mode '"observe"'
# What a look in any other mode would remove or make: leftovers of a crash, and the namespace in
# which a policy that has a test is tried.
namespaces=$APPARMOR/policy/namespaces
printf 'allow file r /etc/hostname\n' >"$SOURCES/lxc-web.test"
mkdir "$namespaces/phoenixd-probe"
touch "$DEPLOYED/.lxc-web.phoenixd~" /var/lib/lxc/web/.config.phoenixd~
before=$(machine_picture)
sleep 1
marker=$(mktemp)
# touched: how many files and directories have changed since, but for the daemon's own. Control
# groups, /proc and the journal change by themselves.
touched() {
    find /etc /usr /var/lib/lxc /opt /root "$namespaces" -cnewer "$marker" | tee /dev/stderr | wc -l
}
start_daemon
check "what is wrong is said" wait_until 20 status_like '^Observing, [0-9]+ drifts'
check "and nothing done" equals "$(machine_picture)" "$before"
check "the journal names them" journal_has 'lxc-web: not loaded in the kernel'
check "the profile and its test are judged" not journal_has 'lxc-web.test'
check "no file outside its state is touched" prints 0 touched
check "leftovers are left" test -e "$DEPLOYED/.lxc-web.phoenixd~"
check "so is the namespace of a crash" test -d "$namespaces/phoenixd-probe"
rmdir "$namespaces/phoenixd-probe"
touch "$SOURCES/lxc-web.test" "$marker"
phoenixctl reconcile >/dev/null 2>&1
check "and none is made" test ! -e "$namespaces/phoenixd-probe"
mkdir "$namespaces/phoenixd-probe"

set_setting mode '"enforce"'
check "a changed setting is followed" settled 20
check "the profile is loaded" prints enforce loaded_mode lxc-web
check "leftovers are gone" no_leftovers
check "and so is the namespace" test ! -e "$namespaces/phoenixd-probe"
start_container web
before=$(machine_picture) labels=$(labels web)
systemctl stop phoenixd
check "a stop changes nothing" equals "$(machine_picture)" "$before"
check "who ran runs on, confined" prints "$labels" labels web
check "a stop is clean" prints 0 systemctl show -P ExecMainStatus phoenixd

say "settings that are refused"
echo '{ "debounse_ms": 100 }' >"$SETTINGS"
start_daemon
check "the nearest key is named" wait_until 5 status_like '^Degraded: .*phoenixd.json.*debounse_ms.*debounce_ms'
check "nothing is changed meanwhile" equals "$(machine_picture)" "$before"
echo '{ }' >"$SETTINGS"
check "mended, it goes on by itself" settled 10

say "only one at a time"
check "a second daemon is turned away" not timeout 5 /usr/sbin/phoenixd
