# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Running scenarios, several at once, each on a machine of its own, and telling what became of them.
#
# Uses of the caller: RELEASE JOBS SNAPSHOT LIVE KEEP SCENARIOS BOOTED VM_INSTALLED WORK.

RUNNING=()
PASSED=0
FAILED=0
SKIPPED=0

scenario_file() {
    local file
    for file in "$1" "$VM_TOP"/{scenarios,release}/{"$1","$1.sh"}; do
        if [[ -f $file ]]; then
            realpath "$file"
            return
        fi
    done
    die "there is no scenario '$1'"
}

# setting FILE KEY: from a comment line "# KEY: VALUE".
setting() {
    sed -n "s/^# $2: *//p;T;q" "$1"
}

snapshot_of() {
    local name
    name=${SNAPSHOT:-$(setting "$1" snapshot)}
    case ${name:=installed} in
        booted | installed) echo "$name" ;;
        *) die "$1: unknown snapshot '$name'" ;;
    esac
}

snapshot_dir() {
    if [[ $(snapshot_of "$1") == booted ]]; then echo "$BOOTED"; else echo "$VM_INSTALLED"; fi
}

# What goes into the guest with a scenario: the helpers, the scenario, NAME.d beside it when there
# is one, and what it asks for with "# with: OTHER.d", which may be a scenario's of the other directory,
# or with "# with: pve", which is beside these directories; with "# package: yes" the Debian package and debian/tests;
# with "# before: yes" the version before this one.
pack_scenario() {
    local file=$1 archive=$2 top name dir place
    top=$(dirname "$file")
    name=$(basename "$file" .sh)
    tar -c -f "$archive" -C "$VM_TOP/guest" {lib,main,operator,debian}.sh -C "$top" "$name.sh"
    [[ ! -d $top/$name.d ]] || tar -r -f "$archive" -C "$top" "$name.d"
    [[ -z $(setting "$file" package) ]] ||
        tar -r -f "$archive" -C "$VM_PACKAGES" --transform 's|^|packages/|' "$(basename "$(package_file)")" \
            -C "$VM_SOURCE/debian" tests
    [[ -z $(setting "$file" before) ]] || tar -r -f "$archive" -C "$VM_BEFORE" before.tar
    for dir in $(setting "$file" with); do
        place=$(place_of "$dir" "$top")
        tar -r -f "$archive" -C "$place" --exclude 'pve/*.[ch]' --exclude __pycache__ "$dir"
    done
}

# place_of DIRECTORY BESIDE
place_of() {
    local place
    for place in "$2" "$VM_TOP"/{scenarios,release} "$VM_TOP"; do
        if [[ -d $place/$1 ]]; then
            echo "$place"
            return
        fi
    done
    die "there is no $1 for a scenario"
}

# The same again with the next number after each boot.
write_start() {
    cat <<START
mkdir -p /run/scenario && tar -x -C /run/scenario && date +@%s >/run/scenario/since
[ $2 = 1 ] || systemctl is-system-running --wait >/dev/null
PHASE=$2 MACHINE=$3 exec bash /run/scenario/main.sh $1.sh </dev/null
START
}

# In a shell of its own. Leaves DIR/{output,code,seconds,diagnosis}.
run_scenario() {
    local file=$1 dir=$2 begin=$EPOCHREALTIME
    if [[ -n $(setting "$file" machines) ]]; then
        run_machines "$file" "$dir" "$(setting "$file" machines)"
    else
        run_machine "$file" "$dir" 1
    fi
    seconds_since "$begin" >"$dir/seconds"
}

# run_machine FILE DIR NUMBER: leaves the same, without the seconds.
run_machine() {
    local file=$1 dir=$2 timeout
    trap machine_stop EXIT
    trap 'exit 143' TERM INT
    timeout=$(setting "$file" timeout)
    mkdir -p "$dir/tmp"
    pack_scenario "$file" "$dir/scenario.tar"
    # The disk's throw-away overlay is made there.
    export TMPDIR=$dir/tmp
    snapshot_start "$(snapshot_dir "$file")" "$dir/machine" "file:$dir/console"
    [[ -z $(setting "$file" disk) ]] || attach_disk "$dir" more "$(disk_dir)/disk.img"
    [[ -z $(setting "$file" archive) ]] || attach_disk "$dir" archive "$VM_ARCHIVE/archive.img"
    [[ ! -e $dir/../post ]] || attach_disk "$dir" post "$dir/../post"
    ask_phases "${timeout:-600}" "$dir" "$(basename "$file" .sh)" "$3"
    [[ $(cat "$dir/code" 2>/dev/null) == 0 ]] || diagnose "$dir"
}

# run_machines FILE DIR COUNT: several at once, with a disk of theirs on which each can write to the others. What they
# say is joined, and the scenario has the code of the first that failed.
run_machines() {
    local file=$1 dir=$2 count=$3 i part pids=()
    truncate -s "${count}M" "$dir/post"
    for ((i = 1; i <= count; i++)); do
        run_machine "$file" "$dir/$i" "$i" &
        pids+=($!)
    done
    trap 'kill -TERM "${pids[@]}" 2>/dev/null; wait; exit 143' TERM INT
    wait "${pids[@]}" || true
    for ((i = 1; i <= count; i++)); do
        for part in output diagnosis console; do
            sed "s/^/$i: /" "$dir/$i/$part" >>"$dir/$part" 2>/dev/null || true
        done
        [[ -e $dir/code && $(<"$dir/code") != 0 ]] || cp "$dir/$i/code" "$dir/code" 2>/dev/null || : >"$dir/code"
    done
}

# attach_disk DIR NAME FILE: a disk of the guest, /dev/vdb and so on, which the guest knows by NAME and can read; the
# one that machines share they can write to as well, and none of them locks it. The machine takes it once it runs.
attach_disk() {
    local how=readonly=on
    [[ $2 != post ]] || how=file.locking=off
    echo true >"$1/hello"
    machine_ask 60 "$1/hello" /dev/null "$1/code" || return 0
    rm "$1/code"
    machine_monitor "drive_add 0 if=none,id=$2,format=raw,$how,file=$3" \
        "device_add virtio-blk-pci,drive=$2,serial=$2$([[ $2 != post ]] || echo ,share-rw=on)"
}

# A scenario that asked for a boot (lib.sh, reboot_machine) goes on after it; any other boot is a
# failure.
ask_phases() {
    local timeout=$1 dir=$2 name=$3 machine=$4 phase=1
    while ((phase < 10)); do
        write_start "$name" "$phase" "$machine" >"$dir/start"
        ask_scenario "$timeout" "$dir" || true
        [[ $(cat "$dir/code" 2>/dev/null) == rebooted && $(tail -n 1 "$dir/output") == "# booting anew" ]] || break
        phase=$((phase + 1))
    done
}

ask_scenario() {
    local timeout=$1 dir=$2
    if [[ -n $LIVE ]]; then
        machine_ask "$timeout" "$dir/start" "$dir/scenario.tar" "$dir/code" | tee -a "$dir/output"
    else
        machine_ask "$timeout" "$dir/start" "$dir/scenario.tar" "$dir/code" >>"$dir/output"
    fi
}

diagnose() {
    local dir=$1
    {
        if [[ -e $dir/code ]]; then
            machine_ask 20 "$VM_TOP/image/diagnose" /dev/null "$dir/diagnosis.code" || true
        fi
        if [[ $(cat "$dir/code" 2>/dev/null) != [0-9]* ]]; then
            echo "--- QEMU and the console"
            tail -n 50 "$dir/machine/qemu.log" "$dir/console"
        fi
    } >"$dir/diagnosis" 2>&1
}

# A machine that dies says nothing about what is tested in it.
has_panicked() {
    grep -qE 'Kernel panic - not syncing|BUG: unable to handle|Oops: |soft lockup - CPU' "$1/console" 2>/dev/null
}

verdict() {
    if [[ $(cat "$1/code" 2>/dev/null) != 0 ]] && has_panicked "$1"; then
        echo "the machine's kernel died: no check has failed"
        return
    fi
    case $(cat "$1/code" 2>/dev/null) in
        0) echo passed ;;
        124) echo "timed out" ;;
        rebooted) echo "the machine booted anew" ;;
        '') echo "no answer" ;;
        *) echo failed ;;
    esac
}

report_scenario() {
    local dir=$1 name verdict number
    name=$(basename "$dir")
    verdict=$(verdict "$dir")
    number=$((PASSED + FAILED + SKIPPED + 1))
    if [[ $verdict == passed ]]; then
        PASSED=$((PASSED + 1))
        echo "ok $number - $name ($(<"$dir/seconds") s)"
    else
        FAILED=$((FAILED + 1))
        echo "not ok $number - $name ($(cat "$dir/seconds" 2>/dev/null) s, $verdict)"
        [[ -n $LIVE ]] || sed 's/^/    /' "$dir/output"
        sed 's/^/    /' "$dir/diagnosis" 2>/dev/null || true
    fi
    keep_output "$dir" "$name"
    rm -rf --one-file-system "$dir"
}

is_for_release() {
    local only
    only=$(setting "$1" release)
    [[ -z $only || " $only " == *" $RELEASE "* ]]
}

# why_skipped FILE: nothing when it can run.
why_skipped() {
    if ! is_for_release "$1"; then
        echo "only for $(setting "$1" release)"
    elif [[ -n $(setting "$1" before) ]] && ! has_before; then
        echo "the version before is not in the history of this tree"
    fi
}

# skip_scenario FILE REASON
skip_scenario() {
    echo "ok $((PASSED + FAILED + SKIPPED + 1)) - $(basename "$1" .sh) # SKIP $2"
    SKIPPED=$((SKIPPED + 1))
}

keep_output() {
    local dir=$1 name=$2 part
    [[ -n $KEEP ]] || return 0
    for part in output diagnosis console; do
        [[ ! -s $dir/$part ]] || cp "$dir/$part" "$KEEP/$name.$part"
    done
}

# Waits for one that is running and reports it.
reap_scenario() {
    local pid i
    wait -n -p pid "${RUNNING[@]%% *}" || true
    for i in "${!RUNNING[@]}"; do
        [[ ${RUNNING[i]%% *} == "$pid" ]] || continue
        report_scenario "${RUNNING[i]#* }"
        unset "RUNNING[i]"
    done
    RUNNING=("${RUNNING[@]}")
}

run_scenarios() {
    local file dir reason
    echo "1..${#SCENARIOS[@]}"
    for file in "${SCENARIOS[@]}"; do
        reason=$(why_skipped "$file")
        if [[ -n $reason ]]; then
            skip_scenario "$file" "$reason"
            continue
        fi
        while [[ ${#RUNNING[@]} -ge $JOBS ]]; do
            reap_scenario
        done
        dir=$WORK/$(basename "$file" .sh)
        mkdir -p "$dir"
        run_scenario "$file" "$dir" &
        RUNNING+=("$! $dir")
    done
    while [[ ${#RUNNING[@]} -gt 0 ]]; do
        reap_scenario
    done
    printf '%d passed, %d failed' "$PASSED" "$FAILED"
    if [[ $SKIPPED -gt 0 ]]; then printf ', %d skipped' "$SKIPPED"; fi
    printf '\n'
    [[ $FAILED -eq 0 ]]
}

# Each shell ends its own machine.
end_scenarios() {
    local entry
    for entry in "${RUNNING[@]}"; do
        kill -TERM "${entry%% *}" 2>/dev/null || true
    done
    for entry in "${RUNNING[@]}"; do
        wait "${entry%% *}" 2>/dev/null || true
    done
}
