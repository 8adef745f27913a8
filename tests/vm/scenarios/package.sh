# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# package: yes
# timeout: 900
# The Debian package on a host that has containers: installed it observes, upgraded it goes on, and removed or purged it
# leaves every profile, policy, config and label as it was.

DEB=$(echo /run/scenario/packages/phoenixd_*.deb)
INITS=/run/inits
LIST=/usr/share/phoenixd/container.seccomp

apt_run() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Languages=none "$@" >/run/apt.log 2>&1 || {
        cat /run/apt.log
        return 1
    }
}
said() { grep -E -- "$1" /run/apt.log; }
unchanged() { diff /run/picture <(machine_picture); }
inits_go_on() { diff "$INITS" <(lxc-info -n web -pH); }
main_pid_is_not() { [[ $(main_pid) != "$1" && $(main_pid) -gt 0 ]]; }
machine_profiles() { loaded_mode lxc-web && same_file "$SOURCES/lxc-web" "$DEPLOYED/lxc-web"; }
is_filtered() { grep -qx 'Seccomp:.2' "/proc/$(lxc-info -n "$1" -pH)/status"; }
reboots_itself() {
    local before
    before=$(lxc-info -n web -pH)
    inside web 'kill -HUP 1; reboot -f' || true
    wait_until 20 eval "[[ \$(lxc-info -n web -pH 2>/dev/null || echo $before) != $before ]]" && init_is_running web
}

start_container web
lxc-info -n web -pH >"$INITS"
machine_picture >/run/picture

begin=$(now_ms)
check "apt installs the file, without any network" apt_run install "$DEB"
installed=$(($(now_ms) - begin))
say "installed in $installed ms"
# As with wait_until: seconds of a machine with nothing else to do.
check "within 30 s" test "$installed" -lt $((30 * 6000))
check "and says what to do next" said 'phoenixd observes: .*"mode": "enforce"'
check "the daemon runs" prints active systemctl is-active phoenixd
check "and will after a boot" prints enabled systemctl is-enabled phoenixd
check "its settings are those of the package" test ! -e "$SETTINGS"
check "/etc/phoenixd is empty" prints '' ls -A "$ETC"
check "the compiler has a user" getent passwd phoenixd-compiler
check "the first line of the status says how to have it repair" wait_until 20 prints_like \
    "^\* phoenixd [0-9.]+: observing; to repair, set \"mode\": \"enforce\" in $SETTINGS" phoenixctl --no-pager status

put_profile lxc-web
configure web=lxc-web
check "it reports what is wrong" wait_until 30 status_like '^Observing, .*lxc-web'
check "nothing on the machine has changed" unchanged
check "nor has the container" inits_go_on
check "nor does the gate keep one from starting" start_container db
check "that one is as it was" all_labelled db unconfined
stop_container db

set_setting mode '"enforce"'
check "told to, it repairs" wait_until 40 status_like 'requires restart'
check "the profile is in force" prints enforce loaded_mode lxc-web
stop_container web
echo "lxc.seccomp.profile = $LIST" >>/var/lib/lxc/web/config
start_container web
check "it filters system calls" wait_until 5 is_filtered web
check "the container runs in it" wait_until 20 all_labelled web 'lxc-web (enforce)'
check "in sync" settled 30
lxc-info -n web -pH >"$INITS"
machine_picture >/run/picture
sample_labels web 600 5 /run/sample & sampler=$!

pid=$(main_pid)
check "an upgrade" apt_run install --reinstall "$DEB"
check "restarts the daemon" main_pid_is_not "$pid"
check "which is in sync again" settled 30
check "says nothing of a first installation" not said 'observes'
check "and has changed nothing" unchanged
check "not the container either" inits_go_on

check "it can be removed" apt_run remove phoenixd
check "says what stays" said 'deployed profiles, loaded policies'
check "the daemon is gone" not systemctl is-active phoenixd
check "and what its gate went by" test ! -e /var/lib/phoenixd/gate -a -e /var/lib/phoenixd/inventory.json
check "the machine is as it was" unchanged
check "the container goes on" inits_go_on
kill -TERM "$sampler"
wait "$sampler" || true
check "no task was outside of the profile" prints_like '^[0-9]+[[:space:]]lxc-web \(enforce\)$' grep -v '^#' /run/sample
check "it can reboot itself, without the gate's program" reboots_itself
check "confined as before" wait_until 20 all_labelled web 'lxc-web (enforce)'
stop_container web
check "and can be started" start_container web
check "confined as before" wait_until 20 all_labelled web 'lxc-web (enforce)'
check "and with its seccomp list" is_filtered web

check "installed again" apt_run install "$DEB"
check "it goes by the settings that stayed" settled 40
check "and the state" machine_profiles
lxc-info -n web -pH >"$INITS"
machine_picture >/run/picture
check "it can be purged" apt_run purge phoenixd
check "says what stays" said '/etc/phoenixd if it is not empty'
check "and why" said "$LIST stays"
check "its state is gone" test ! -e /var/lib/phoenixd
check "the administrator's files are not" test -s "$SETTINGS" -a -s "$CONFIG" -a -s "$SOURCES/lxc-web"
check "the machine is as it was" unchanged
check "the container goes on" inits_go_on
check "in its profile" all_labelled web 'lxc-web (enforce)'
stop_container web
check "and can be started again" start_container web
check "with its seccomp list" is_filtered web
sed -i '/^lxc.seccomp/d' /var/lib/lxc/web/config
check "when no config names the list" apt_run install "$DEB"
check "a purge" apt_run purge phoenixd
check "removes it, too" test ! -e /usr/share/phoenixd
