# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1200
# The shipped profiles: a container lives in each of them, and its root harms nobody. What root
# tries is in the table shipped-profiles.d/acts. Each container has all that LXC can give one, so
# that what is denied is denied by AppArmor, and one without a profile does the same as control.

# shellcheck source=tests/vm/scenarios/shipped-profiles.d/lib.sh
. "$PWD/shipped-profiles.d/lib.sh"

# What a task in the profile can do to the host's processes when it sees them: that a container's
# process namespace hides them is not all.
outside() {
    aa-exec -p "$1" -- sh -c "$2" >/dev/null 2>&1
}

# missing_records CURSOR PROFILE: what the log ought to tell of this profile's denials, and does not.
missing_records() {
    local class record log
    log=$(denials "$1" "$2")
    while IFS='|' read -r class record; do
        case $class in '' | '#'*) continue ;; esac
        grep -q -E "$record" <<<"$log" || echo "$class: $record"
    done <"$HERE/records"
}

# Where the journal does not listen to the audit log, the kernel's log has to hold them all.
sysctl -q kernel.printk_ratelimit=0
cursor=$(journal_cursor)
for name in "${!PROFILE_OF[@]}"; do
    [[ $name == db ]] || load "${PROFILE_OF[$name]}"
    write_config "$name" "${PROFILE_OF[$name]}"
    furnish "$name"
    check "a container starts in ${PROFILE_OF[$name]}" start_container "$name"
done

for name in web 910 953 954 db; do
    try_acts "$name" "/run/did.$name"
done

check "without a profile every act succeeds" says_nothing surprises /run/did.db -
victim=$(systemctl show -P MainPID systemd-journald)
OUTSIDE=(
    "kill -CONT $victim" "readlink /proc/$victim/exe" "cat /proc/$victim/environ" "cat /proc/$victim/maps"
    "timeout -s INT 1 strace -qq -o /dev/null -p $victim; [ \$? = 124 ]"
)
for act in "${OUTSIDE[@]}"; do
    check "without a profile root can: $act" outside unconfined "$act"
done
for name in web 910 953 954; do
    profile=${PROFILE_OF[$name]}
    check "$profile allows and denies what the table says" \
        says_nothing surprises "/run/did.$name" "${LETTER_OF[$name]}"
    check "every task of it carries the label, enforced" all_labelled "$name" "$profile (enforce)"
    for act in "${OUTSIDE[@]}"; do
        check "$profile denies: $act" not outside "$profile" "$act"
    done
    check "what $profile denies is on record, whatever the class of the rule" \
        says_nothing missing_records "$cursor" "$profile"
    check "the host can stop it" stop_container "$name"
done
