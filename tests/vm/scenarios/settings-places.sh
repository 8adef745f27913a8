# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenixd.json(5): where things are and what phoenixd may do, from the save on and without a restart.

put_profile lxc-db
configure db=lxc-db
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
start_daemon
check "in sync after the first start" settled 20

say "configuration and profile_dir elsewhere"
mkdir -p /srv/phoenix/profiles
profile_text lxc-web >/srv/phoenix/profiles/lxc-web
cp "$SOURCES/lxc-db" /srv/phoenix/profiles/
configure db=lxc-db web=lxc-web
mv "$CONFIG" /srv/phoenix/configs.json
set_setting profile_dir '"/srv/phoenix/profiles"'
set_setting configuration '"/srv/phoenix/configs.json"'
check "are followed" wait_until 10 prints lxc-web effective_profile web
profile_text lxc-db 'deny /etc/secret r,' >/srv/phoenix/profiles/lxc-db
check "and watched" wait_until 5 same_file /srv/phoenix/profiles/lxc-db "$DEPLOYED/lxc-db"
check "in sync" settled 5

say "deployed_dir and lxc_path elsewhere, without a word to systemd"
mkdir -p /srv/deployed /srv/lxc
cp -r "$DEPLOYED/abi" "$DEPLOYED/abstractions" "$DEPLOYED/tunables" /srv/deployed/
set_setting deployed_dir '"/srv/deployed"'
check "the status says what is forgotten" wait_until 10 status_like '^Degraded: lxc-db: .*Read-only file system.*ReadWritePaths.*phoenixd\(8\)'
mkdir -p "/run/systemd/system/$UNIT.d"
printf '[Service]\nReadWritePaths=/srv/deployed /srv/lxc\n' >"/run/systemd/system/$UNIT.d/places.conf"
systemctl daemon-reload
systemctl restart phoenixd
check "with a drop-in it is written" wait_until 5 same_file /srv/phoenix/profiles/lxc-db /srv/deployed/lxc-db
check "in sync" settled 5
check "what was deployed before stays" same_file /srv/phoenix/profiles/lxc-db "$DEPLOYED/lxc-db"
cp -a /var/lib/lxc/db /srv/lxc/db
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /srv/lxc/db/config
set_setting lxc_path '"/srv/lxc"'
check "the containers of another path are looked after" wait_until 5 grep -qx 'lxc.apparmor.profile = lxc-db' /srv/lxc/db/config
check "those of the old one are not on this host" wait_until 5 status_like '^In sync: 2 profiles? in force, 0 of 2 containers confined, 1 stopped, 1 missing$'
set_setting deployed_dir '"/etc/apparmor.d"'
set_setting lxc_path '"/var/lib/lxc"'
check "in sync in the old places" settled 5

say "mode"
set_setting mode '"observe"'
check "observe is said" wait_until 3 status_like '^Observing, in sync'
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /var/lib/lxc/db/config
check "what is wrong, too" wait_until 3 status_like '^Observing, 1 drift: db: its config names unconfined, expected lxc-db'
check "it is not repaired" prints unconfined effective_profile db
set_setting mode '"enforce"'
check "until it may be" wait_until 3 prints lxc-db effective_profile db

say "default_profile"
jq '.lxc_configs["954"] = {}' /srv/phoenix/configs.json >/srv/phoenix/.new
mv /srv/phoenix/.new /srv/phoenix/configs.json
check "is unconfined" wait_until 3 status_like '0 of 3 containers confined, 3 stopped'
check "and stays so" prints unconfined effective_profile 954
set_setting default_profile '"lxc-web"'
check "or another, from then on" wait_until 5 prints lxc-web effective_profile 954
