# shellcheck shell=bash
# Running scenarios, several at once, each on a machine of its own, and telling what became of them.
#
# Uses of the caller: RELEASE JOBS SNAPSHOT LIVE KEEP SCENARIOS BOOTED VM_INSTALLED WORK.

RUNNING=()
PASSED=0
FAILED=0

scenario_file() {
    local file
    for file in "$1" "$VM_TOP/scenarios/$1" "$VM_TOP/scenarios/$1.sh"; do
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

# What goes into the guest with a scenario: the helpers, the scenario, and NAME.d beside it when there is one.
pack_scenario() {
    local file=$1 archive=$2 name
    name=$(basename "$file" .sh)
    tar -c -f "$archive" -C "$VM_TOP/guest" lib.sh main.sh -C "$(dirname "$file")" "$name.sh"
    [[ ! -d ${file%.sh}.d ]] || tar -r -f "$archive" -C "$(dirname "$file")" "$name.d"
    cat >"${archive%.tar}.start" <<START
mkdir -p /run/scenario && tar -x -C /run/scenario && exec bash /run/scenario/main.sh $name.sh </dev/null
START
}

# In a shell of its own. Leaves DIR/{output,code,seconds,diagnosis}.
run_scenario() {
    local file=$1 dir=$2 timeout begin=$EPOCHREALTIME
    trap machine_stop EXIT
    trap 'exit 143' TERM INT
    timeout=$(setting "$file" timeout)
    mkdir -p "$dir/tmp"
    pack_scenario "$file" "$dir/scenario.tar"
    # The disk's throw-away overlay is made there.
    export TMPDIR=$dir/tmp
    snapshot_start "$(snapshot_dir "$file")" "$dir/machine" "file:$dir/console"
    ask_scenario "${timeout:-180}" "$dir"
    seconds_since "$begin" >"$dir/seconds"
    [[ $(cat "$dir/code" 2>/dev/null) == 0 ]] || diagnose "$dir"
}

ask_scenario() {
    local timeout=$1 dir=$2
    if [[ -n $LIVE ]]; then
        machine_ask "$timeout" "$dir/scenario.start" "$dir/scenario.tar" "$dir/code" > >(tee "$dir/output") || true
    else
        machine_ask "$timeout" "$dir/scenario.start" "$dir/scenario.tar" "$dir/code" >"$dir/output" || true
    fi
}

diagnose() {
    local dir=$1
    if [[ -e $dir/code ]]; then
        machine_ask 20 "$VM_TOP/image/diagnose" /dev/null "$dir/diagnosis.code" >"$dir/diagnosis" || true
    else
        {
            echo "--- the machine does not answer; QEMU and the console said"
            tail -n 50 "$dir/machine/qemu.log" "$dir/console"
        } >"$dir/diagnosis" 2>&1
    fi
}

verdict() {
    case $(cat "$1/code" 2>/dev/null) in
        0) echo passed ;;
        124) echo "timed out" ;;
        '') echo "no answer" ;;
        *) echo failed ;;
    esac
}

report_scenario() {
    local dir=$1 name verdict number
    name=$(basename "$dir")
    verdict=$(verdict "$dir")
    number=$((PASSED + FAILED + 1))
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
    local file dir
    echo "1..${#SCENARIOS[@]}"
    for file in "${SCENARIOS[@]}"; do
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
    echo "$PASSED passed, $FAILED failed"
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
