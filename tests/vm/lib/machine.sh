# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One machine: start it, ask its agent, freeze it, end it. A shell holds at most one; runs at once
# are shells of their own.
#
# How a frozen machine comes back within a fraction of a second: its RAM is a file that QEMU maps.
# The machine that makes a snapshot maps it shared, so the file *is* its memory, and only the
# devices' state goes into the migration stream (capability x-ignore-shared). A restored machine
# maps the same file privately: nothing is read before it is touched, and what it writes stays its
# own. Its disk is a throw-away overlay in the same sense. So there is nothing to copy, whatever the
# size.

VM_RAM=1G
VM_KERNEL_ARGS="console=ttyS0 root=/dev/vda rw quiet loglevel=4 panic=-1 tsc=reliable"
VM_KERNEL_ARGS+=" apparmor=1 security=apparmor systemd.show_status=0"

# machine_cpu ACCEL: what QEMU 7.2 does not emulate well is not there, and Linux has a substitute for each.
# After cmpxchg16b the other flags are garbage, and an interrupt at the wrong moment ends in a double fault: Linux 6.12
# allocates memory with it. With erms and fsrm memory is cleared and copied byte by byte, which is slow, and takes
# minutes for a page that held translated code: after a warm boot the machine hardly moves.
machine_cpu() {
    if [[ $1 == kvm ]]; then echo max; else echo max,-cx16,-erms,-fsrm; fi
}

# machine_args IMAGE ACCEL: the hardware, equal at freezing and at restoring. An emulated TSC is as
# good as the clock of the host; left to itself, Linux distrusts it, and every look at the time
# becomes a system call and an exit from the guest.
machine_args() {
    local image=$1 accel=$2
    # shellcheck disable=SC2054 # the commas are QEMU's
    VM_ARGS=(
        -nodefaults -no-user-config -nic none -display none
        -machine pc,memory-backend=ram -cpu "$(machine_cpu "$accel")" -smp 2 -m "$VM_RAM"
        -kernel "$image/vmlinuz" -initrd "$image/initrd"
        -append "$VM_KERNEL_ARGS"
        -device virtio-blk-pci,drive=disk
        -device virtio-serial-pci -device virtserialport,chardev=agent,name=phoenixd.agent
    )
    case $accel in
        kvm) VM_ARGS+=(-accel kvm) ;;
        *) VM_ARGS+=(-accel "tcg,thread=multi") ;;
    esac
}

# machine_start DIR ARGS...: QEMU speaks with the agent over its standard streams, so its end is an
# end of file and its start cannot hang on a socket. DIR is the machine's own, for pipes and logs.
machine_start() {
    local dir=$1
    shift
    mkdir -p "$dir"
    mkfifo "$dir/to" "$dir/from" "$dir/monitor.in" "$dir/monitor.out"
    # Should this shell be killed, its machine goes with it.
    setpriv --pdeathsig KILL qemu-system-x86_64 "${VM_ARGS[@]}" \
        -chardev stdio,id=agent,signal=off \
        -chardev "pipe,id=monitor,path=$dir/monitor" -mon chardev=monitor,mode=readline \
        "$@" <"$dir/to" >"$dir/from" 2>"$dir/qemu.log" &
    VM_PID=$!
    exec {VM_TO}>"$dir/to" {VM_FROM}<"$dir/from"
    VM_DIR=$dir
}

machine_monitor() {
    printf '%s\n' "$@" >>"$VM_DIR/monitor.in"
}

machine_alive() {
    [[ -n ${VM_PID:-} ]] && kill -0 "$VM_PID" 2>/dev/null
}

machine_stop() {
    [[ -n ${VM_PID:-} ]] || return 0
    kill -KILL "$VM_PID" 2>/dev/null || true
    wait "$VM_PID" 2>/dev/null || true
    exec {VM_TO}>&- {VM_FROM}<&-
    VM_PID=
}

# machine_wait_ready SECONDS: a machine that boots says so.
machine_wait_ready() {
    local line=
    until [[ $line == "vm-agent: ready" ]]; do
        IFS= read -r -t "$1" -u "$VM_FROM" line || return 1
    done
}

# send_request TIMEOUT TOKEN SCRIPT INPUT: as agent.c wants it.
send_request() {
    local lengths
    lengths=$(stat -L -c %s "$3" "$4" | tr '\n' ' ')
    {
        printf 'run %d %d %s %s\n' "$1" "$EPOCHSECONDS" "$lengths" "$2"
        cat "$3" "$4"
    } 2>/dev/null || true
}

# machine_ask TIMEOUT SCRIPT-FILE INPUT-FILE CODE-FILE: prints what the script says, as it says it.
# Its exit code goes to CODE-FILE, or "rebooted" when the machine did; no such file means that the
# machine did not answer. The guest enforces the time limit; should the guest itself hang, the
# host's is a little longer.
machine_ask() {
    local timeout=$1 script=$2 input=$3 code=$4 token reader writer
    token=END-$BASHPID-$SRANDOM$SRANDOM
    rm -f "$code"
    # Reads byte by byte, so that nothing of a later answer is swallowed, and stops at the token.
    timeout --kill-after=1 $((timeout + 30)) \
        sed -u -n -e "/^$token /{s/^$token //w $code.new"$'\n'"q}" \
        -e "/^vm-agent: ready$/{s/.*/rebooted/w $code.new"$'\n'"q}" -e p <&"$VM_FROM" &
    reader=$!
    # In the background: a machine that hangs does not read.
    send_request "$timeout" "$token" "$script" "$input" >&"$VM_TO" &
    writer=$!
    wait "$reader" || true
    kill "$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true
    [[ -s $code.new ]] && mv "$code.new" "$code"
}

# machine_run TIMEOUT: the script on standard input; fails as it does.
machine_run() {
    local timeout=$1
    cat >"$VM_DIR/script"
    machine_ask "$timeout" "$VM_DIR/script" "${2:-/dev/null}" "$VM_DIR/code" ||
        die "the machine does not answer: $(tail -n 5 "$VM_DIR/console.log")"
    return "$(<"$VM_DIR/code")"
}

# machine_freeze STATE-FILE: the machine ends with it.
machine_freeze() {
    local state=$1 i
    machine_monitor "migrate_set_capability x-ignore-shared on" \
        "migrate \"exec:cat >$state.new && mv $state.new $state\""
    for ((i = 0; i < 600; i++)); do
        [[ -e $state ]] && break
        machine_alive || die "the machine ended while it was frozen: $(<"$VM_DIR/qemu.log")"
        sleep 0.05
    done
    # Quitting writes out what the disk's image still holds in memory.
    machine_monitor quit
    wait "$VM_PID" || true
    exec {VM_TO}>&- {VM_FROM}<&-
    VM_PID=
    [[ -e $state ]] || die "the machine could not be frozen"
}

ram_args() {
    printf 'memory-backend-file,id=ram,size=%s,mem-path=%s,share=%s' "$VM_RAM" "$1" "$2"
}

# machine_resume STATE-FILE: for a machine started with "-incoming defer".
machine_resume() {
    machine_monitor "migrate_set_capability x-ignore-shared on" "migrate_incoming \"exec:cat $1\""
}

# KVM is taken only after it has booted something: a /dev/kvm may be there and hang every guest.
probe_kvm() {
    local image=$1 log=$2
    [[ -w /dev/kvm ]] || return 1
    timeout --kill-after=1 10 qemu-system-x86_64 -nodefaults -no-user-config -nic none -display none -no-reboot \
        -machine pc -accel kvm -cpu max -m 256M -kernel "$image/vmlinuz" -initrd "$image/initrd" \
        -append "console=ttyS0 quiet phoenixd.probe" -serial "file:$log" >/dev/null 2>&1 || true
    grep -q 'probe: alive' "$log" 2>/dev/null
}

# accelerator IMAGE: kvm or tcg; found out once for a kernel and a QEMU.
accelerator() {
    local answer
    answer=$VM_CACHE/accelerator-$(digest "$(uname -rv)" "$(qemu_version)" "$(stat -c %Y /dev/kvm 2>/dev/null)")
    if [[ -n ${PHOENIXD_VM_ACCEL:-} ]]; then
        echo "$PHOENIXD_VM_ACCEL"
        return
    fi
    if [[ ! -s $answer ]]; then
        if probe_kvm "$1" "$answer.log"; then echo kvm; else echo tcg; fi >"$answer.new"
        mv "$answer.new" "$answer"
        rm -f "$answer.log"
        say "machines run with $(<"$answer")"
    fi
    cat "$answer"
}
