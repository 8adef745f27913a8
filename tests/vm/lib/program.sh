# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The program: compiled in the build root of the guest's release, installed into a payload that the
# guest unpacks.

PROGRAM_SOURCE=${PHOENIXD_VM_SOURCE:-$VM_SOURCE}
MESON_OPTIONS=(-Dprefix=/usr -Dsysconfdir=/etc --buildtype=debugoptimized -Dtests=disabled -Dbench=true -Dwerror=true)

# What this tree is compiled in stays, so that only what changed is compiled again. Each working
# tree has its own, for each suite.
program_dir() {
    local buildroot
    buildroot=$(layer_id "$(buildroot_dir "$1")")
    echo "$VM_CACHE/$(suite_of "$1")/program-$(digest "$PROGRAM_SOURCE" "$buildroot" "${MESON_OPTIONS[@]}")"
}

program_files() {
    find "$PROGRAM_SOURCE" -mindepth 1 \
        \( -name .git -o -name 'build*' -type d -o -path "$PROGRAM_SOURCE/.cache" \
        -o -path "$PROGRAM_SOURCE/tests/vm" \) -prune \
        -o -type f ! -name '*~' ! -name '.*.swp' -print0 | LC_ALL=C sort -z
}

program_digest() {
    program_files | xargs -0 sha256sum | sha256sum | cut -c1-16
}

# build_program RELEASE: sets VM_PAYLOAD.
build_program() {
    local dir
    [[ -e $PROGRAM_SOURCE/meson.build ]] ||
        die "$PROGRAM_SOURCE has no meson.build: only scenarios with '# snapshot: booted' can run"
    dir=$(program_dir "$1")
    VM_PAYLOAD=$dir/payload-$(program_digest).tar
    [[ -e $VM_PAYLOAD ]] || locked "$(basename "$dir")" make_payload "$1" "$dir" "$VM_PAYLOAD"
    touch "$VM_PAYLOAD"
}

make_payload() {
    local release=$1 dir=$2 payload=$3 begin=$EPOCHREALTIME log=$2/log
    [[ -e $payload ]] && return
    mkdir -p "$dir"
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_buildroot "$(buildroot_dir "$release")/root" --bind "$PROGRAM_SOURCE" /src --bind "$dir" /build \
        sh -euc '
            [ -e /build/meson/build.ninja ] || { rm -rf /build/meson; meson setup "$@" /build/meson /src; }
            ninja -C /build/meson -k 0
            rm -rf /build/dest
            mkdir /build/dest
            DESTDIR=/build/dest meson install -C /build/meson --no-rebuild --quiet
        ' - "${MESON_OPTIONS[@]}" >"$log" 2>&1 || {
        grep -E -B 3 -A 6 'error:|ERROR:' "$log" >&2 || tail -n 60 "$log" >&2
        die "the program does not compile on $release: all of it is in $log"
    }
    # The same files make the same bytes, and so the same snapshot.
    tar -c -C "$dir/dest" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -f "$payload.new" .
    mv "$payload.new" "$payload"
    find "$dir" -maxdepth 1 -name 'payload-*' -mtime +1 -delete
    say "compiled the program for $release in $(seconds_since "$begin") s"
}

# build_installed RELEASE: sets VM_INSTALLED.
build_installed() {
    build_program "$1"
    VM_INSTALLED=$(installed_dir "$1" "$VM_PAYLOAD")
    layer "$VM_INSTALLED" make_installed "$1" "$VM_PAYLOAD"
    hold_layer "$VM_INSTALLED"
    prune_layers 8 "$VM_CACHE/$1"/installed-*
}
