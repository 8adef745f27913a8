# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# In mode observe all is reported and nothing changed; stopping the daemon changes nothing either.

put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=lxc-db
set_setting mode '"observe"'
before=$(machine_picture)
start_daemon
check "what is wrong is said" wait_until 20 status_like '^Observing, [0-9]+ drifts'
check "and nothing done" equals "$(machine_picture)" "$before"
check "the journal names them" journal_has 'lxc-web: not loaded in the kernel'

set_setting mode '"enforce"'
check "a changed setting is followed" settled 20
check "the profile is loaded" prints enforce loaded_mode lxc-web
start_container web
before=$(machine_picture) labels=$(labels web)
systemctl stop phoenixd
check "a stop changes nothing" equals "$(machine_picture)" "$before"
check "who ran runs on, confined" prints "$labels" labels web
check "a stop is clean" prints 0 systemctl show -P ExecMainStatus phoenixd

say "settings that are refused"
echo '{ "debounse_ms": 100 }' >"$SETTINGS"
start_daemon
check "the nearest key is named" wait_until 5 status_like '^Degraded: .*phoenixd.json.*debounse_ms.*debounce_ms'
check "nothing is changed meanwhile" equals "$(machine_picture)" "$before"
echo '{ }' >"$SETTINGS"
check "mended, it goes on by itself" settled 10

say "only one at a time"
check "a second daemon is turned away" not timeout 5 /usr/sbin/phoenixd
