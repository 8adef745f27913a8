# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The units that create containers, for scenarios that kill them: on plain LXC as by Proxmox's command.

units() { systemctl list-units --plain --no-legend --state=activating,active 'phoenixd-create-*' | awk '{print $1}'; }
has_unit() { [[ -n $(units) ]]; }
# No job may be left that the daemon would find.
rests() { ! has_unit; }
end_units() {
    local unit
    for unit in $(units); do
        systemctl kill --signal=KILL "$unit" 2>/dev/null || true
    done
}
status_of() { phoenixctl status "$1" 2>&1; }

# wait_within COMMAND...: until it succeeds, for two minutes. It should start no program: what it waits for can be over by
# the time that one has been started on a busy machine.
wait_within() {
    local end=$((SECONDS + 120))
    until "$@"; do
        [[ $SECONDS -lt $end ]] || return 1
    done
}
# ID's creation has a unit.
is_begun() { compgen -G "/sys/fs/cgroup/system.slice/phoenixd-create-$1.*" >/dev/null; }
# freeze ID 1|0
freeze() {
    local unit
    for unit in /sys/fs/cgroup/system.slice/phoenixd-create-"$1".*; do
        [[ ! -e $unit ]] || echo "$2" >"$unit/cgroup.freeze"
    done
}

# kill_in WAY: what creates is killed in one of three ways: the unit with all of its commands, the program alone, or the whole
# daemon with the unit.
kill_in() {
    case $1 in
    0) end_units ;;
    1) pkill -KILL -x phoenixd-create || true ;;
    2)
        systemctl kill --signal=KILL --kill-who=all phoenixd
        end_units
        systemctl reset-failed phoenixd 2>/dev/null || true
        ;;
    esac
}

# entries JSON: the configuration is these entries, and 910 in its profile.
entries() {
    jq -n --argjson entries "$1" '{lxc_configs: ({"910": {apparmor_profile: "lxc-web"}} + $entries)}' >/etc/phoenixd/.configs.new
    mv /etc/phoenixd/.configs.new "$CONFIG"
}
