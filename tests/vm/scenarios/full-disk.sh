# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Where nothing can be written, what needs no writing is still repaired, the status says so, and all is made up for when there is room.

put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=lxc-db
mkdir -p /var/lib/phoenixd
mount -t tmpfs -o size=512k,mode=0700 none /var/lib/phoenixd
start_daemon
check "in sync" settled 30

fill() { dd if=/dev/zero of=/var/lib/phoenixd/fill bs=4k 2>/dev/null || true; }
say "the state directory is full"
fill
check "it is full" not cp /bin/true /var/lib/phoenixd/more
rm -f /var/lib/phoenixd/more
put_profile lxc-new
check "it is said" wait_until 15 status_like '^Degraded: .*No space left'
hash=$(loaded_hash lxc-web)
profile_text lxc-web 'deny /etc/other r,' >/tmp/other
apparmor_parser -r -K /tmp/other
repaired() { [[ $(loaded_hash lxc-web) == "$hash" ]]; }
check "another policy in the kernel is replaced all the same" wait_until 10 repaired
sleep 3
check "it is still said" status_like '^Degraded: .*No space left'
configure web=lxc-web db=unconfined
sleep 4
check "a configuration that cannot be kept is said" status_like '^Degraded: .*No space left'

say "there is room again"
rm -f /var/lib/phoenixd/fill
systemctl reload phoenixd
check "in sync" settled 20
check "the new profile is recorded" grep -q lxc-new /var/lib/phoenixd/inventory.json
check "the configuration is kept" cmp "$CONFIG" /var/lib/phoenixd/configuration.json

say "deployed files that cannot be written"
chattr +i "$DEPLOYED"
put_profile lxc-db 'deny /etc/two r,'
hash=$(loaded_hash lxc-db)
changed() { [[ $(loaded_hash lxc-db) != "$hash" ]]; }
check "the kernel gets the new version all the same" wait_until 15 changed
check "what could not be written is named" wait_until 5 status_like '^Degraded: lxc-db: .*not permitted'
chattr -i "$DEPLOYED"
systemctl reload phoenixd
check "in sync when it can be" settled 10
check "the file is the source" cmp "$SOURCES/lxc-db" "$DEPLOYED/lxc-db"
check "no leftovers" no_leftovers
