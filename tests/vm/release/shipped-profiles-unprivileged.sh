# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1200
# with: shipped-profiles.d
# The acts of shipped-profiles.d/acts once more, in unprivileged containers, whose root is nobody
# outside: what the user namespace lets through AppArmor denies, and what a container needs to live
# is denied by neither. And each of the other barriers alone, so that the table says who denies
# what: without a profile, in a user namespace, behind seccomp, in a device cgroup.

# shellcheck source=tests/vm/scenarios/shipped-profiles.d/lib.sh
. "$PWD/shipped-profiles.d/lib.sh"

root_is_nobody_outside() {
    local pid
    pid=$(lxc-info -n "$1" -pH)
    equals "$(stat -c %u "/proc/$pid")" 100000
}

# alone "BARRIER-LETTER..." WHO: one container without a profile, tried behind these barriers.
alone() {
    local barriers
    read -r -a barriers <<<"$1"
    check "without a profile, but with $2: a container starts" start_container db
    try_acts db "/run/did.${barriers[0]}"
    check "$2 alone denies what the table says, and no more" \
        says_nothing surprises "/run/did.${barriers[0]}" - "${barriers[@]}"
    check "the host can stop it" stop_container db
}

# missing_lines FILE IN: lines of FILE that are not in IN, without what is said about them.
missing_lines() {
    grep -v -x -F -f <(sed 's/ *#.*//; /^$/d' "$2") <(sed 's/ *#.*//; /^$/d' "$1") || true
}

# What the table leaves to AppArmor alone in an unprivileged container.
left_to_apparmor() {
    awk -F'|' '!/^#/ && $2 == "-" && $3 !~ /U/ { print $1 }' "$HERE/acts"
}

for name in web 910 953 954; do
    profile=${PROFILE_OF[$name]}
    load "$profile"
    furnish "$name"
    unprivileged "$name" "$profile"
    check "an unprivileged container starts in $profile" start_container "$name"
    check "its root is nobody outside" root_is_nobody_outside "$name"
    try_acts "$name" "/run/did.$name"
    check "$profile and the user namespace allow and deny what the table says" \
        says_nothing surprises "/run/did.$name" "${LETTER_OF[$name]}" U
    check "every task of it carries the label, enforced" all_labelled "$name" "$profile (enforce)"
    check "the host can stop it" stop_container "$name"
done

check "the seccomp policy has all of LXC's own" \
    says_nothing missing_lines /usr/share/lxc/config/common.seccomp /usr/share/phoenixd/container.seccomp
furnish db
write_config db unconfined "lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp"
alone S seccomp
write_config db unconfined
sed -i '/devices.allow = a$/d' /var/lib/lxc/db/config
alone D "the device cgroup"
# What Proxmox denies its unprivileged containers is in this one, too.
unprivileged db unconfined "lxc.seccomp.profile = /usr/share/phoenixd/container-proxmox.seccomp"
alone "S U" "seccomp as on Proxmox and the user namespace"
unprivileged db unconfined
alone U "the user namespace"
say "left to AppArmor alone: $(left_to_apparmor | xargs)"
for act in become-unconfined mount-ramfs sysctl-user write-a-hook-script; do
    check "the user namespace alone lets $act through" grep -qx "$act yes" /run/did.U
done
