# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What scenarios about creation share. 910, which is cloned, gets enough files for a copy to take its time.

# shellcheck source=tests/vm/scenarios/creations.d/units.sh
. "$PWD/creations.d/units.sh"

LXC=/var/lib/lxc
STAGE=$LXC/.phoenixd-create~
ARCHIVE=/var/lib/template.tar.gz

# clone ID [MEMBERS]: an entry that asks for a clone of 910.
clone() {
    jq -nc --arg id "$1" --argjson more "${2:-{\}}" '{($id): ({create: true, clone_from_ctid: "910", apparmor_profile: "lxc-web"} + $more)}'
}
is_there() { [[ -e $LXC/$1/config ]]; }
is_absent() { [[ ! -e $LXC/$1 ]]; }
# As 910 is, but for its name.
is_whole() {
    is_there "$1" && diff -r --no-dereference --exclude=hostname --exclude=dev "$LXC/910/rootfs" "$LXC/$1/rootfs" &&
        grep -qx 'lxc.apparmor.profile = lxc-web' "$LXC/$1/config"
}
is_whole_or_absent() { is_absent "$1" || is_whole "$1"; }
is_clean() { [[ ! -e $STAGE ]]; }

# Enough of it for a copy to take its time.
for i in {1..200}; do
    echo "$i" >"$LXC/910/rootfs/srv/file-$i"
done
head -c 3000000 /dev/urandom >"$LXC/910/rootfs/srv/large"
tar -C "$LXC/910/rootfs" -czf "$ARCHIVE" .

is_in_copy() { [[ -e $STAGE/$1 ]]; }

# A clone of 910 called ID is created, and what does it is killed in the copy or at a random point (WHEN), in one of three
# ways: the unit, the program alone, or the whole daemon with it. Says "whole" or "absent", as the kill has left it.
kill_creation() {
    local id=$1 way=$2 when=$3
    entries "$(clone "$id")"
    if [[ $when == copy ]]; then
        wait_within is_in_copy "$id" || return 1
        freeze "$id" 1
    else
        wait_within is_begun "$id" || return 1
        sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
    fi
    kill_in "$way"
    freeze "$id" 0
    wait_until 20 rests || return 1
    if is_absent "$id"; then echo absent; elif is_whole "$id" >&2; then echo whole; else return 1; fi
}

# After it the next start completes the container, and leaves nothing of the first try.
complete_creation() {
    systemctl restart phoenixd && wait_until 60 is_whole "$1" && wait_until 30 is_clean && rm -rf "${LXC:?}/$1"
}

# kill_creations COUNT
kill_creations() {
    local i said when whole=0 absent=0
    for ((i = 1; i <= $1; i++)); do
        # Half of them in the copy: a slow machine comes to none of it before it is done.
        if [[ $((i / 3 % 2)) -eq 0 ]]; then when=copy; else when=any; fi
        said=$(kill_creation "k$i" $((i % 3)) "$when") || fail "k$i is neither whole nor absent after its kill"
        if [[ $said == whole ]]; then whole=$((whole + 1)); else absent=$((absent + 1)); fi
        complete_creation "k$i" || fail "k$i is not whole, or something is left, after the next start"
    done
    say "after their kills $absent were absent, $whole whole"
    # Else none was killed in the middle.
    [[ $absent -gt 0 ]] && equals $((absent + whole)) "$1"
}
