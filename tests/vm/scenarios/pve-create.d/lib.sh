# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What scenarios about creation by Proxmox share: 910 is the container that is cloned, and each copy takes some time.

# shellcheck source=tests/vm/scenarios/creations.d/units.sh
. "$PWD/creations.d/units.sh"

LXC=/var/lib/lxc
TEMPLATES=/var/lib/template
RECORDS=/var/lib/phoenixd/create

# shellcheck disable=SC2119 # no options
make_pve
# Proxmox writes these at a start; as they are they would be containers of plain LXC.
rm /var/lib/lxc/{910,953,954}/config
pve_guest 910 'onboot: 1' 'net0: name=eth0,bridge=br9,hwaddr=BC:24:11:00:00:01,type=veth' 'lxc.apparmor.profile: lxc-web' \
    'lxc.cgroup2.devices.allow: c 10:229 rwm'
mkdir -p "$TEMPLATES/local"
tar -C "$LXC/910/rootfs" -czf "$TEMPLATES/local/web.tar.gz" .

# copies SECONDS: so long does each copy take.
copies() { pve_command "$(jq -nc --argjson wait "$1" --arg path "$TEMPLATES" '{copy_wait: $wait, template_path: $path}')"; }

# entry ID MEMBERS: one that is to be created.
entry() {
    jq -nc --arg id "$1" --argjson more "$2" '{($id): ({create: true, apparmor_profile: "lxc-web"} + $more)}'
}
clone() { entry "$1" '{"clone_from_ctid": "910"}'; }
from_template() { entry "$1" '{"template": "local:vztmpl/web.tar.gz"}'; }

file_of() { echo "/etc/pve/lxc/$1.conf"; }
has() { grep -qxF "$2" "$(file_of "$1")"; }
is_absent() { [[ ! -e $(file_of "$1") ]]; }
is_locked() {
    local line
    while read -r line; do
        [[ $line != lock:* ]] || return 0
    done 2>/dev/null <"/etc/pve/lxc/$1.conf"
    return 1
}
# With nothing of the way there.
is_whole() {
    ! is_absent "$1" && has "$1" 'lxc.apparmor.profile: lxc-web' && ! is_locked "$1" && ! grep -q 'phoenixd-create' "$(file_of "$1")" &&
        diff -r --no-dereference --exclude=dev "$LXC/910/rootfs" "$LXC/$1/rootfs" >/dev/null
}
is_clean() { [[ -z $(ls -A "$RECORDS" 2>/dev/null) ]]; }

# ID is created, and what does it is killed at a random point, in one of three ways: the unit with Proxmox's command, the
# program alone, or the whole daemon with both. Says what the kill has met: a daemon that goes on removes what is half at once.
kill_creation() {
    local id=$1 way=$2 met=whole
    if [[ $((id % 2)) -eq 0 ]]; then entries "$(clone "$id")"; else entries "$(from_template "$id")"; fi
    # Half of them in the copy, whenever this machine comes to it.
    if [[ $((id / 2 % 2)) -eq 0 ]]; then
        wait_within is_begun "$id" || return 1
        sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
    else
        wait_within is_locked "$id" || return 1
        freeze "$id" 1
    fi
    if is_absent "$id"; then met=absent; elif is_locked "$id"; then met=half; fi
    kill_in "$way"
    freeze "$id" 0
    wait_until 30 rests || return 1
    echo "$met"
}

# Killed in the few ms in which nothing proves whose the new file is, it is left, with what a person should do.
is_reported() { journal_has 'it is not known by which' "$1"; }
is_over() { is_whole "$2" || is_reported "$1"; }

# After it the next start completes the container, and leaves nothing of the first try.
complete_creation() {
    local cursor
    cursor=$(journal_cursor)
    systemctl restart phoenixd
    wait_until 60 is_over "$cursor" "$1" || return 1
    if ! is_whole "$1"; then
        say "$1: reported, with what to do"
        ! is_locked 910 || pct unlock 910
        is_absent "$1" || { pct unlock "$1" && pct destroy "$1"; } || return 1
        wait_until 60 is_whole "$1" || return 1
    fi
    wait_until 30 is_clean && pct destroy "$1" && ! is_locked 910
}

# kill_creations COUNT
kill_creations() {
    local i said half=0
    for ((i = 1; i <= $1; i++)); do
        said=$(kill_creation "$((1000 + i))" $((i % 3))) || fail "$((1000 + i)): its creation does not end after its kill"
        [[ $said != half ]] || half=$((half + 1))
        complete_creation "$((1000 + i))" || fail "$((1000 + i)) is not whole, or something is left, after the next start"
    done
    say "$half of $1 kills met one that was half"
    # Else none was killed in the middle.
    [[ $half -gt 0 ]]
}
