# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# phoenixd.json(5), read as an operator reads it: what each key may be, and what is said of all else.

put_profile lxc-db
configure db=lxc-db
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
start_daemon
check "in sync after the first start" settled 20
before=$(machine_picture)

# put TEXT: the whole settings file, saved by a rename.
put() {
    printf '%s' "$1" >"$ETC/.settings.new"
    mv "$ETC/.settings.new" "$SETTINGS"
}

# refuses STATEMENT TEXT REGEX: which the words about it match, from the line's number on.
refuses() {
    put "$2"
    check "$1" wait_until 3 status_like "^Degraded: settings: $SETTINGS:$3.*last known good in force"
}

accepts() {
    put "$2"
    check "$1" settled 3
}

say "numbers and their ranges"
while read -r key low high other; do
    refuses "$key is at least $low" "{ \"$key\": $((low - 1)) }" "1: $key: found $((low - 1)), expected a whole number from $low to $high"
    refuses "$key is at most $high" "{ \"$key\": $((high + 1)) }" "1: $key: found $((high + 1)), expected .* $high"
    refuses "$key is not $other" "{ \"$key\": $other }" "1: $key: found '?${other//\"/}'?, expected a whole number"
done <<'END'
debounce_ms 10 10000 "200"
longest_delay_ms 100 60000 1000.5
resync_s 10 86400 true
label_resync_s 0 86400 "30"
compile_jobs 0 64 null
compile_deadline_s 1 3600 1e1
compile_memory_mb 64 65536 "1024"
END
accepts "all lower ends together" '{ "debounce_ms": 10, "longest_delay_ms": 100, "resync_s": 10, "label_resync_s": 0, "compile_jobs": 0, "compile_deadline_s": 1, "compile_memory_mb": 64 }'
accepts "all upper ends together" '{ "debounce_ms": 10000, "longest_delay_ms": 60000, "resync_s": 86400, "label_resync_s": 86400, "compile_jobs": 64, "compile_deadline_s": 3600, "compile_memory_mb": 65536 }'
# The delay of ten seconds is in force now: a reload looks at once.
put '{ "debounce_ms": 10 }'
systemctl reload phoenixd
check "in sync with a short delay again" settled 3

say "words, flags and paths"
refuses "mode is one of two" '{ "mode": "Enforce" }' "1: mode: found 'Enforce', expected \"enforce\" or \"observe\""
refuses "a default profile is named as LXC can use it" '{ "default_profile": "web" }' "1: default_profile: found 'web', expected \"unconfined\" or a profile name that begins with \"lxc-\""
refuses "generated is no default" '{ "default_profile": "generated" }' "1: default_profile: found 'generated'"
for key in allow_complain allow_unconfined_flag adopt_deployed manage_autostart; do
    refuses "$key is true or false" "{ \"$key\": \"yes\" }" "1: $key: found 'yes', expected true or false"
done
refuses "a path is absolute" '{ "configuration": "configs.json" }' "1: configuration: found 'configs.json', expected an absolute path"
refuses "without a slash at the end" '{ "profile_dir": "/etc/profiles/" }' "1: profile_dir: found '/etc/profiles/', expected an absolute path"
refuses "without .." '{ "deployed_dir": "/etc/../srv" }' "1: deployed_dir: found '/etc/../srv', expected an absolute path"
refuses "without //" '{ "lxc_path": "/srv//lxc" }' "1: lxc_path: found '/srv//lxc', expected an absolute path"
refuses "and a string" '{ "lxc_path": [ "/srv" ] }' "1: lxc_path: found an array, expected an absolute path"

say "what must fit together"
refuses "the longest delay is not the shorter one" $'{ "debounce_ms": 500,\n"longest_delay_ms": 400 }' "2: longest_delay_ms: found 400, expected at least debounce_ms, which is 500"
refuses "not even by default" '{ "debounce_ms": 3000 }' "1: debounce_ms: found 3000, expected at most longest_delay_ms, which is 2000"
refuses "sources and deployed files are apart" '{ "profile_dir": "/etc/apparmor.d" }' "1: profile_dir: found '/etc/apparmor.d', expected a directory apart from deployed_dir"
refuses "neither inside the other" '{ "profile_dir": "/etc/apparmor.d/mine" }' "1: profile_dir: found '/etc/apparmor.d/mine', expected a directory apart"
refuses "nor the other way round" '{ "deployed_dir": "/etc/phoenixd/apparmor.d/x" }' "1: deployed_dir: found '/etc/phoenixd/apparmor.d/x', expected a directory apart"

say "keys"
refuses "an unknown key brings the nearest one" $'{ "mode": "enforce",\n  "debounce": 10 }' "2: unknown key 'debounce'; did you mean 'debounce_ms'\?"
refuses "one that resembles none brings them all" '{ "colour": 1 }' "1: unknown key 'colour'; known keys: configuration, profile_dir, .*, adopt_deployed"
refuses "a key is given once" $'{ "mode": "enforce",\n\n"mode": "observe" }' "3: mode: duplicate key, first given in line 1"
refuses "a comment is a string" '{ "//": { "mode": "observe" } }' "1: .*found an object, expected a string"
# shellcheck disable=SC2016 # JSON
accepts "comments and the schema's place pass" '{ "$schema": "x", "//": "words", "// 2": "more", "debounce_ms": 10 }'

say "the file"
refuses "it is JSON" $'{ "mode": "observe",\n' "[12]: "
refuses "it is an object" '[ "mode" ]' "1: .*object"
refuses "it is UTF-8" $'{ "//": "\xff" }' "1: .*UTF-8"
refused_file() {
    check "$1" wait_until 3 status_like "^Degraded: settings: $SETTINGS: .*$2.*last known good in force"
}
put ''
refused_file "it is not empty" 'empty'
head -c 4194305 /dev/zero | tr '\0' ' ' >"$ETC/.settings.new"
mv "$ETC/.settings.new" "$SETTINGS"
refused_file "it is of at most 4 MiB" 'larger'
accepts "and good again" '{ "debounce_ms": 10 }'
chmod 664 "$SETTINGS"
refused_file "it is root's to write alone" 'writable by group'
chmod 644 "$SETTINGS"
check "good again" settled 3
chown nobody "$SETTINGS"
refused_file "it belongs to root" 'owned by'
chown root "$SETTINGS"
check "good again" settled 3
rm "$SETTINGS"
refused_file "a file that vanishes is not read as all defaults" 'No such file'
check "all the while nothing has changed" equals "$(machine_picture)" "$before"

say "at the start"
systemctl restart phoenixd
check "without a file there is nothing wrong: all is default" settled 10
put '{ "mode": 1 }'
systemctl restart phoenixd
check "with a refused one nothing is known, and nothing changed" status_like "^Degraded: settings: $SETTINGS:1: mode: found 1.*nothing is changed until it is accepted"
check "really nothing" equals "$(machine_picture)" "$before"
accepts "mended, it goes on by itself" '{ "debounce_ms": 10 }'
