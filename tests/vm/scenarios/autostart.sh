# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 900
# start_at_boot, boot_order and boot_delay: the keys of LXC in the containers' configs, what lxc-autostart makes of
# them, and the order in which containers start when the machine boots.

config() { echo "/var/lib/lxc/$1/config"; }
# effective NAME KEY: as liblxc has it.
effective() { lxc-info -n "$1" -c "lxc.start.$2" | sed 's/^.*= *//'; }
# lines NAME KEY: how many the config itself has.
lines() { grep -c "^lxc.start.$2 " "$(config "$1")" || true; }
# The containers that lxc-autostart would start, in its order.
listed() { lxc-autostart -L | awk '{ printf "%s%s:%s", sep, $1, $2; sep = " " }'; }
# put JSON: the containers.
put() {
    mkdir -p "$ETC"
    printf '{ "lxc_configs": {\n%s\n} }\n' "$1" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}
entries() {
    put '"web": { "apparmor_profile": "lxc-web", "start_at_boot": true, "boot_order": 3 },
"db": { "apparmor_profile": "lxc-web", "start_at_boot": true, "boot_order": 1, "boot_delay": 6 },
"910": { "apparmor_profile": "lxc-web", "start_at_boot": true, "boot_order": 2'"$1"' },
"953": { "apparmor_profile": "lxc-web", "start_at_boot": false },
"954": { "apparmor_profile": "lxc-web" }'
}

if [[ $PHASE -eq 1 ]]; then
    put_profile lxc-web
    printf '%s\n' 'lxc.start.auto = 1' 'lxc.start.order = 9' >>"$(config 953)"
    printf '%s\n' 'lxc.start.auto = 1' 'lxc.start.order = 9' >>"$(config 954)"
    printf '%s\n' 'lxc.start.order = 77' >>"$(config web)"
    before=$(grep '^lxc.start' "$(config 954)")
    entries ''
    systemctl enable -q phoenixd
    start_daemon
    check "in sync" settled 30

    say "what is in the configs"
    check "a container that is to start" prints 1 effective web auto
    check "with its number, behind the operator's own" prints 3 effective web order
    check "one with a delay" prints 6 effective db delay
    check "one that is not to" prints 0 effective 953 auto
    check "its other key is the operator's" prints 9 effective 953 order
    check "what an entry does not have is not touched" prints "$before" grep '^lxc.start' "$(config 954)"
    check "nor is what is in effect anyhow" prints 0 lines web delay

    say "lower numbers start first"
    check "as lxc-autostart has them" prints 'db:6 910:0 web:0 954:0' listed

    say "an operator changes them"
    sed -i '/^lxc.start.order = 1$/d' "$(config db)"
    check "a line that is gone comes back" wait_until 5 prints 1 effective db order
    echo 'lxc.start.auto = 0' >>"$(config 910)"
    check "one that says something else is overruled" wait_until 5 prints 1 effective 910 auto
    check "and stays" grep -qx 'lxc.start.auto = 0' "$(config 910)"
    check "the record says what was wrong" journal_has '910: .*had a different lxc.start.auto than configured'
    check "in sync" settled 5
    entries ', "lxc_options": [ "lxc.start.order=50" ]'
    check "an option that says something else is skipped, and named" wait_until 5 \
        prints_like 'lxc_options: lxc.start.order=50 is skipped: boot_order is 2' phoenixctl status 910
    check "the key holds" prints 2 effective 910 order
    entries ''
    sed -i '/^lxc.start.auto = 0$/d' "$(config 910)"
    check "in sync again" settled 5

    say "without the setting, and with it again"
    set_setting manage_autostart false
    check "our line is gone" wait_until 5 prints 77 effective web order
    check "and the start" prints 0 effective db auto
    check "not those of the operator" prints "$before" grep '^lxc.start' "$(config 954)"
    check "in sync" settled 5
    set_setting manage_autostart true
    check "then it is back" wait_until 5 prints 3 effective web order
    check "in sync" settled 5
    check "as lxc-autostart has them" prints 'db:6 910:0 web:0 954:0' listed

    say "a second pass does nothing"
    before=$(machine_picture)
    systemctl reload phoenixd
    check "in sync" settled 5
    check "and the configs are as they were" equals "$(machine_picture)" "$before"
    reboot_machine
fi

# started NAME: when its init did, in clock ticks since the boot.
started() {
    local stat
    stat=$(cat "/proc/$(lxc-info -n "$1" -pH)/stat")
    # shellcheck disable=SC2086 # words
    set -- ${stat##*) }
    echo "${20}"
}

say "after the boot"
for name in db 910 web 954; do
    check "$name runs" wait_until 60 container_is "$name" RUNNING
    check "in its profile" wait_until 10 all_labelled "$name" 'lxc-web (enforce)'
done
check "what is not to start does not" container_is 953 STOPPED
check "the lowest number was first, and waited for" test "$(($(started 910) - $(started db)))" -ge "$((5 * $(getconf CLK_TCK)))"
check "then the next" test "$(started 910)" -le "$(started web)"
check "then the one that the operator numbers" test "$(started web)" -le "$(started 954)"
check "in sync" settled 30
