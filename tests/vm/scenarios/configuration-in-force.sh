# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenix_lxc_configs.json(5): what each key does, from the save on and without a restart.

put_profile lxc-web
put_profile lxc-db
echo '{ "debounce_ms": 10 }' >"$SETTINGS"

# put TEXT: the whole file, saved by a rename.
put() {
    printf '%s' "$1" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

# entry JSON: the file with one container, db, in one line.
entry() {
    put "{ \"lxc_configs\": { \"db\": $1 } }"
}

has_line() {
    grep -qxF "$2" "/var/lib/lxc/$1/config"
}

lacks_line() {
    ! grep -qF "$2" "/var/lib/lxc/$1/config"
}

entry '{ "name": "store", "apparmor_profile": "lxc-db" }'
start_daemon
check "in sync after the first start" settled 20

say "which container is meant"
check "the one with the id as directory" prints lxc-db effective_profile db
put '{ "lxc_configs": { "300": { "name": "web", "apparmor_profile": "lxc-web" }, "db": { "name": "954", "apparmor_profile": "lxc-db" } } }'
check "or else the name" wait_until 3 prints lxc-web effective_profile web
check "never the name where the id is there" prints unconfined effective_profile 954
check "the rest is unmanaged" wait_until 3 status_like '^In sync: 2 profiles? in force, 0 of 2 containers confined, 2 stopped, 3 unmanaged$'
put '{ "lxc_configs": { "300": { "name": "nowhere", "apparmor_profile": "lxc-web" }, "db": { "apparmor_profile": "lxc-db" } } }'
check "who has neither is not on this host" wait_until 3 status_like '^In sync: 2 profiles? in force, 0 of 2 containers confined, 1 stopped, 1 missing, 4 unmanaged$'
check "a container that is unmanaged is left as it is" prints lxc-web effective_profile web

say "which profile"
entry '{ "features": [ "docker" ] }'
check "without the key the default holds" wait_until 3 has_line db 'lxc.apparmor.profile = unconfined'
check "who is unconfined is told what would fit" wait_until 3 journal_has 'db: unconfined by configuration.* lxc-phoenix-v2 '
entry '{ "apparmor_profile": "unconfined", "pct_options": [ "nesting=1" ], "gpu_assignment": "0,1" }'
check "by its graphics cards first" wait_until 3 journal_has 'db: unconfined by configuration.* lxc-gpu-docker-storage '
entry '{ "apparmor_profile": "lxc-none" }'
check "a profile that nobody has is named" wait_until 3 status_like '^Degraded: db: its config names unconfined, expected lxc-none; its profile is neither in the profile directory nor in the kernel'
check "and not written" prints unconfined effective_profile db

say "lxc_options"
entry '{ "apparmor_profile": "lxc-db", "lxc_options": [ " lxc.prlimit.nofile = 4096 ", "lxc.cap.drop: sys_tty_config", "lxc.apparmor.profile=lxc-db" ] }'
check "a line is added, its blanks dropped" wait_until 3 has_line db 'lxc.prlimit.nofile = 4096'
check "so are others" has_line db 'lxc.cap.drop = sys_tty_config'
check "the profile stays the last word" prints lxc-db effective_profile db
check "one that says the same as the key is passed over" settled 3
entry '{ "apparmor_profile": "lxc-db", "lxc_options": [ "lxc.cap.drop=sys_tty_config" ] }'
check "what is withdrawn is taken out" wait_until 3 lacks_line db nofile
check "what is not stays" has_line db 'lxc.cap.drop = sys_tty_config'
echo 'lxc.cap.drop = sys_time' >>/var/lib/lxc/db/config
entry '{ "apparmor_profile": "lxc-db", "lxc_options": [ "lxc.apparmor.profile = lxc-web" ] }'
check "all of it" wait_until 3 lacks_line db sys_tty_config
check "what is not ours stays" has_line db 'lxc.cap.drop = sys_time'
check "against the key an option loses" prints lxc-db effective_profile db
check "and the contradiction is told" wait_until 3 journal_has "db: lxc_options: lxc.apparmor.profile=lxc-web is skipped: apparmor_profile is 'lxc-db'"

say "nesting"
entry '{ "apparmor_profile": "lxc-db", "lxc_options": [ "lxc.apparmor.allow_nesting=1" ] }'
check "without the key a nesting option is one like others" wait_until 3 has_line db 'lxc.apparmor.allow_nesting = 1'
entry '{ "apparmor_profile": "lxc-db", "apparmor_manages_nesting": true, "lxc_options": [ "lxc.apparmor.allow_nesting=1", "lxc.include=/usr/share/lxc/config/nesting.conf" ] }'
check "with it the option is taken out" wait_until 3 lacks_line db allow_nesting
check "and the include not put in" lacks_line db nesting.conf
check "which is told" wait_until 3 journal_has 'db: lxc_options: lxc.include=.*nesting.conf is skipped: with apparmor_manages_nesting'
check "in sync in the end" settled 3
