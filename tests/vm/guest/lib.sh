# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What a scenario has at hand in the guest. It runs with errexit: a command that fails unasked ends
# it. A check that fails is printed, and the scenario goes on; it fails in the end.

APPARMOR=/sys/kernel/security/apparmor
UNIT=phoenixd.service
CHECKS=0
CHECKS_FAILED=0

# --- saying

say() {
    printf '# %s\n' "$*"
}

fail() {
    printf 'FAIL: %s\n' "$*"
    CHECKS_FAILED=$((CHECKS_FAILED + 1))
    exit 1
}

# check STATEMENT COMMAND...: what the command says is shown only when it fails.
check() {
    local statement=$1 output
    shift
    CHECKS=$((CHECKS + 1))
    if output=$("$@" 2>&1); then
        printf 'ok - %s\n' "$statement"
    else
        printf 'not ok - %s\n' "$statement"
        printf '  command: %s\n' "$*"
        [[ -z $output ]] || printf '%s\n' "$output" | head -n 40 | sed 's/^/  | /'
        CHECKS_FAILED=$((CHECKS_FAILED + 1))
    fi
}

# Conditions for check and wait_until that say what they saw.
equals() {
    [[ $1 == "$2" ]] || {
        printf 'expected: %s\nfound:    %s\n' "$2" "$1"
        return 1
    }
}

# prints EXPECTED COMMAND...
prints() {
    local expected=$1
    shift
    equals "$("$@")" "$expected"
}

# prints_like REGEX COMMAND...
prints_like() {
    local regex=$1 output
    shift
    output=$("$@" 2>&1) || true
    [[ $output =~ $regex ]] || {
        printf 'expected: %s\nfound:    %s\n' "$regex" "$output"
        return 1
    }
}

not() {
    ! "$@"
}

scenario_stumbled() {
    # A failure in a command substitution is reported where it is used.
    [[ $BASH_SUBSHELL -eq 0 ]] || return 0
    printf 'FAIL: %s line %s: "%s" ended with %s\n' "$(basename "$3")" "$4" "$2" "$1"
}

scenario_over() {
    [[ $BASH_SUBSHELL -eq 0 ]] || return 0
    printf '# %d checks, %d failed\n' "$CHECKS" "$CHECKS_FAILED"
    [[ $1 -eq 0 && $CHECKS_FAILED -gt 0 ]] && exit 1
    return 0
}

# --- waiting

now_ms() {
    local now=$EPOCHREALTIME
    printf '%d' $((${now/[.,]/} / 1000))
}

# wait_until SECONDS COMMAND...: what the command says is shown when the time is over. SECONDS are those of a machine
# with nothing else to do; one that shares its processors with others gets six times as many.
# Asking costs an emulated processor more than the work that is waited for, so it is done less and less often.
wait_until() {
    local end pause=1
    end=$(($(now_ms) + ${1%.*} * 6000))
    shift
    until "$@" >/dev/null 2>&1; do
        if [[ $(now_ms) -ge $end ]]; then
            "$@"
            return
        fi
        sleep "0.$pause"
        [[ $pause -eq 5 ]] || pause=$((pause + 1))
    done
}

# --- booting

# reboot_machine [--crash]: the scenario is run once more after it, with $PHASE one higher. With
# --crash nothing is stopped and nothing is written out: what the disk has then is what a power
# failure leaves.
reboot_machine() {
    # What is counted does not outlive this boot.
    [[ $CHECKS_FAILED -eq 0 ]] || exit 1
    echo "# booting anew"
    # The reply must be out before the machine goes.
    sleep 0.3
    if [[ ${1:-} == --crash ]]; then
        echo 1 >/proc/sys/kernel/sysrq
        echo b >/proc/sysrq-trigger
    fi
    systemctl reboot >/dev/null 2>&1
    sleep infinity
}

# --- other disks and machines

# disk_named NAME: its device.
disk_named() {
    local serial
    for serial in /sys/block/vd*/serial; do
        if [[ $(<"$serial") == "$1" ]]; then
            serial=${serial%/serial}
            echo "/dev/${serial##*/}"
            return
        fi
    done
    return 1
}

# post NAME [FILE]: for the other machines of the scenario, beside what was posted before. Each has a MiB of the disk.
post() {
    mkdir -p "/run/post/$MACHINE"
    cp "${2:-/dev/null}" "/run/post/$MACHINE/$1"
    tar -c -C "/run/post/$MACHINE" . | dd of="$(disk_named post)" bs=1M iflag=fullblock oflag=direct conv=sync,notrunc \
        seek=$((MACHINE - 1)) status=none
}

# posted MACHINE NAME: whether it is there; it is /run/post/MACHINE/NAME then.
posted() {
    mkdir -p "/run/post/$1"
    dd if="$(disk_named post)" bs=1M count=1 iflag=direct skip=$(($1 - 1)) status=none | tar -x -C "/run/post/$1"
    [[ -e /run/post/$1/$2 ]]
}

# --- phoenixd

main_pid() {
    systemctl show -P MainPID "$UNIT"
}

status_text() {
    systemctl show -P StatusText "$UNIT"
}

# Every process below phoenixd's main one.
descendants() {
    local parent child
    parent=${1:-$(main_pid)}
    [[ $parent -gt 0 ]] || return 0
    for child in $(pgrep -P "$parent"); do
        echo "$child"
        descendants "$child"
    done
}

# Every process of the unit.
unit_pids() {
    cat "/sys/fs/cgroup$(systemctl show -P ControlGroup "$UNIT")/cgroup.procs"
}

# count_syscalls SECONDS SYSCALL[,SYSCALL...] [REGEX]: how many of these system calls do all
# processes of the unit, and those that they start meanwhile, make in that time? Descriptors are
# printed as paths, so REGEX can ask for '</etc/apparmor'. What was traced stays in /run/strace.out.
# Threads and forks: clone,clone3,fork,vfork.
count_syscalls() {
    local args=() pid status=0
    for pid in $(unit_pids); do
        args+=(-p "$pid")
    done
    timeout --signal=INT "$1" strace -f -qqq -y -e signal=none -e trace="$2" \
        -o /run/strace.out "${args[@]}" >/dev/null 2>&1 || status=$?
    # Nothing counted and nothing traced are not the same.
    if [[ ${#args[@]} -eq 0 || $status -ne 124 ]]; then
        echo "strace saw nothing: $status"
        return 1
    fi
    # A call that another thread's interrupts has two lines; one that strace leaves in the middle
    # was not made in this time. (Attaching wakes a process once: expect a clock_gettime or two of
    # one that only waits.)
    grep -v -e ' resumed>' -e '<detached' -e '+++' /run/strace.out | grep -c -E -- "${3:-.}" || true
}

# --- journal

journal_cursor() {
    journalctl --sync
    journalctl -q -n 1 --show-cursor -o cat | sed -n 's/^-- cursor: //p'
}

# journal_since [CURSOR]
journal_since() {
    journalctl --sync
    journalctl -b -q --no-pager -o short-precise ${1:+--after-cursor="$1"}
}

# journal_has REGEX [CURSOR]
journal_has() {
    journal_since "${2:-}" | grep -E -- "$1" >/dev/null
}

# journal_count REGEX [CURSOR]
journal_count() {
    journal_since "${2:-}" | grep -c -E -- "$1" || true
}

# --- policy in the kernel

# profile_dir NAME: where the kernel shows it. Directories are named after a mangled form; only the
# file "name" says it right. PARENT//CHILD is found below its parent.
profile_dir() {
    local base=$APPARMOR/policy rest=$1 component dir name found
    while [[ -n $rest ]]; do
        component=${rest%%//*}
        if [[ $rest == *//* ]]; then rest=${rest#*//}; else rest=; fi
        found=
        for dir in "$base"/profiles/*/; do
            { IFS= read -r name <"$dir/name"; } 2>/dev/null || continue
            [[ $name == "$component" ]] || continue
            found=${dir%/}
            break
        done
        [[ -n $found ]] || return 1
        base=$found
    done
    echo "$base"
}

is_loaded() {
    profile_dir "$1" >/dev/null
}

loaded_mode() {
    local dir
    dir=$(profile_dir "$1") || return 1
    cat "$dir/mode"
}

loaded_hash() {
    local dir
    dir=$(profile_dir "$1") || return 1
    cat "$dir/sha256" 2>/dev/null || cat "$dir/sha1"
}

# cat would wait for the next one.
revision() {
    timeout 5 head -n 1 "$APPARMOR/policy/revision"
}

# --- containers

# payload_pids NAME: every task. LXC appends -1, -2, … to the cgroup when a leftover is in the way.
payload_pids() {
    local dir
    for dir in "/sys/fs/cgroup/lxc.payload.$1" "/sys/fs/cgroup/lxc.payload.$1"-[0-9]*; do
        [[ -d $dir ]] || continue
        find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done
}

# labels NAME: the label of every task, one a line.
labels() {
    local pid label
    for pid in $(payload_pids "$1"); do
        { IFS= read -r label <"/proc/$pid/attr/apparmor/current"; } 2>/dev/null || continue
        printf '%s\n' "$label"
    done
}

# all_labelled NAME LABEL: there are tasks, and all of them carry it.
all_labelled() {
    equals "$(labels "$1" | sort -u)" "$2"
}

# sample_labels CONTAINER SECONDS INTERVAL_MS OUTFILE: "COUNT<TAB>LABEL" for each distinct label; to
# be run in the background. SIGTERM ends it early, with its result.
sample_labels() {
    exec_or_run vm-sampler "$1" "$2" "$3" >"$4.new" || return 1
    mv "$4.new" "$4"
}

# In a background job the signal must reach the sampler and not the shell around it.
exec_or_run() {
    local child
    "$@" &
    child=$!
    trap 'kill -TERM '"$child"' 2>/dev/null; wait '"$child" TERM
    wait "$child"
    trap - TERM
}

container_state() {
    lxc-info -n "$1" -sH 2>/dev/null
}

container_is() {
    equals "$(container_state "$1")" "$2"
}

# start_container NAME: the unit says "started" before the container's init exists, so its word is
# not enough.
start_container() {
    systemctl start "lxc@$1" && wait_until 30 container_is "$1" RUNNING && wait_until 10 init_is_running "$1"
}

# RUNNING is said when init was told to go on; it is the container's own program a moment later.
init_is_running() {
    payload_pids "$1" | grep -q .
}

stop_container() {
    systemctl stop "lxc@$1" && wait_until 30 container_is "$1" STOPPED
}

# inside NAME SCRIPT: run by the container's shell, with the container's confinement.
inside() {
    lxc-attach -n "$1" -- sh -c "$2"
}
