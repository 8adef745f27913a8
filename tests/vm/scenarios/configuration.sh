# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenix_lxc_configs.json(5), read as an operator reads it: what each key may be, and what is said of all else.

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

# refuses STATEMENT ENTRY REGEX: which the words about it match, from the path of the key on.
refuses() {
    entry "$2"
    check "$1" wait_until 3 status_like "^Degraded: configuration: $CONFIG:[0-9]+: lxc_configs\.db$3.*last known good in force"
}

# refuses_file STATEMENT TEXT REGEX
refuses_file() {
    put "$2"
    check "$1" wait_until 3 status_like "^Degraded: configuration: $CONFIG:$3.*last known good in force"
}

entry '{ "name": "store", "apparmor_profile": "lxc-db" }'
start_daemon
check "in sync after the first start" settled 20
before=$(machine_picture)

say "what each key may be"
name='expected "unconfined" or a profile name that begins with "lxc-"'
refuses "a profile's name begins with lxc-" '{ "apparmor_profile": "web" }' "\.apparmor_profile: found 'web', $name"
refuses "generated is refused" '{ "apparmor_profile": "generated" }' "\.apparmor_profile: found 'generated', $name"
refuses "unchanged is refused" '{ "apparmor_profile": "unchanged" }' "\.apparmor_profile: found 'unchanged', $name"
refuses "an empty name is refused" '{ "apparmor_profile": "" }' "\.apparmor_profile: found '', $name"
refuses "so is a profile that is no string" '{ "apparmor_profile": null }' "\.apparmor_profile: found null, $name"
for key in apparmor_manages_nesting unprivileged start_at_boot; do
    refuses "$key is true or false" "{ \"$key\": 1 }" "\.$key: found 1, expected true or false"
done
for key in features pct_options dependencies lxc_options; do
    refuses "$key is an array" "{ \"$key\": \"x\" }" "\.$key: found 'x', expected an array of strings"
    refuses "$key has strings only" "{ \"$key\": [ 7 ] }" "\.$key\[0\]: found 7, expected"
done
refuses "boot_order is not negative" '{ "boot_order": -1 }' "\.boot_order: found -1, expected a whole number from 0 to 2147483647"
refuses "and not beyond its end" '{ "boot_order": 2147483648 }' "\.boot_order: found 2147483648, expected"
refuses "boot_delay is at most a day" '{ "boot_delay": 86401 }' "\.boot_delay: found 86401, expected a whole number from 0 to 86400"
refuses "gpu_assignment is none or indexes" '{ "gpu_assignment": "0;1" }' "\.gpu_assignment: found '0;1', expected \"none\" or indexes"
refuses "a name is not empty" '{ "name": "" }' "\.name: found '', expected"
refuses "an option is lxc.KEY=VALUE" '{ "lxc_options": [ "lxc.cap.drop=sys_module", "mount=1" ] }' "\.lxc_options\[1\]: found 'mount=1', expected \"lxc.KEY=VALUE\""
refuses "nobody waits for itself" '{ "dependencies": [ "db" ] }' "\.dependencies\[0\]: found 'db', which is this container itself"
refuses "a profile in the options, and none in its place, is refused" '{ "lxc_options": [ "lxc.apparmor.profile=lxc-web" ] }' "\.lxc_options\[0\]: found 'lxc.apparmor.profile=lxc-web', expected the profile in apparmor_profile"

say "keys, ids and the file"
refuses "a key that is nearly ours brings ours" '{ "apparmor_profle": "lxc-web" }' ": unknown key 'apparmor_profle'; did you mean 'apparmor_profile'\?"
refuses "so does one in another case" '{ "AppArmor_Profile": "lxc-db" }' ": unknown key 'AppArmor_Profile'; did you mean 'apparmor_profile'\?"
refuses "a key is given once" '{ "apparmor_profile": "lxc-web", "apparmor_profile": "lxc-db" }' "\.apparmor_profile: duplicate key, first given in line 1"
refuses "an entry is an object" '"lxc-web"' ": found 'lxc-web', expected an object"
refuses_file "an id is no path" '{ "lxc_configs": { "../x": {} } }' '1: lxc_configs\["\.\./x"\]: expected an id of 1 to 64'
refuses_file "a circle is shown" '{ "lxc_configs": { "a": { "dependencies": [ "b" ] }, "b": { "dependencies": [ "a" ] } } }' '1: lxc_configs.*dependencies: found the cycle'
refuses_file "the line is the value's" $'{\n  "lxc_configs": {\n    "db": {\n      "boot_order":\n        "first"\n    }\n  }\n}' "5: lxc_configs.db.boot_order: found 'first'"
refuses_file "without lxc_configs there is nothing" '{ "other": 1 }' '1: lxc_configs: not found, expected an object of containers'
refuses_file "a key nearly so is named" '{ "lxc_config": {} }' "1: unknown key 'lxc_config'; did you mean 'lxc_configs'"
refuses_file "a comment alone is no container" '{ "lxc_configs": { "//": "none yet" } }' '1: lxc_configs: found no container'
check "all the while nothing has changed" equals "$(machine_picture)" "$before"
# shellcheck disable=SC2016 # JSON
put '{ "$schema": "x", "//": "words", "nvidia_driver_version": "1", "lxc_configs": { "//": "more",
    "db": { "//": "words", "memory_mb": 1, "template": null, "apparmor_profile": "lxc-db", "boot_order": 2147483647, "boot_delay": 86400, "gpu_assignment": " 0 , 1 ",
      "serial": 18446744073709551616, "text": "\u0000", "twice": { "a": 1e400, "a": [] }, "dependencies": [ "1002" ] } } }'
check "other programs' keys pass, whatever they hold, and comments, and a virtual machine to wait for" settled 3
