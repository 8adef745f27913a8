# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 10800
# with: pve
# The boot gate: of a hundred starts that are wrong none comes up, and of a hundred that are right each does; by
# turns in each way to start a container, with each reason. The same of a guest of Proxmox, each way with each reason
# twice. Then at boot, where LXC starts all of them at once. The container's init counts how often it has run.

# shellcheck source=tests/vm/pve/guest.sh
. pve/guest.sh

LXC=/var/lib/lxc
GATE=/usr/libexec/phoenixd-gate
WEB=$LXC/web/config
GUEST=/etc/pve/lxc/910.conf

is_over() { [[ $(container_state "$1") == STOPPED ]]; }
has_come() { container_is "$1" RUNNING && { payload_pids "$1" && pve_pids "$1"; } | grep -q .; }
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
# Of a guest of Proxmox.
by_pct() { pct start "$1"; }
by_guest_unit() {
    systemctl start "pve-container@$1" && wait_until 10 has_come_or_guest_failed "$1" && has_come "$1"
}
has_come_or_guest_failed() { has_come "$1" || systemctl is-failed -q "pve-container@$1" || unit_is_over "pve-container@$1"; }

# use ID: the one that is started from now on.
use() {
    ID=$1
    if [[ $ID == web ]]; then
        WAYS=(by_command by_foreground by_unit by_autostart by_reboot) FIRST=by_command LXC_UNIT=lxc@web
    else
        WAYS=(by_pct by_guest_unit by_reboot) FIRST=by_pct LXC_UNIT=pve-container@$ID
    fi
    CAME=$LXC/$ID/rootfs/srv/came
}
came() { wc -l <"$CAME"; }
prepare() {
    : >"$CAME"
    [[ $1 == by_reboot ]] || return 0
    "$FIRST" "$ID" && wait_until 10 prints 1 came
    : >"$CAME"
}
# The unit ends after its container does, and would stop one that was started meanwhile.
unit_is_over() { [[ $(systemctl show -P ActiveState "$1") =~ ^(inactive|failed)$ ]]; }
stop_it() {
    lxc-stop -k -n "$ID" 2>/dev/null || true
    wait_until 20 is_over "$ID"
    wait_until 20 unit_is_over "$LXC_UNIT"
    systemctl reset-failed "$LXC_UNIT" 2>/dev/null || true
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
    load_compiled right.bin
    if [[ $ID == web ]]; then
        cp /root/web.config "$WEB"
    else
        save_guest /root/guest.conf
        pct post-stop-hook "$ID"
    fi
}

# Of a guest it is wrong in its own file, of which Proxmox makes LXC's config; but its unit starts it with the config
# that is there.
save_guest() {
    cp "$1" "$GUEST.tmp"
    mv "$GUEST.tmp" "$GUEST"
}
guest_no-profile() { sed '/^lxc.apparmor.profile/d' /root/guest.conf >/run/guest.conf; }
guest_other-profile() { sed 's/^lxc.apparmor.profile.*/lxc.apparmor.profile: unconfined/' /root/guest.conf >/run/guest.conf; }
guest_include() {
    echo 'lxc.apparmor.profile = unconfined' >/var/lib/last.conf
    { cat /root/guest.conf && echo 'lxc.include: /var/lib/last.conf'; } >/run/guest.conf
}
# spoil WAY WRONG
spoil() {
    case $ID-$2 in
        web-* | *-not-loaded | *-other-policy | *-other-mode) "wrong_$2" ;;
        *)
            if [[ $1 == by_guest_unit ]]; then
                "wrong_$2" "$LXC/$ID/config"
            else
                "guest_$2"
                save_guest /run/guest.conf
            fi
            ;;
    esac
}

# The reasons that the journal has of its starts since a cursor, in their order, and those that are expected. Where a
# guest's file names no profile, Proxmox's config names one.
reasons() {
    journalctl --sync
    # systemd 252 leaves out the first one that matches behind a cursor.
    journalctl -q -b -o json --output-fields=PHOENIXD_RECORD,PHOENIXD_CONTAINER,PHOENIXD_REASON --after-cursor="$1" |
        jq -r --arg id "$ID" 'select(.PHOENIXD_RECORD == "start-refused" and .PHOENIXD_CONTAINER == $id) | .PHOENIXD_REASON'
}
expected_reasons() {
    local i wrong
    for ((i = 0; i < $1; i++)); do
        wrong=${WRONGS[i / ${#WAYS[@]} % 6]}
        [[ $wrong != include ]] || wrong=other-profile
        [[ $wrong != no-profile || $ID == web || ${WAYS[i % ${#WAYS[@]}]} == by_guest_unit ]] || wrong=other-profile
        echo "$wrong"
    done
}

# refused_all COUNT: the ways and the reasons by turns.
refused_all() {
    local i way wrong
    for ((i = 0; i < $1; i++)); do
        way=${WAYS[i % ${#WAYS[@]}]}
        wrong=${WRONGS[i / ${#WAYS[@]} % 6]}
        prepare "$way"
        spoil "$way" "$wrong"
        ! "$way" "$ID" 2>/dev/null || { echo "start $i, $way, $wrong: it runs" && return 1; }
        wait_until 10 is_over "$ID"
        prints 0 came || { echo "start $i, $way, $wrong" && return 1; }
        stop_it
        make_right
    done
}

# started_all COUNT: the container's init has run once for each.
started_all() {
    local i way
    for ((i = 0; i < $1; i++)); do
        way=${WAYS[i % ${#WAYS[@]}]}
        prepare "$way"
        { "$way" "$ID" && wait_until 10 labelled && wait_until 10 prints 1 came; } ||
            { echo "start $i, $way" && return 1; }
        stop_it
    done
}
labelled() { equals "$({ labels "$ID" && pve_labels "$ID"; } | sort -u)" 'lxc-web (enforce)'; }

# hundreds COUNT
hundreds() {
    local begin cursor
    cursor=$(journal_cursor)
    begin=$(now_ms)
    check "$1 wrong starts of $ID are refused" refused_all "$1"
    say "in $(($(now_ms) - begin)) ms"
    check "each with its reason in the journal" equals "$(reasons "$cursor")" "$(expected_reasons "$1")"
    cursor=$(journal_cursor)
    begin=$(now_ms)
    check "$1 right ones start" started_all "$1"
    say "in $(($(now_ms) - begin)) ms"
    check "and none of them was refused" equals "$(reasons "$cursor")" ""
}

# --- what it costs

# twenty COMMAND...: in ms, without the output.
twenty() {
    local i begin
    begin=$(now_ms)
    for ((i = 0; i < 20; i++)); do "$@" >/dev/null 2>&1 || return 1; done
    echo $(($(now_ms) - begin))
}
start_and_stop() { by_command web && stop_it; }
costs() {
    local asked nothing starts
    nothing=$(twenty /bin/true)
    asked=$(twenty env LXC_NAME=web "LXC_CONFIG_FILE=$WEB" "$GATE" pre-start)
    starts=$(twenty start_and_stop)
    say "in ms, twenty times: nothing $nothing, the gate's question $asked, a start and a stop $starts"
    check "the two questions of a start take less than a fifth of it and its stop" test $(((asked - nothing) * 2 * 5)) -lt "$starts"
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

        use web
        hundreds 100
        say "what it costs"
        costs

        say "on a Proxmox node"
        # shellcheck disable=SC2119 # no options
        make_pve
        cp -a "$LXC/web/rootfs/bin/init" "$LXC/910/rootfs/bin/init"
        pve_guest 910 'onboot: 0'
        configure web=lxc-web 910=lxc-web
        start_daemon
        check "in sync with a guest of Proxmox" settled 60
        check "its file names its profile" grep -q '^lxc.apparmor.profile: lxc-web' "$GUEST"
        systemctl stop phoenixd
        cp "$GUEST" /root/guest.conf
        use 910
        make_right
        hundreds 36
        systemctl stop pve-cluster
        rm -r "$PVE_DATABASE" /usr/share/lxc/config/common.conf.d/01-pve.conf

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
