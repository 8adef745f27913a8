# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Frozen machines: "booted" has Debian and nothing of ours; "installed" has the program too, not
# started.
#
# A snapshot is a layer with ram (the memory), state (the devices) and disk.qcow2 (what was written
# since the image).

# Their names need the layers below them: ask when those are built.
booted_dir() {
    local image
    image=$(image_dir "$1")
    echo "$VM_CACHE/$1/booted-$(digest "$(layer_id "$image")" "$(accelerator "$image")" "$(qemu_version)" -- \
        "$VM_TOP/lib/machine.sh" "$VM_TOP/lib/snapshot.sh" "$VM_TOP/image/settle")"
}

# installed_dir RELEASE PAYLOAD
installed_dir() {
    echo "$VM_CACHE/$1/installed-$(digest "$(layer_id "$(booted_dir "$1")")" -- "$2" "$VM_TOP/image/install")"
}

qemu_version() {
    dpkg-query -W -f '${Version}' qemu-system-x86
}

# Everything that RELEASE needs besides the program. Both trees at once: one waits for the network
# while the other unpacks.
build_machine() {
    local release=$1 suite pid
    suite=$(suite_of "$release")
    layer "$(buildroot_dir "$release")" make_buildroot "$release" &
    pid=$!
    layer "$(kernel_dir "$release")" make_kernel "$release"
    layer "$(tree_dir "$release")" make_tree "$release"
    wait "$pid" || die "no build root"
    layer "$(image_dir "$release")" make_image "$release"
    layer "$(booted_dir "$release")" make_booted "$release"
    hold_layer "$(image_dir "$release")" "$(booted_dir "$release")"
    prune_layers 3 "$VM_CACHE/$suite"/tree-*
    prune_layers 3 "$VM_CACHE/$suite"/buildroot-*
    prune_layers 3 "$VM_CACHE/$release"/kernel-*
    prune_layers 4 "$VM_CACHE/$release"/image-*
    prune_layers 4 "$VM_CACHE/$release"/booted-*
}

overlay() {
    qemu-img create -q -f qcow2 -F "$2" -b "$1" "$3"
}

make_booted() {
    local release=$1 dir=$2 image accel
    image=$(image_dir "$release")
    accel=$(accelerator "$image")
    overlay "$image/disk.img" raw "$dir/disk.qcow2"
    machine_args "$image" "$accel"
    machine_start "$dir/machine" -object "$(ram_args "$dir/ram" on)" -serial "file:$dir/machine/console.log" \
        -drive "file=$dir/disk.qcow2,id=disk,if=none,format=qcow2,cache=unsafe"
    trap machine_stop EXIT
    machine_wait_ready 600 ||
        die "the machine does not boot: $(cat "$dir/machine/qemu.log" "$dir/machine/console.log")"
    machine_run 600 <"$VM_TOP/image/settle" >&2 || die "the booted machine is not healthy"
    machine_freeze "$dir/state"
    trap - EXIT
    rm -r "$dir/machine"
    echo "$image" >"$dir/image"
    echo "$accel" >"$dir/accel"
}

# snapshot_start SNAPSHOT MACHINE-DIR SERIAL: a fresh copy.
snapshot_start() {
    local snapshot=$1 dir=$2 serial=$3
    machine_args "$(<"$snapshot/image")" "$(<"$snapshot/accel")"
    machine_start "$dir" -object "$(ram_args "$snapshot/ram" off)" -serial "$serial" -incoming defer \
        -drive "file=$snapshot/disk.qcow2,id=disk,if=none,format=qcow2,snapshot=on,cache=unsafe"
    machine_resume "$snapshot/state"
}

make_installed() {
    local release=$1 payload=$2 dir=$3 booted
    booted=$(booted_dir "$release")
    cp --sparse=always "$booted/ram" "$dir/ram"
    overlay "$booted/disk.qcow2" qcow2 "$dir/disk.qcow2"
    machine_args "$(<"$booted/image")" "$(<"$booted/accel")"
    machine_start "$dir/machine" -object "$(ram_args "$dir/ram" on)" -incoming defer \
        -serial "file:$dir/machine/console.log" \
        -drive "file=$dir/disk.qcow2,id=disk,if=none,format=qcow2,cache=unsafe"
    trap machine_stop EXIT
    machine_resume "$booted/state"
    machine_run 120 "$payload" <"$VM_TOP/image/install" >&2 || die "the program could not be installed"
    machine_freeze "$dir/state"
    trap - EXIT
    rm -r "$dir/machine"
    cp "$booted/image" "$booted/accel" "$dir/"
}
