# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# On the message bus everybody may ask and only root may have something done, with polkit and without; and an answer never waits for the engine.

ask() {
    busctl --json=short call org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager "$@"
}
described() {
    ask Describe | jq -r '.data[0]' | jq -r "$1"
}
property() {
    busctl --json=short get-property org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager "$1" | jq -r .data
}
as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
# Each call that changes something, one a line.
mutating() {
    printf '%s\n' 'Reconcile s ' 'Reconcile s web' 'ReconcileAsync s ' 'Reload' 'Suspend sst web' 'Resume s ' 'Restart ss web'
}
# nobody_may_not: each of them is refused to nobody.
nobody_may_not() {
    local method signature argument
    local -a arguments
    while IFS=' ' read -r method signature argument; do
        arguments=()
        case $signature in
            s) arguments=("$argument") ;;
            sst) arguments=("$argument" '' 0) ;;
            ss) arguments=("$argument" now) ;;
        esac
        if as_nobody busctl call org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager \
            "$method" ${signature:+"$signature"} "${arguments[@]}" 2>/tmp/refusal; then
            echo "$method was done for nobody"
            return 1
        fi
        grep -qiE 'only root may|would have to ask|denied' /tmp/refusal || { cat /tmp/refusal; return 1; }
    done < <(mutating)
}

# is_as_installed PATH: each of our interfaces that the object has.
is_as_installed() {
    local interface files=0
    busctl --xml-interface introspect org.phoenixd1 "$1" >/run/introspected
    # shellcheck disable=SC2013 # names are words
    for interface in $(sed -n 's/.*<interface name="\(org\.phoenixd1\.[A-Za-z]*\)">.*/\1/p' /run/introspected); do
        diff <(interface_of "$interface" "/usr/share/dbus-1/interfaces/$interface.xml") \
            <(interface_of "$interface" /run/introspected) || return 1
        files=$((files + 1))
    done
    equals "$files" 1
}

# interface_of INTERFACE FILE: libsystemd indents as its version likes.
interface_of() { sed -n "/<interface name=\"$1\">/,/<\/interface>/s/^ *//p" "$2"; }

put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync" settled 30

say "what is there to be asked"
check "the name is taken" wait_until 5 busctl status org.phoenixd1
for path in /org/phoenixd1 /org/phoenixd1/profile/lxc_2dweb /org/phoenixd1/container/web; do
    check "$path tells of itself what is installed" is_as_installed "$path"
done
check "the container has an object" prints_like '/org/phoenixd1/container/web' busctl tree org.phoenixd1
check "the status is that of systemctl" equals "$(property Status)" "$(status_text)"
check "health" prints in-sync property Health
check "the profile, in the whole" prints 'in-sync true current' described '.profiles[0] | "\(.state) \(.loaded) \(.deployed)"'
check "each place that decides" prints 'config source disk kernel container' \
    described '.containers[0].decided_by | map(.layer) | join(" ")'
check "nobody may ask, too" as_nobody busctl call org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager Describe

say "who may have something done"
passes=$(property PassNumber) before=$(machine_picture)
systemctl start polkit
check "polkit runs" systemctl is-active polkit
check "nobody may not, with polkit" nobody_may_not
systemctl mask --runtime --now polkit
check "nobody may not, without polkit" nobody_may_not
systemctl unmask --runtime polkit
check "no look was made" prints "$passes" property PassNumber
check "nothing has changed" equals "$(machine_picture)" "$before"
check "root may, and learns which look it was" prints "t $((passes + 1))" \
    busctl call org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager Reconcile s web
check "what is not there is named" not ask Reconcile s lxc-zzz

say "a drift is repaired for who asks, and told"
rm "$DEPLOYED/lxc-web"
ask Reconcile s '' >/dev/null
check "repaired when the answer is there" test -e "$DEPLOYED/lxc-web"
check "told as the last change" prints 'install lxc-web changed' \
    described '.changes[-1] | "\(.action) \(.object) \(.result)"'

say "what is suspended is not repaired, and then it is"
ask Suspend sst lxc-web 'being debugged' "$(($(date +%s%6N) + 3600000000))"
rm "$DEPLOYED/lxc-web"
check "told" wait_until 10 status_like '1 suspended'
check "the drift says why" wait_until 10 prints_like 'suspended by uid 0 until .*being debugged' described '.drifts[0].why'
check "not repaired" test ! -e "$DEPLOYED/lxc-web"
check "told to the journal" journal_has 'lxc-web: suspended by uid 0 until'
systemctl restart phoenixd
check "not after a restart either" wait_until 10 status_like '1 suspended'
check "still not repaired" test ! -e "$DEPLOYED/lxc-web"
# It takes the place of the one before.
ask Suspend sst lxc-web 'nearly done' "$(($(date +%s%6N) + 15000000))"
check "repaired when its time is over" wait_until 30 test -e "$DEPLOYED/lxc-web"
check "and that is told" journal_has 'lxc-web: no longer suspended: the suspension expired'
check "resumed is what is not suspended" not ask Resume s lxc-web

say "the bus goes and comes"
pid=$(main_pid)
systemctl restart dbus.service
check "the name is taken again" wait_until 20 busctl status org.phoenixd1
check "by the same process" prints "$pid" main_pid
