# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1200
# with: shipped-profiles.d
# Containers that see AppArmor's interface, bound into them as Docker needs it: each has the policy
# of its own namespace in hand, and neither reads nor changes the host's or another container's.
# What root tries is in the table shipped-profiles.d/policy.

# shellcheck source=tests/vm/scenarios/shipped-profiles.d/lib.sh
. "$PWD/shipped-profiles.d/lib.sh"

NAMESPACES=$APPARMOR/policy/namespaces
INTERFACE='lxc.mount.entry = /sys/kernel/security sys/kernel/security none bind 0 0'

# compile NAME FILE: a profile in which anything goes.
compile() {
    printf 'profile %s { file, capability, network, mount, umount, signal, ptrace, unix, change_profile, }\n' \
        "$1" | apparmor_parser -K -Q -o "$2" 2>/dev/null
}

# What the acts are about.
lay_out() {
    local victim
    for victim in lxc-victim lxc-other-victim; do
        compile "$victim" "/run/$victim"
        cat "/run/$victim" >"$APPARMOR/.replace"
    done
    mkdir -p "$NAMESPACES/lxc-other" "$NAMESPACES/lxc-gone"
    cat /run/lxc-victim >"$NAMESPACES/lxc-other/.replace"
}

# All that others may not change: the host's policy, and which namespaces there are with what in them.
picture() {
    revision
    ls "$NAMESPACES"
    cat "$NAMESPACES"/lxc-other/profiles/*/{name,sha*}
}

label_of() {
    if [[ $1 == 910 || $1 == 953 || $1 == 954 ]]; then
        echo "${PROFILE_OF[$1]}//&:lxc-$1:unconfined"
    else
        echo "${PROFILE_OF[$1]}"
    fi
}

# policy_surprises RESULT LETTER COLUMN: the rows of what went otherwise than the table says.
policy_surprises() {
    local name privileged unprivileged expected did
    read_results "$1"
    # shellcheck disable=SC2034 # by their names
    while IFS='|' read -r name privileged unprivileged _; do
        case $name in '' | '#'*) continue ;; esac
        expected=no
        [[ ${!3} != *"$2"* ]] || expected=yes
        did=${DID[$name]:-nothing}
        [[ $did == "$expected" ]] || echo "$name: expected $expected, found $did"
    done <"$HERE/policy"
}

# try_policy NAME privileged|unprivileged
try_policy() {
    local name=$1 label before
    label=$(label_of "$1")
    lay_out
    before=$(picture)
    check "$2, in $label: a container starts" start_container "$name"
    # As with apparmor_parser in Debian, what is loaded is compiled for this kernel.
    timeout 100 lxc-attach -n "$name" -- sh /acts.sh /policy >"/run/did.$name.$2" || true
    check "$2, in $label: root can do with policy what the table says" \
        says_nothing policy_surprises "/run/did.$name.$2" "${LETTER_OF[$name]}" "$2"
    if [[ $name != db ]]; then
        check "$2, in $label: the host's and the others' policy is what it was" prints "$before" picture
        check "$2, in $label: every task carries the label" \
            all_labelled "$name" "$label$([[ $label == unconfined ]] || echo ' (enforce)')"
    fi
    check "the host can stop it" stop_container "$name"
}

compile lxc-inner /run/lxc-inner
for name in 910 953 954; do
    mkdir "$NAMESPACES/lxc-$name"
done
for name in web 910 953 954 db; do
    [[ $name == db ]] || load "${PROFILE_OF[$name]}"
    lay_out
    furnish "$name"
    cp /run/lxc-inner "/var/lib/lxc/$name/rootfs/inner"
    cp /run/lxc-victim "/var/lib/lxc/$name/rootfs/victim"
    cp "$HERE/policy" "/var/lib/lxc/$name/rootfs/policy"
    write_config "$name" "$(label_of "$name")" "$INTERFACE"
    try_policy "$name" privileged
    unprivileged "$name" "$(label_of "$name")" "$INTERFACE"
    try_policy "$name" unprivileged
done
