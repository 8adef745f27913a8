# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 7200
# The boot gate: of a hundred starts that are wrong none comes up, and of a hundred that are right each does; by
# turns in each way to start a container, with each reason. Then at boot, where LXC starts all of them at once. The
# container's init counts how often it has run.

LXC=/var/lib/lxc
WEB=$LXC/web/config
CAME=$LXC/web/rootfs/srv/came

is_over() { [[ $(container_state "$1") == STOPPED ]]; }
has_come() { container_is "$1" RUNNING && init_is_running "$1"; }
has_come_or_failed() { has_come "$1" || systemctl is-failed -q "lxc@$1"; }

# --- ways to start a container; each succeeds when it runs

by_command() { lxc-start -n "$1"; }
by_unit() { systemctl start "lxc@$1" && wait_until 10 has_come_or_failed "$1" && has_come "$1"; }
by_autostart() { lxc-autostart && wait_until 1 has_come "$1"; }
by_foreground() {
    local job
    setsid lxc-start -F -n "$1" >"/run/$1.out" 2>&1 &
    job=$!
    until has_come "$1"; do
        kill -0 "$job" 2>/dev/null || return 1
        sleep 0.1
    done
}
# From inside; it runs before.
another_init() { has_come "$2" && [[ $(lxc-info -n "$2" -pH) != "$1" ]]; }
another_init_or_over() { another_init "$1" "$2" || is_over "$2"; }
by_reboot() {
    local init
    init=$(lxc-info -n "$1" -pH)
    lxc-attach -n "$1" -- /bin/busybox reboot -f || true
    wait_until 10 another_init_or_over "$init" "$1" && another_init "$init" "$1"
}
WAYS=(by_command by_foreground by_unit by_autostart by_reboot)

came() { wc -l <"$CAME"; }
prepare() {
    : >"$CAME"
    [[ $1 == by_reboot ]] || return 0
    by_command web && wait_until 10 prints 1 came
    : >"$CAME"
}
# The unit ends after its container does, and would stop one that was started meanwhile.
unit_is_over() { [[ $(systemctl show -P ActiveState "$1") =~ ^(inactive|failed)$ ]]; }
stop_it() {
    lxc-stop -k -n web 2>/dev/null || true
    wait_until 20 is_over web
    wait_until 20 unit_is_over lxc@web
    systemctl reset-failed lxc@web 2>/dev/null || true
}

# --- what may be wrong

compile() { apparmor_parser -K -S "${@:3}" "$2" >"/root/$1"; }
load_compiled() { apparmor_parser -r -B "/root/$1"; }
wrong_not-loaded() { apparmor_parser -R "$DEPLOYED/lxc-web"; }
wrong_other-policy() { load_compiled other.bin; }
wrong_other-mode() { load_compiled complain.bin; }
wrong_no-profile() { sed -i '/^lxc.apparmor.profile/d' "${1:-$WEB}"; }
wrong_other-profile() { sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' "${1:-$WEB}"; }
# An include that overrides it.
wrong_include() {
    echo 'lxc.apparmor.profile = unconfined' >/var/lib/last.conf
    echo 'lxc.include = /var/lib/last.conf' >>"${1:-$WEB}"
}
WRONGS=(not-loaded other-policy other-mode no-profile other-profile include)
make_right() {
    cp /root/web.config "$WEB"
    load_compiled right.bin
}

# The reasons that the journal has of web's starts, in their order, and those that are expected.
reasons() {
    journalctl --sync
    journalctl -q -b -o json --output-fields=PHOENIXD_REASON PHOENIXD_RECORD=start-refused PHOENIXD_CONTAINER=web |
        jq -r .PHOENIXD_REASON
}
expected_reasons() {
    local i
    for ((i = 0; i < 100; i++)); do echo "${WRONGS[i / 5 % 6]}"; done | sed 's/^include$/other-profile/'
}

# Each way meets each reason three times.
refused_all() {
    local i way
    for ((i = 0; i < 100; i++)); do
        way=${WAYS[i % 5]}
        prepare "$way"
        "wrong_${WRONGS[i / 5 % 6]}"
        ! "$way" web 2>/dev/null || { echo "start $i, $way, ${WRONGS[i / 5 % 6]}: it runs" && return 1; }
        wait_until 10 is_over web
        prints 0 came || return
        stop_it
        make_right
    done
}

# All of them: the container's init has run once for each.
started_all() {
    local i way
    for ((i = 0; i < 100; i++)); do
        way=${WAYS[i % 5]}
        prepare "$way"
        { "$way" web && wait_until 10 all_labelled web "lxc-web (enforce)" && wait_until 10 prints 1 came; } ||
            { echo "start $i, $way" && return 1; }
        stop_it
    done
}

# --- at boot

# Containers for the boot, started by lxc.service and by their units in turn, two for each reason and four that are
# right: NAME PROFILE.
boot_containers() {
    local wrong
    for wrong in "${WRONGS[@]}" right other-right; do
        case $wrong in
            not-loaded | other-policy | other-mode) echo "$wrong-auto lxc-$wrong" "$wrong-unit lxc-$wrong" ;;
            *) echo "$wrong-auto lxc-web" "$wrong-unit lxc-web" ;;
        esac
    done | xargs -n 2
}
make_for_boot() {
    local name profile
    while read -r name profile; do
        cp -a "$LXC/954" "$LXC/$name"
        sed -i "s/954/$name/" "$LXC/$name/config"
        # shellcheck disable=SC2016 # the container's own shell
        sed -i '1a echo >>/srv/came' "$LXC/$name/rootfs/bin/init"
        case $name in
            *-auto) echo 'lxc.start.auto = 1' >>"$LXC/$name/config" ;;
            *) systemctl enable -q "lxc@$name" ;;
        esac
        [[ -e $SOURCES/$profile ]] || put_profile "$profile"
    done < <(boot_containers)
    # shellcheck disable=SC2046 # one word each
    configure web=lxc-web $(boot_containers | tr ' ' =)
}
# Of policies, what apparmor.service loads at boot.
spoil_for_boot() {
    local name wrong
    rm "$DEPLOYED/lxc-not-loaded"
    profile_text lxc-other-policy | sed '/mac_admin/d' >"$DEPLOYED/lxc-other-policy"
    mkdir -p "$DEPLOYED/force-complain"
    ln -s "$DEPLOYED/lxc-other-mode" "$DEPLOYED/force-complain/"
    while read -r name _; do
        wrong=${name%-*}
        case $wrong in
            no-profile | other-profile | include) "wrong_$wrong" "$LXC/$name/config" ;;
        esac
    done < <(boot_containers)
}
refused_at_boot() {
    local wrong=${1%-*}
    prints "${wrong/#include/other-profile}" sh -c "journalctl -q -b -o json PHOENIXD_RECORD=start-refused PHOENIXD_CONTAINER=$1 | jq -r .PHOENIXD_REASON"
}
all_at_boot() {
    local name profile
    while read -r name profile; do
        case $name in
            *right-*)
                check "$name starts" wait_until 30 has_come "$name"
                check "in its profile" wait_until 10 all_labelled "$name" "$profile (enforce)"
                ;;
            *)
                check "$name is refused" wait_until 30 refused_at_boot "$name"
                check "its init has not run" test ! -e "$LXC/$name/rootfs/srv/came"
                ;;
        esac
    done < <(boot_containers)
}

case $PHASE in
    1)
        # shellcheck disable=SC2016 # the container's own shell
        sed -i '1a echo >>/srv/came' "$LXC/web/rootfs/bin/init"
        put_profile lxc-web
        configure web=lxc-web
        start_daemon
        check "in sync" settled 30
        echo 'lxc.start.auto = 1' >>"$WEB"
        check "still in sync" settled 10
        systemctl stop phoenixd
        cp "$WEB" /root/web.config
        profile_text lxc-web | sed '/mac_admin/d' >/root/other
        compile right.bin "$DEPLOYED/lxc-web"
        compile other.bin /root/other
        compile complain.bin "$DEPLOYED/lxc-web" -C

        begin=$(now_ms)
        check "a hundred wrong starts are refused" refused_all
        say "in $(($(now_ms) - begin)) ms"
        check "each with its reason in the journal" equals "$(reasons)" "$(expected_reasons)"
        begin=$(now_ms)
        check "a hundred right ones start" started_all
        say "in $(($(now_ms) - begin)) ms"
        check "and none of them was refused" prints 100 sh -c 'journalctl -q -b -o cat PHOENIXD_RECORD=start-refused | wc -l'

        say "at boot"
        make_for_boot
        start_daemon
        check "in sync with those for the boot" settled 60
        systemctl disable -q phoenixd
        systemctl stop phoenixd
        spoil_for_boot
        reboot_machine
        ;;
    2)
        check "the machine is up without phoenixd" wait_until 120 prints active systemctl is-active lxc
        check "phoenixd does not run" prints inactive systemctl is-active phoenixd
        all_at_boot
        ;;
esac
