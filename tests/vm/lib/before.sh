# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The version before this one, for scenarios with "# before: yes", which find it in before.tar: compiled from the
# history of this tree, in the build root of the guest's release, and installed as its README says.

# 0.1, which had no tag. What came after it is what NEWS.md has for 0.2.0.
BEFORE_COMMIT=33c949dadd1f3fa81c9d3ddb01ec56e5f2537078

# A shallow clone and an unpacked archive do not have it.
has_before() {
    git -C "$VM_SOURCE" cat-file -e "$BEFORE_COMMIT^{commit}" 2>/dev/null
}

# before_dir RELEASE: a layer.
before_dir() {
    echo "$VM_CACHE/$(suite_of "$1")/before-$(digest "$BEFORE_COMMIT" "$(layer_id "$(buildroot_dir "$1")")" -- \
        "$VM_TOP/lib/before.sh")"
}

make_before() {
    local release=$1 dir=$2
    mkdir -p "$dir"/work/{source,build}
    git -C "$VM_SOURCE" archive "$BEFORE_COMMIT" | tar -x -C "$dir/work/source"
    in_buildroot "$(buildroot_dir "$release")/root" --bind "$dir/work/source" /src --bind "$dir/work/build" /build \
        sh -euc '
            meson setup -Dprefix=/usr -Dsysconfdir=/etc --buildtype=debugoptimized -Dtests=disabled /build/meson /src
            ninja -C /build/meson
            DESTDIR=/build/dest meson install -C /build/meson --no-rebuild --quiet
        ' >"$dir/work/log" 2>&1 || {
        tail -n 40 "$dir/work/log" >&2
        die "the version before does not compile on $release"
    }
    tar -c -C "$dir/work/build/dest" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -f "$dir/before.tar" .
    rm -rf --one-file-system "$dir/work"
}

# prepare_before RELEASE: sets VM_BEFORE.
prepare_before() {
    VM_BEFORE=$(before_dir "$1")
    layer "$VM_BEFORE" make_before "$1"
    hold_layer "$VM_BEFORE"
    prune_layers 2 "$VM_CACHE/$(suite_of "$1")"/before-*
}
