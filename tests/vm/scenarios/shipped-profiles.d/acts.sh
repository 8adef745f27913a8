#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# acts.sh TABLE: does every act of the table, inside a container as its root, and says "NAME yes" or
# "NAME no", with what it said in /acts.log. A container has busybox and nothing else.
#
# Every act is harmless where it succeeds: what it writes is what was there.

# AppArmor's interface, where it is bound in.
# shellcheck disable=SC2034 # for the acts
K=/sys/kernel/security/apparmor

# keep FILE: writes a file's own content back into it.
keep() {
    value=$(head -n 1 "$1") && printf '%s\n' "$value" >"$1"
}

# mounts ARGUMENTS...: can it be mounted? The last argument is where.
mounts() {
    for where in "$@"; do :; done
    mkdir -p "$where"
    mount "$@" && umount "$where"
}

exec 2>/acts.log
while IFS='|' read -r name _ _ act; do
    case $name in '' | '#'*) continue ;; esac
    echo "--- $name" >&2
    if (eval "$act") >/dev/null </dev/null; then echo "$name yes"; else echo "$name no"; fi
done <"$1"
