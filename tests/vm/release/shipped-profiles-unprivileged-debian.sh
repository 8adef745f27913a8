# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# The shipped profiles with a whole Debian as unprivileged container: its root is a user of the
# host without rights, and has every capability over what is its own. So it tries more than a
# privileged one, which knows what it has not.

SOURCES=/usr/share/phoenixd/apparmor.d

owned_by_its_user() {
    local pid
    for pid in $(payload_pids deb); do
        [[ $(stat -c %u "/proc/$pid") -ge $DEBIAN_USER ]] || { ps -o user,pid,comm -p "$pid" && return 1; }
    done
}

debian_tree unprivileged
for profile in lxc-baseline lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" "$SOURCES/$profile"
    debian_config "$profile" unprivileged
    cursor=$(journal_cursor)
    check "$profile: Debian starts" start_container deb
    check "$profile: its systemd answers" wait_until 60 manager_answers
    check "$profile: all of it is up" is_up
    check "$profile: nothing was denied" no_denials "$cursor" "$profile"
    check "$profile: every task carries the label, enforced" all_labelled deb "$profile (enforce)"
    check "$profile: its root is the host's user $DEBIAN_USER" \
        prints_like "^ *0 +$DEBIAN_USER +65536\$" deb cat /proc/self/uid_map
    check "$profile: no task is the host's root's" owned_by_its_user
    check "$profile: its logind answers" deb loginctl
    check "$profile: the host can stop it" stop_container deb
done
