# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1800
# An answer over the bus is there in a moment, whatever the engine is at: while a compile hangs, the
# monitor of a container does not answer, and 500 profiles change.

monitor_pid() {
    pgrep -f "lxc-start.* -n $1" | head -n 1
}

put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync" settled 30
start_container web
monitor=$(monitor_pid web)
check "the container has a monitor" test -n "$monitor"
kill -STOP "$monitor"

say "500 profiles, one of which takes for ever"
for i in $(seq 500); do profile_text "lxc-many-$i" >"$SOURCES/lxc-many-$i"; done
rules=()
for i in $(seq 60); do rules+=("/**{a,b,c}**{$i,x$i}**{d,e}**{f,g$i}** rw,"); done
put_profile lxc-slow "${rules[@]}"
check "they are compiled" wait_until 60 status_like '^Compiling [0-9]+ of [0-9]+ profiles: |, [0-9]+ compiling, '
# The status line says what a pass does while one is under way.
compiling() { busctl get-property org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager NCompiling; }
(
    while :; do
        for i in 1 2 3 4 5; do profile_text "lxc-many-$i" "deny /$RANDOM r," >"$SOURCES/lxc-many-$i"; done
        sleep 0.2
    done
) &
writer=$!
answers=$(phoenixd-asker 500)
kill "$writer"
say "$answers"
check "and were all the time" prints_like '^u [1-9]' compiling
# What the emulated machine makes of it, with compiles on all processors and perhaps other machines
# beside it, shows in what the bus itself takes, which is not the daemon's to answer for.
read -r _ median ours _ <<<"$answers"
read -r bus_median bus < <(sed -n 's/^bus \([0-9]*\) \([0-9]*\) .*/\1 \2/p' <<<"$answers")
check "half of the answers are there in 50 ms, but for what the bus takes" \
    test "$median" -lt $((50000 + 3 * bus_median))
if [[ $(nproc) -gt 1 ]]; then
    check "and 99 of a hundred" test "$ours" -lt $((50000 + 3 * bus))
else
    say "not judged: 99 of a hundred, as the compiles have the machine's one processor, too"
fi
kill -CONT "$monitor"
