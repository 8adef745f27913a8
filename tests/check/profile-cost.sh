#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shipped profiles cost, beside Debian's profile for nesting: the size of the compiled
# policy, and the instructions that compiling takes. profile-cost.sh SOURCE_ROOT [LIMIT]
#
# The limit is twice Debian's, in hundredths. It is for the parser of Debian 12, and what another
# one makes is told and not judged; so is the time, which a busy machine draws out.
set -euo pipefail

source_root=$1
limit=${2:-200}
profiles=(lxc-baseline lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1)
judged=
[[ $(apparmor_parser -V 2>/dev/null | head -n 1) == *' 3.0.'* ]] && judged=yes
[[ $# -lt 2 ]] || judged=yes

base=/etc/apparmor.d
debian=$base/lxc/lxc-default-with-nesting
# The same for both, and with mounts: without a kernel to ask, the parser leaves those rules out.
features=$base/abi/kernel-5.4-vanilla
if ! command -v apparmor_parser valgrind >/dev/null || [[ ! -e $debian || ! -e $features ]]; then
    echo "skipped: no apparmor_parser, no valgrind, or no $debian" >&2
    exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    echo 'include <tunables/global>'
    cat "$debian"
} >"$work/debian"

# compile FILE [WRAPPER…]
compile() {
    local file=$1
    shift

    "$@" apparmor_parser --config-file=/dev/null -K -Q -j0 -M "$features" \
        -I "$source_root/config/apparmor" -b "$base" -S "$file" 2>"$work/said" >"$work/out" ||
        { cat "$work/said" >&2 && return 1; }
}

# Milliseconds of three compiles, in user mode.
spent() {
    local TIMEFORMAT=%U seconds
    seconds=$({ time for _ in 1 2 3; do compile "$1"; done; } 2>&1)
    echo $((10#${seconds/./}))
}

# Thousands of instructions of one compile: the same from run to run.
instructions() {
    compile "$1" valgrind --tool=callgrind --callgrind-out-file=/dev/null
    sed -n 's/.*Collected : \([0-9]*\)[0-9]\{3\}$/\1/p' "$work/said"
}

# too_much NAME WHAT OURS DEBIANS
too_much() {
    [[ -n $judged && $(($3 * 100)) -gt $((limit * $4)) ]] || return 1
    echo "$1: expected at most $limit % of Debian's $2, got $(($3 * 100 / $4)) %" >&2
}

compile "$work/debian"
debian_size=$(stat -c %s "$work/out")
debian_time=
debian_count=

failed=0
for profile in "${profiles[@]}"; do
    file=$source_root/config/apparmor/$profile
    compile "$file"
    size=$(stat -c %s "$work/out")
    # Counting takes a hundred times as long as compiling: not for what is refused already.
    if too_much "$profile" size "$size" "$debian_size"; then
        failed=1
        continue
    fi
    if [[ -z $debian_count ]]; then
        debian_time=$(spent "$work/debian")
        debian_count=$(instructions "$work/debian")
        echo "Debian's: $debian_size bytes, $debian_count thousand instructions," \
            "$debian_time ms for three"
    fi
    count=$(instructions "$file")
    echo "$profile: $size bytes, $((size * 100 / debian_size)) % of Debian's;" \
        "instructions $((count * 100 / debian_count)) %, time $(($(spent "$file") * 100 / debian_time)) %"
    ! too_much "$profile" instructions "$count" "$debian_count" || failed=1
done
exit "$failed"
