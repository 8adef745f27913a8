# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# The machine itself: the helpers that other scenarios take on trust, tried on a unit that is always
# there.

# shellcheck disable=SC2034 # read by lib.sh
UNIT=dbus.service

# env_unit UNIT COMMAND...
env_unit() {
    local UNIT=$1
    shift
    "$@"
}

talk_to_dbus() {
    sleep 1
    busctl --quiet call org.freedesktop.DBus / org.freedesktop.DBus ListNames >/dev/null
    busctl --quiet call org.freedesktop.DBus / org.freedesktop.DBus ListNames >/dev/null
}

spoken_to() {
    local count
    talk_to_dbus &
    count=$(count_syscalls 3 sendmsg,sendto)
    wait
    [[ $count -gt 2 ]]
}

check "a quiet unit writes, opens and starts nothing" \
    prints 0 count_syscalls 1 write,sendmsg,openat,clone,clone3,execve
check "one that is spoken to does" spoken_to
check "a pattern selects" prints 0 count_syscalls 1 all '</etc/nothing'
check "what cannot be traced is not counted as nothing" not env_unit no-such.service count_syscalls 1 all
check "the main process is known" test "$(main_pid)" -gt 0
check "its descendants are found" prints_like "^[0-9]+" descendants 1

cursor=$(journal_cursor)
logger -t helpers "a word in the journal"
check "the journal is searched" wait_until 5 journal_has 'a word in the journal' "$cursor"
check "from a cursor on" prints 0 journal_count 'a word in the journal' "$(journal_cursor)"
check "a child profile has a hash of its own" prints_like '^[0-9a-f]+$' loaded_hash 'nvidia_modprobe//kmod'
check "waiting ends" not wait_until 1 false
sample_labels web 60 5 /run/sample &
sampler=$!
start_container web
kill -TERM "$sampler"
wait "$sampler" || true
check "a sampler that is ended early tells what it saw" grep -q 'unconfined' /run/sample
