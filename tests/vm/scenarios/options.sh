# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# lxc_options, by the real liblxc: the operator's lines stay, ours come behind them in their order, what is refused is
# left out and named, and no value of theirs is said to everybody.

put_profile lxc-web
echo '{ "debounce_ms": 10 }' >"$SETTINGS"
mkdir -p "$ETC"

# put JSON: the containers.
put() {
    printf '{ "lxc_configs": {\n%s\n} }\n' "$1" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

config() {
    echo "/var/lib/lxc/$1/config"
}

# Without the profile's line, which is phoenixd's.
foreign_lines() {
    grep -v '^lxc.apparmor.profile' "$1"
}

# What liblxc has in effect.
effective() {
    lxc-info -n "$1" -c "$2" | sed "s/^$2 = //"
}

# kept NAME: all that the operator has written is there, in its order.
kept() {
    local line
    exec 3< <(foreign_lines "$(config "$1")")
    foreign_lines "/root/$1" >/root/wanted
    while IFS= read -r line; do
        while IFS= read -r found <&3; do
            [[ $found != "$line" ]] || continue 2
        done
        echo "lost: $line"
        return 1
    done </root/wanted
}

for name in db 910 953; do
    printf '%s\n' 'lxc.cap.drop = mac_override' >>"$(config "$name")"
done
printf '%s\n' 'lxc.cap.drop =' 'lxc.cap.drop = mac_override' >>"$(config db)"
printf '%s\n' 'lxc.cap.drop = sys_time' >>"$(config 953)"
for name in db 910 953 web; do
    cp "$(config "$name")" "/root/$name"
done

put '"db": { "apparmor_profile": "lxc-web", "lxc_options": [ "lxc.cap.drop=mac_override" ] },
"910": { "apparmor_profile": "lxc-web", "lxc_options": [ "lxc.cap.drop=", "lxc.cap.drop=mac_override" ] },
"953": { "apparmor_profile": "lxc-web", "lxc_options": [ "lxc.cap.drop=", "lxc.cap.drop=mac_override" ] },
"web": { "apparmor_profile": "lxc-web", "lxc_options": [ "lxc.environment=DB_PASSWORD=hunter2",
    "lxc.aa_profile=unconfined", "lxc.tty.max=3" ] }'
start_daemon

check "a refused option is named with its line" wait_until 30 status_like \
    "^Degraded: web: $CONFIG:6: lxc.aa_profile is skipped: liblxc does not know it"
check "and in the machine's word, too" equals "$(phoenixctl status --json | jq -r '.drifts[] | select(.kind == "option") | .found')" \
    "$CONFIG:6: lxc.aa_profile is skipped: liblxc does not know it"

say "nothing of the operator's is lost"
for name in db 910 953 web; do
    check "$name: its lines are there" kept "$name"
    check "$name: and its profile" equals "$(effective "$name" lxc.apparmor.profile)" lxc-web
done
check "a line that was taken for a doublet is still in effect" equals "$(effective db lxc.cap.drop | grep . | tail -n 1)" mac_override
check "a cleared list has what comes behind" equals "$(effective 910 lxc.cap.drop)" mac_override
check "and nothing else" equals "$(effective 953 lxc.cap.drop)" mac_override

say "the good options of a container are in force"
check "a value before the refused one" prints_like 'DB_PASSWORD=hunter2' effective web lxc.environment
check "and one behind it" equals "$(effective web lxc.tty.max)" 3
check "it starts, and is confined" start_container web
check "by the profile" prints_like '^lxc-web' labels web

say "a value is nobody's but root's"
phoenixctl suspend --reason=secrets web
sed -i '/DB_PASSWORD/d' "$(config web)"
phoenixctl reconcile --wait || true
check "the key is named" prints_like 'web: its config has no lxc.environment, which lxc_options set' \
    phoenixctl status --json
check "not the value, on the bus" not grep -r hunter2 <(phoenixctl status --json; phoenixctl explain --json web; status_text)
check "nor in the journal" not grep -q hunter2 <(journalctl -u phoenixd -o verbose)
phoenixctl resume web
check "and it is put back" wait_until 10 grep -q DB_PASSWORD "$(config web)"

say "the next pass changes nothing"
before=$(sha256sum /var/lib/lxc/*/config)
phoenixctl reconcile --wait || true
phoenixctl reconcile --wait || true
check "no config is written again" equals "$(sha256sum /var/lib/lxc/*/config)" "$before"

say "once it is spelt right, all is well"
sed -i 's/"lxc.aa_profile=unconfined", //' "$CONFIG"
check "in sync" settled 15
