# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A profile that compiles for ever, and an include that can be waited for for ever, are stopped and named; all else goes on.

set_setting compile_deadline_s 4
put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync after the first start" settled 30

say "a profile whose automaton explodes"
rules=()
for i in $(seq 60); do rules+=("/**{a,b,c}**{$i,x$i}**{d,e}**{f,g$i}** rw,"); done
put_profile lxc-slow "${rules[@]}"
put_profile lxc-db
check "it is named, with the setting" wait_until 40 status_like '^Degraded: lxc-slow: .*(compile_deadline_s|compile_memory_mb)'
check "no compiler is left" wait_until 5 bash -c '! pgrep -x apparmor_parser'
check "everything else is in force" wait_until 20 prints enforce loaded_mode lxc-db
rm "$SOURCES/lxc-slow"
# From here on every compile is an ordinary one, however slow the machine.
set_setting compile_deadline_s 60
check "in sync when it is gone" settled 20

say "a FIFO as include"
mkfifo "$DEPLOYED/abstractions/pipe"
put_profile lxc-fifo 'include <abstractions/pipe>'
check "it is named" wait_until 20 status_like '^Degraded: lxc-fifo: .*abstractions/pipe'
put_profile lxc-web 'deny /etc/secret r,'
hash=$(loaded_hash lxc-web)
changed() { [[ $(loaded_hash lxc-web) != "$hash" ]]; }
check "everything else goes on" wait_until 20 changed
check "no compiler is left" wait_until 5 bash -c '! pgrep -x apparmor_parser'
mkfifo "$SOURCES/lxc-pipe"
check "a FIFO as source is named too" wait_until 20 status_like '^Degraded: .*(lxc-pipe|and [0-9]+ more)'
rm "$SOURCES/lxc-pipe" "$SOURCES/lxc-fifo"
check "in sync when they are gone" settled 20
