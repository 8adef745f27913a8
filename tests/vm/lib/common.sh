# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every entry point needs: where things are, how layers are named, and how two runs stay out of
# each other's way.
#
# Everything built is a *layer*: a directory CACHE/RELEASE/KIND-KEY, whose key is a digest of what
# went in. A layer is made under a temporary name and renamed when complete, so whatever has the
# final name can be used, and is never changed again.

set -euo pipefail

# What is made here is looked at by a daemon that refuses files which others may write to.
umask 022

VM_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for program.sh
VM_SOURCE=$(cd "$VM_TOP/../.." && pwd)
VM_CACHE=${PHOENIXD_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenixd-vm}

# Raise it when the meaning of a layer changes in a way that no digest sees.
VM_FORMAT=1

say() {
    printf 'vm: %s\n' "$*" >&2
}

die() {
    printf 'vm: error: %s\n' "$*" >&2
    exit 1
}

# What the machine is made of: a suite of Debian, or bookworm with the kernel of its backports, which is the nearest
# that Debian has to Proxmox VE 8.
RELEASES=(bookworm bookworm-backports trixie)

check_release() {
    local release
    for release in "${RELEASES[@]}"; do
        [[ $release != "$1" ]] || return 0
    done
    die "unknown release '$1': one of ${RELEASES[*]}"
}

# suite_of RELEASE: where its programs come from. Its kernel comes from the suite that has its name.
suite_of() {
    echo "${1%-backports}"
}

need_root() {
    [[ $(id -u) -eq 0 ]] || die "must be root: it makes root file systems and device nodes"
}

# digest STRING... -- FILE...: names and bytes of the files count, their times and places do not.
digest() {
    local words=()
    while [[ $# -gt 0 && $1 != -- ]]; do
        words+=("$1")
        shift
    done
    [[ $# -gt 0 ]] && shift
    {
        printf '%s\n' "$VM_FORMAT" "${words[@]}"
        [[ $# -eq 0 ]] || sha256sum -- "$@" | sed "s,  $VM_TOP/,  ,"
    } | sha256sum | cut -c1-16
}

# locked NAME COMMAND...: one builder at a time; the second one finds the finished layer.
locked() {
    local name=$1 fd
    shift
    mkdir -p "$VM_CACHE/locks"
    exec {fd}>"$VM_CACHE/locks/$name"
    flock "$fd"
    "$@" {fd}>&-
    exec {fd}>&-
}

# layer DIR COMMAND...: run COMMAND TEMPORARY-DIR unless DIR exists, then give it its name.
layer() {
    local dir=$1
    shift
    if [[ ! -d $dir ]]; then
        locked "$(basename "$(dirname "$dir")")-$(basename "$dir")" make_layer "$dir" "$@"
    fi
    touch "$dir"
}

make_layer() {
    local dir=$1 begin=$EPOCHREALTIME
    shift
    [[ -d $dir ]] && return
    rm -rf --one-file-system "$dir.new"
    mkdir -p "$dir.new"
    say "making $(basename "$dir") for $(basename "$(dirname "$dir")")"
    "$@" "$dir.new"
    printf '%s\n' "$SRANDOM$SRANDOM$SRANDOM" >"$dir.new/id"
    mv -T "$dir.new" "$dir"
    say "made $(basename "$dir") in $(seconds_since "$begin") s"
}

# What is made twice from the same input differs in a thousand small things, so what builds upon a
# layer builds upon this one: its key has this id in it.
layer_id() {
    cat "$1/id"
}

# hold_layer DIR...: nobody prunes it while this shell lives.
hold_layer() {
    local dir fd
    for dir in "$@"; do
        exec {fd}>>"$dir/use"
        flock -s "$fd"
    done
}

# Old layers are dead weight of some hundred megabytes each. One in use is kept by the lock that its
# user holds.
prune_layers() {
    local keep=$1 dir fd
    shift
    while read -r dir; do
        [[ -e $dir ]] || continue
        exec {fd}>>"$dir/use"
        if flock -n "$fd"; then
            rm -rf --one-file-system "$dir"
        fi
        exec {fd}>&-
    done < <(printf '%s\n' "$@" | xargs -r ls -dt 2>/dev/null | tail -n "+$((keep + 1))")
}

seconds_since() {
    local now=$EPOCHREALTIME
    local microseconds=$((${now/[.,]/} - ${1/[.,]/}))
    printf '%d.%d' $((microseconds / 1000000)) $((microseconds / 100000 % 10))
}
