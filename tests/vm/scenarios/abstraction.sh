# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A changed include recompiles those that include it, and only those, whatever its modification time says.

mkdir -p "$DEPLOYED/abstractions" "$DEPLOYED/local"
printf 'deny /etc/one r,\n' >"$DEPLOYED/abstractions/shared-a"
printf 'deny /etc/two r,\n' >"$DEPLOYED/abstractions/shared-b"
put_profile lxc-web 'include <abstractions/shared-a>' 'include if exists <local/lxc-web>'
put_profile lxc-db 'include <abstractions/shared-a>'
put_profile lxc-mail 'include <abstractions/shared-b>'
configure web=lxc-web db=lxc-db
start_daemon
check "in sync after the first start" settled 40
web=$(loaded_hash lxc-web) db=$(loaded_hash lxc-db) mail=$(loaded_hash lxc-mail)
changed() { [[ $(loaded_hash "$1") != "$2" ]]; }
loads() { journal_count 'the policy was loaded into the kernel' "$1"; }

say "an abstraction is replaced by one with an older time"
cursor=$(journal_cursor)
printf 'deny /etc/one rw,\n' >/tmp/new
touch -d '2001-01-01' /tmp/new
mv /tmp/new "$DEPLOYED/abstractions/shared-a"
check "its first user is recompiled" wait_until 10 changed lxc-web "$web"
check "its second user is" wait_until 10 changed lxc-db "$db"
check "in sync" settled 5
check "nobody else is" prints "$mail" loaded_hash lxc-mail
check "two loads in all" prints 2 loads "$cursor"

say "a local include appears"
cursor=$(journal_cursor)
web=$(loaded_hash lxc-web) db=$(loaded_hash lxc-db)
printf 'deny /etc/three r,\n' >"$DEPLOYED/local/lxc-web"
check "its user is recompiled" wait_until 10 changed lxc-web "$web"
check "in sync" settled 5
check "nobody else is" prints "$db" loaded_hash lxc-db
check "one load in all" prints 1 loads "$cursor"

say "and an abstraction that breaks its users"
db=$(loaded_hash lxc-db)
printf 'netwerk bogus,\n' >"$DEPLOYED/abstractions/shared-a"
check "is named with its line" wait_until 10 status_like '^Degraded: lxc-(db|web): .*abstractions/shared-a.*line [12]'
check "changes nothing" prints "$db" loaded_hash lxc-db
printf 'deny /etc/one rw,\n' >"$DEPLOYED/abstractions/shared-a"
check "and is forgotten when mended" settled 10
