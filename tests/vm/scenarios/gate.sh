# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 1800
# The boot gate: a container that would start with less than it is to have does not start, by whatever way, while
# phoenixd is not there to repair it. At boot phoenixd repairs it before any container starts.

GATE=/usr/libexec/phoenixd-gate
WEB=/var/lib/lxc/web/config

is_over() { [[ $(container_state "$1") == STOPPED ]]; }
has_come() { container_is "$1" RUNNING && init_is_running "$1"; }
has_come_or_failed() { has_come "$1" || systemctl is-failed -q "lxc@$1"; }

# --- ways to start a container; each succeeds when it runs

by_command() { lxc-start -n "$1"; }
by_foreground() {
    local job
    setsid lxc-start -F -n "$1" >"/run/$1.out" 2>&1 &
    job=$!
    until has_come "$1"; do
        kill -0 "$job" 2>/dev/null || return 1
        sleep 0.1
    done
}
by_unit() { systemctl start "lxc@$1" && wait_until 10 has_come_or_failed "$1" && has_come "$1"; }
by_autostart() { lxc-autostart && wait_until 1 has_come "$1"; }
WAYS=(by_command by_foreground by_unit by_autostart)

# The unit ends after its container does, and would stop one that was started meanwhile.
unit_is_over() { [[ $(systemctl show -P ActiveState "$1") =~ ^(inactive|failed)$ ]]; }
stop_it() {
    lxc-stop -k -n "$1" 2>/dev/null || true
    wait_until 20 is_over "$1"
    wait_until 20 unit_is_over "lxc@$1"
    systemctl reset-failed "lxc@$1" 2>/dev/null || true
}

# --- what may be wrong, with the reason that the gate gives; and right again

# Compiled once, as the machine is slow.
compile() { apparmor_parser -K -S "${@:3}" "$2" >"/root/$1"; }
load_compiled() { apparmor_parser -r -B "/root/$1"; }
compile_all() {
    profile_text lxc-web | sed '/mac_admin/d' >/root/other
    compile right.bin "$DEPLOYED/lxc-web"
    compile other.bin /root/other
    compile complain.bin "$DEPLOYED/lxc-web" -C
}

wrong_not-loaded() { apparmor_parser -R "$DEPLOYED/lxc-web"; }
wrong_other-policy() { load_compiled other.bin; }
wrong_other-mode() { load_compiled complain.bin; }
wrong_no-profile() { sed -i '/^lxc.apparmor.profile/d' "$WEB"; }
wrong_other-profile() { sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = lxc-db/' "$WEB"; }
# An include that overrides it.
wrong_include() {
    echo 'lxc.apparmor.profile = unconfined' >/var/lib/last.conf
    echo 'lxc.include = /var/lib/last.conf' >>"$WEB"
}
WRONGS=(not-loaded other-policy other-mode no-profile other-profile include)

make_right() {
    cp /root/web.config "$WEB"
    load_compiled right.bin
}

# The reasons that the journal has got since they were asked for before, to the file of those of this start.
reasons() {
    journalctl -q -b --cursor-file=/run/reasons.cursor -o cat --output-fields=PHOENIXD_REASON PHOENIXD_RECORD=start-refused >>/run/reasons
    cat /run/reasons
}

# refused REASON COMMAND...: it does not come up, and the journal says why.
refused() {
    local reason=${1/include/other-profile}
    shift
    : >/run/reasons
    ! "$@" web || return 1
    wait_until 10 is_over web && wait_until 5 prints "$reason" reasons
}

started() {
    "$@" web && wait_until 10 all_labelled web "lxc-web (enforce)"
}

ways() {
    local way wrong
    for way in "${WAYS[@]}"; do
        say "$way"
        for wrong in "${WRONGS[@]}"; do
            "wrong_$wrong"
            check "$way: $wrong is refused" refused "$wrong" "$way"
            stop_it web
            make_right
        done
        check "$way: what is right starts" started "$way"
        stop_it web
    done
}

reasons_are_read() {
    say "what the command line says is in no file"
    check "unconfined by an option is refused" refused other-label lxc-start -s lxc.apparmor.profile=unconfined -n

    say "the reason is where people look at a start"
    wrong_not-loaded
    lxc-start -F -n web >/run/web.out 2>&1 || true
    check "on standard error of a start in the foreground" grep -q 'phoenixd: web: start refused: the profile lxc-web is not loaded in the kernel' /run/web.out
    lxc-start -n web -l DEBUG -o /run/web.log 2>/dev/null || true
    check "in LXC's log" grep -q 'start refused: the profile lxc-web is not loaded' /run/web.log
    check "in phoenixd's journal" journal_of phoenixd
    check "in the unit's journal" journal_of lxc@web
    check "in the container's history" prints_like 'web: start refused: the profile lxc-web is not loaded' phoenixctl history web
    stop_it web
    # These starts are not those of the next question.
    journalctl --sync
    reasons >/dev/null
}
journal_of() { journalctl -q -u "$1" | grep 'web: start refused' >/dev/null; }

others_start() {
    say "others are none of its business"
    check "an unconfined one starts" start_container 910
    stop_container 910
    check "one that is not configured starts" start_container 953
    stop_container 953
    make_right
}

# LXC then says all in the environment, and adds no arguments.
version_one() {
    say "hooks of version 1"
    echo 'lxc.hook.version = 1' >>"$WEB"
    check "what is right starts" started by_command
    stop_it web
    wrong_not-loaded
    check "what is wrong is refused" refused not-loaded by_command
    stop_it web
    make_right
}

another_init() { has_come "${2:-web}" && [[ $(lxc-info -n "${2:-web}" -pH) != "$1" ]]; }
reboot_inside() { lxc-attach -n "${1:-web}" -- /bin/busybox reboot -f || true; }

reboots_inside() {
    local init
    say "a reboot from inside"
    check "it runs" started by_unit
    init=$(lxc-info -n web -pH)
    reboot_inside
    check "what is right comes up again" wait_until 20 another_init "$init"
    check "in its profile" wait_until 10 all_labelled web "lxc-web (enforce)"
    wrong_other-policy
    reboot_inside
    check "what is wrong does not" wait_until 20 is_over web
    stop_it web
    make_right
}

# moved_to PROFILE LABEL: 910, which runs in LABEL, is to be in PROFILE, and reboots itself before it is restarted.
moved_to() {
    local init
    configure web=lxc-web db=lxc-db "910=$1"
    check "910 is to be in $1: its config says so" wait_until 30 grep -Eq "^lxc.apparmor.profile *= *$1" /var/lib/lxc/910/config
    check "what it runs in is written down" wait_until 10 is_written "^running [0-9]* $2"
    init=$(lxc-info -n 910 -pH)
    reboot_inside 910
    check "it comes up again" wait_until 20 another_init "$init" 910
    check "as it was" wait_until 10 all_labelled 910 "$2"
    check "and that is said" prints_like "910: started despite the boot gate: it has rebooted itself.* the label ${2% (*}, expected $1" journal_since
}

reboots_while_due() {
    say "a reboot from inside while a restart is due"
    start_daemon
    check "it runs unconfined" start_container 910
    moved_to lxc-db unconfined
    stop_container 910
    check "a start that is no reboot is refused" not lxc-start -s lxc.apparmor.profile=unconfined -n 910
    wait_until 20 is_over 910
    check "it starts in its profile" start_container 910
    check "and has it" wait_until 10 all_labelled 910 "lxc-db (enforce)"
    moved_to lxc-web "lxc-db (enforce)"
    stop_container 910
    configure web=lxc-web db=lxc-db 910=unconfined
    check "in sync" settled 30
    systemctl stop phoenixd
}

# Microseconds of one question, under emulation many times as many as on a processor.
asks() {
    local n begin=$EPOCHREALTIME
    for ((n = 0; n < 20; n++)); do
        LXC_NAME=web LXC_CONFIG_FILE=$WEB LXC_PID=$2 "$GATE" "$1" || return 1
    done
    echo $(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 20))
}
calls() { LXC_NAME=web LXC_CONFIG_FILE=$WEB LXC_PID=$2 strace -o /run/calls "$GATE" "$1" && wc -l </run/calls; }

# While web runs: root would be refused, as no init is named.
asked_for_nothing() { "$@" env LXC_NAME=web LXC_CONFIG_FILE=/nowhere "$GATE" start-host; }

others_and_costs() {
    local init
    say "a user's own containers, of the same name"
    check "it runs" started by_unit
    check "root is refused" not asked_for_nothing env
    check "a user is not" asked_for_nothing setpriv --reuid=65534 --clear-groups
    check "nor is root of a user namespace" asked_for_nothing unshare --user --map-root-user

    say "what it costs"
    init=$(lxc-info -n web -pH)
    say "pre-start: $(asks pre-start "$init") us, $(calls pre-start "$init") system calls; start-host: $(asks start-host "$init") us, $(calls start-host "$init") system calls"
    say "/bin/true: $(GATE=/bin/true asks pre-start "$init") us"
    check "few system calls" test "$(calls pre-start "$init")" -lt 300
    stop_it web
}

settings() {
    say "settings"
    set_setting boot_gate '"warn"'
    start_daemon
    check "in sync" settled 30
    systemctl stop phoenixd
    wrong_other-mode
    check "a warning lets it start" by_command web
    check "and is said" journal_warned
    stop_it web
    make_right
    rm /var/lib/phoenixd/gate/containers
    wrong_not-loaded
    check "without a record, a container starts by default" start_container 910
    check "and that is said, too" prints_like '910: started despite the boot gate: phoenixd.s record' journalctl -q -b -o cat PHOENIXD_REASON=without-state
    stop_container 910
    set_setting boot_gate '"refuse"'
    start_daemon
    check "in sync with what was lost" settled 30
    check "it is written down again" grep -qx 'gate refuse' /var/lib/phoenixd/gate/containers
    phoenixctl suspend --reason=test web
    check "a suspension is written down" wait_until 10 is_written '^suspended '
    phoenixctl resume web
    check "and its end" wait_until 10 not is_written '^suspended '
    systemctl stop phoenixd
}
gate_of() { phoenixctl status --json "$1" | jq -r '.containers[0].boot_gate'; }

# LXC does not ask it then, which phoenixd cannot repair.
hooks_that_are_missing() {
    local hooks=/usr/share/lxc/config/common.conf.d/phoenixd-gate.conf
    say "hooks that are missing"
    start_daemon
    check "the gate refuses what is wrong" wait_until 10 prints refuses gate_of web
    check "there is nothing to say" not prints_like 'starts? without' phoenixctl status
    echo 'lxc.hook.start-host =' >>"$WEB"
    check "a line that empties a hook is named" wait_until 10 prints_like "web: $WEB:[0-9]+: this line empties a hook of the boot gate" phoenixctl status web
    check "LXC does not ask the gate" prints not-asked gate_of web
    check "the status counts it" prints_like 'Boot gate: +refuse; 1 container starts without it' phoenixctl status
    check "and so does posture" prints_like '1 container would start without the boot gate' phoenixctl posture
    check "it is no drift" in_sync
    make_right
    check "without the line it is asked" wait_until 10 prints refuses gate_of web
    mv "$hooks" /root/
    check "a host without the hooks has a note" wait_until 10 prints_like "containers start without the boot gate: $hooks: No such file" phoenixctl status
    check "LXC does not ask the gate for any container" prints not-asked gate_of db
    mv /root/phoenixd-gate.conf "$hooks"
    check "with them it is asked" wait_until 10 prints refuses gate_of db
    systemctl stop phoenixd
}
is_written() { grep -q "$1" /var/lib/phoenixd/gate/containers; }
journal_warned() { journalctl -q -b -o cat PHOENIXD_RECORD=start-warned | grep -q 'web: started despite the boot gate: .*complain mode'; }

# Whatever is wrong before it, no container starts before phoenixd has put it right.
wrong_for_the_boot() {
    wrong_include
    profile_text lxc-web 'deny /etc/passwd w,' >"$DEPLOYED/lxc-web"
}

case $PHASE in
    1)
        put_profile lxc-web
        put_profile lxc-db
        configure web=lxc-web db=lxc-db 910=unconfined
        check "before phoenixd has accepted anything, a container starts" start_container web
        stop_container web
        start_daemon
        check "in sync after the first start" settled 30
        echo 'lxc.start.auto = 1' >>"$WEB"
        check "still in sync" settled 10
        systemctl stop phoenixd
        cp "$WEB" /root/web.config
        check "what is right is written down" grep -qx 'label lxc-web' /var/lib/phoenixd/gate/containers
        compile_all
        ways
        reasons_are_read
        others_start
        version_one
        reboots_inside
        reboots_while_due
        others_and_costs
        settings
        hooks_that_are_missing
        systemctl enable -q phoenixd
        wrong_for_the_boot
        reboot_machine
        ;;
    2)
        check "the machine is up" wait_until 60 prints active systemctl is-active lxc
        check "the container came up at boot" wait_until 60 has_come web
        check "in its profile" wait_until 10 all_labelled web "lxc-web (enforce)"
        check "it was not refused before" prints "" reasons
        check "phoenixd was ready before containers were started" test \
            "$(systemctl show -P ActiveEnterTimestampMonotonic phoenixd)" -lt "$(systemctl show -P ExecMainStartTimestampMonotonic lxc)"
        echo 'lxc.start.auto = 1' >>/var/lib/lxc/db/config
        check "in sync" settled 30
        systemctl disable -q phoenixd
        systemctl stop phoenixd
        wrong_for_the_boot
        reboot_machine
        ;;
    3)
        check "the machine is up without phoenixd" wait_until 60 prints active systemctl is-active lxc
        check "and refused the container at boot" wait_until 60 prints_like 'web: start refused: /var/lib/last.conf:1 names the profile unconfined' journal_since
        check "which does not run" is_over web
        check "one that is right came up with what apparmor.service has loaded" wait_until 60 has_come db
        check "in its profile" wait_until 10 all_labelled db "lxc-db (enforce)"
        check "without a word of the gate" not journal_has 'phoenixd-gate.*: db: start'
        ;;
esac
