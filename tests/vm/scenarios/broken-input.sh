# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Input that fails changes nothing, is told with its reason, and is accepted by itself when it is mended.

put_profile lxc-web 'deny /etc/secret r,'
put_profile lxc-db
configure web=lxc-web db=lxc-db
start_daemon
check "in sync after the first start" settled 30
start_container web
check "the running container is confined" wait_until 3 status_like '^In sync: 2 profiles? in force, 1 of 2 containers confined, 1 stopped'
before=$(machine_picture)
unchanged() { equals "$(machine_picture)" "$before"; }

say "a profile with a syntax error in line 5"
cp "$SOURCES/lxc-web" /tmp/lxc-web.good
sed '5i\    netwerk bogus,' /tmp/lxc-web.good >"$SOURCES/lxc-web"
check "the status names profile and line" wait_until 10 status_like '^Degraded: lxc-web: line [56]:.*last known good in force'
check "nothing has changed" unchanged
sleep 2
check "nor later" unchanged
cp /tmp/lxc-web.good "$SOURCES/lxc-web"
check "mended, it is in sync by itself" settled 10
check "still nothing has changed" unchanged

say "a broken configuration"
cp "$CONFIG" /tmp/configs.good
head -c -3 /tmp/configs.good >"$CONFIG"
check "the status says where" wait_until 3 status_like '^Degraded: .*phoenix_lxc_configs.json.*last known good in force'
check "nothing has changed" unchanged
: >"$CONFIG"
check "an empty file is refused" wait_until 3 status_like '^Degraded: .*phoenix_lxc_configs.json.*empty'
echo '{"lxc_configs": {}}' >"$CONFIG"
check "an empty map is refused" wait_until 3 status_like '^Degraded: .*lxc_configs.*empty'
rm "$CONFIG"
check "a missing file is refused" wait_until 3 status_like '^Degraded: .*phoenix_lxc_configs.json'
check "nothing has changed" unchanged
cp /tmp/configs.good "$CONFIG"
check "in sync when it is back" settled 5

say "a configuration that anybody could have written"
chmod 666 "$CONFIG"
check "is refused by name" wait_until 3 status_like '^Degraded: .*phoenix_lxc_configs.json.*writable'
check "nothing has changed" unchanged
chmod 644 "$CONFIG"
check "in sync when that is mended" settled 5
chown nobody "$SOURCES/lxc-db"
check "so is a profile that is not root's" wait_until 3 status_like '^Degraded: .*lxc-db.*owned'
chown root "$SOURCES/lxc-db"
check "in sync when that is mended" settled 5

say "the source directory goes away"
mv "$SOURCES" "$SOURCES.away"
check "the status says so" wait_until 3 status_like '^Degraded: .*apparmor.d'
check "nothing has changed" unchanged
mkdir "$SOURCES"
check "an empty one is not read as an order" wait_until 3 status_like '^Degraded: .*apparmor.d.*empty'
check "nothing has changed" unchanged
rmdir "$SOURCES"
mv "$SOURCES.away" "$SOURCES"
check "in sync when it is back" settled 5
check "all the while nothing has changed" unchanged

say "after a restart with broken input the last good is still in force"
echo 'x' >"$CONFIG"
sed '5i\    netwerk bogus,' /tmp/lxc-web.good >"$SOURCES/lxc-web"
check "degraded" wait_until 5 status_like '^Degraded'
systemctl restart phoenixd
check "degraded still" status_like '^Degraded.*last known good in force'
check "nothing has changed" unchanged
apparmor_parser -R "$DEPLOYED/lxc-db"
check "and what is removed comes back" wait_until 3 prints enforce loaded_mode lxc-db
