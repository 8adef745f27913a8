# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenixd.json(5): which profiles are accepted and which files are taken over, from the save on and without a restart.

put_profile lxc-db
put_profile lxc-web
configure db=lxc-db web=lxc-web
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
start_daemon
check "in sync after the first start" settled 20

say "allow_complain, allow_unconfined_flag, adopt_deployed"
flag() { profile_text lxc-web | sed "s/flags=(/flags=($1,/" >"$SOURCES/lxc-web"; }
flag complain
check "a complaining profile is refused" wait_until 5 status_like "^Degraded: lxc-web: line 3: flag 'complain' .*allow_complain"
set_setting allow_complain true
check "or loaded" wait_until 5 prints complain loaded_mode lxc-web
check "and nobody in it counts as confined" wait_until 3 status_like '^In sync: 2 profiles in force, 0 of 2 containers confined, 2 stopped'
start_container web
check "who runs in it neither" wait_until 5 status_like '^In sync: 2 profiles? in force, 0 of 2 containers confined, 1 not enforced, 1 stopped, 3 unmanaged$'
check "which is told" journal_has 'web: runs under lxc-web \(complain\).*the settings accept that its profile is not enforced'
stop_container web
set_setting allow_complain false
check "without it the last good one stays" wait_until 5 status_like "^Degraded: lxc-web: line 3: flag 'complain'"
flag unconfined
check "so is one with the flag unconfined" wait_until 5 status_like "^Degraded: lxc-web: line 3: flag 'unconfined' .*allow_unconfined_flag"
set_setting allow_unconfined_flag true
check "or loaded" wait_until 5 prints unconfined loaded_mode lxc-web
profile_text lxc-web >"$SOURCES/lxc-web"
check "in sync again" settled 5
echo '# theirs' >"$DEPLOYED/lxc-new"
profile_text lxc-new >"$SOURCES/lxc-new"
check "a file of somebody else's is left alone" wait_until 5 status_like "^Degraded: lxc-new: the deployed file is not managed by phoenixd; remove it, or set adopt_deployed"
check "and nothing is loaded in its place" not is_loaded lxc-new
check "nor is it changed" prints '# theirs' cat "$DEPLOYED/lxc-new"
set_setting adopt_deployed true
check "until it may be taken over" wait_until 5 same_file "$DEPLOYED/lxc-new" "$SOURCES/lxc-new"
check "in sync in the end" settled 5
