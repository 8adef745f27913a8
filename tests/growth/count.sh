# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For growth.sh and offline.sh: counts instructions, so that nothing depends on the load of the machine.

# With it, glibc fills the rest of a free chunk anew whenever a part of it is taken.
unset MALLOC_PERTURB_

if ! command -v valgrind >/dev/null; then
    echo "skipped: no valgrind" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count PIDFD EXPECTED-STATUS [VALGRIND-OPTION...] -- PROGRAM [ARGUMENT...]: the instructions of PROGRAM, which
# must end with that status. PIDFD is the library that pidfd.c makes.
count() {
    local pidfd=$1 expected=$2 options=() status=0
    shift 2
    while [[ $1 != -- ]]; do options+=("$1") && shift; done
    shift
    (cd "$work" && LD_PRELOAD=$pidfd valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --trace-children=no "${options[@]}" "$@" 2>log >out) || status=$?
    [[ $status -eq $expected ]] || { cat "$work/log" >&2 && return 1; }
    sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$work/log" | tail -n 1 # children end before
}
