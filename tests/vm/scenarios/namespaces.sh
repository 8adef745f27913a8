# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1800
# Policy namespaces: made before a config names them, there again after a boot, and whatever a
# container loads into its own is its own affair.

NAMESPACES=/sys/kernel/security/apparmor/policy/namespaces
STACK='lxc-web//&:lxc-web:unconfined (enforce)'

# manage ID=PROFILE...: as configure, of those whose profile does the nesting.
manage() { configure_with '{"apparmor_manages_nesting": true}' "$@"; }

# put_text NAME RULE: a profile of this rule and little more.
put_text() {
    cat >"$SOURCES/$1" <<PROFILE
abi <abi/3.0>,
profile $1 flags=(attach_disconnected,mediate_deleted) {
  file, signal, unix, capability chown, $2
}
PROFILE
}

has_another_hash() { [[ $(loaded_hash lxc-web) != "$1" ]]; }

effective() {
    sed -n 's/^lxc.apparmor.profile = //p' "/var/lib/lxc/$1/config" | tail -n 1
}

# in_namespace ID COMMAND...: with the policy that a program in the container sees as its own.
load_inside() {
    local blob
    blob=$(mktemp)
    printf 'profile %s { file, }\n' "$2" | apparmor_parser -K -Q -o "$blob" 2>/dev/null
    cat "$blob" >"$NAMESPACES/lxc-$1/.replace"
}

loaded_inside() {
    cat "$NAMESPACES/lxc-$1"/profiles/*/name 2>/dev/null | sort | xargs
}

if [[ $PHASE -eq 1 ]]; then
    put_profile lxc-web 'deny /proc/sysrq-trigger w,'
    put_profile lxc-db
    configure web=lxc-web db=lxc-db
    set_setting mode '"observe"'
    manage web=lxc-web
    systemctl enable -q phoenixd
    start_daemon
    check "when it only observes, the namespace is missed" wait_until 20 journal_has 'web: its policy namespace lxc-web is missing'
    check "and not made" not test -d "$NAMESPACES/lxc-web"

    set_setting mode '"enforce"'
    manage web=lxc-web db=lxc-db
    check "in sync" settled 40
    check "the namespace is there" test -d "$NAMESPACES/lxc-web"
    check "the config names the stack" prints 'lxc-web//&:lxc-web:unconfined' effective web
    check "there is an intent before the change" journal_has 'web: creating its policy namespace'
    check "and a result after it" journal_has 'web: its policy namespace was created, and read back'

    check "the container starts" start_container web
    check "every task carries the stack" wait_until 5 all_labelled web "$STACK"
    check "it counts as confined" wait_until 5 status_like '^In sync: 2 profiles? in force, 1 of 2 containers confined, 1 stopped'
    timeout 20 lxc-start -n db
    check "through lxc-start too" wait_until 10 all_labelled db 'lxc-db//&:lxc-db:unconfined (enforce)'
    check "who enters is in the stack" prints 'unconfined' inside web 'cat /proc/self/attr/current'

    say "what the container loads is its own affair"
    cursor=$(journal_cursor)
    seen=$(revision)
    load_inside web docker-default
    check "it is loaded" prints docker-default loaded_inside web
    sleep 3
    check "the host's revision did not move" prints "$seen" revision
    check "nothing is said about it" equals "$(journal_since "$cursor" | grep -c phoenixd || true)" 0
    check "all is in sync" in_sync
    systemctl kill -s HUP phoenixd
    sleep 2
    check "a full look leaves it alone" prints docker-default loaded_inside web
    check "and is in sync" settled 5

    say "a profile in force goes on being replaced under the stack"
    hash=$(loaded_hash lxc-web)
    put_profile lxc-web 'deny /proc/sysrq-trigger w,' 'deny /etc/secret r,'
    # Right after the edit all is in sync still: nothing has been looked at.
    check "the new text is in force" wait_until 60 has_another_hash "$hash"
    check "in sync" settled 20
    check "every task is in the stack still" all_labelled web "$STACK"

    say "a namespace that somebody removes is made again"
    check "the host's profile answers for the stack" sh -c 'phoenixctl can web w /proc/sysrq-trigger; test $? = 2'
    check "and allows what it allows" phoenixctl can web rw /srv/file
    check "the container stops" stop_container web
    rmdir "$NAMESPACES/lxc-web"
    systemctl kill -s HUP phoenixd
    check "it is back" wait_until 10 test -d "$NAMESPACES/lxc-web"
    check "the container starts in it" start_container web

    say "never and always"
    check "the container stops" stop_container web
    set_setting policy_namespace '"never"'
    check "with never, its config names the profile alone" wait_until 10 prints lxc-web effective web
    check "and the namespace stays" test -d "$NAMESPACES/lxc-web"
    put_text lxc-db 'capability mac_admin,'
    check "a profile with mac_admin and no namespace is noted" \
        wait_until 20 journal_has 'db: .*lxc-db allows mac_admin'
    put_profile lxc-db
    set_setting policy_namespace '"always"'
    configure web=lxc-web db=lxc-db
    check "with always, it has one that does no nesting" \
        wait_until 20 prints 'lxc-web//&:lxc-web:unconfined' effective web
    set_setting policy_namespace '"auto"'
    check "with auto, it has none" wait_until 20 prints lxc-web effective web
    manage web=lxc-web db=lxc-db
    check "the profile's nesting is in a namespace again" wait_until 20 prints 'lxc-web//&:lxc-web:unconfined' effective web
    check "in sync again" settled 30
    echo 'lxc.start.auto = 1' >>/var/lib/lxc/web/config
    settled 5
    reboot_machine
fi

check "the daemon is up after the boot" wait_until 60 prints active systemctl is-active phoenixd
check "the namespace is there again" test -d "$NAMESPACES/lxc-web"
check "the container came up" wait_until 60 container_is web RUNNING
check "in the stack" wait_until 5 all_labelled web "$STACK"
check "in sync" settled 10
