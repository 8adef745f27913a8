#!/bin/bash
# Four times as many containers take at most 4.4 times as many instructions: what is searched from
# its beginning for each of them takes sixteen. growth.sh PROGRAM pass|list|lint|labels [LIMIT]
set -euo pipefail

# With it, glibc fills the rest of a free chunk anew whenever a part of it is taken.
unset MALLOC_PERTURB_

program=$(realpath "$1")
what=$2
limit=${3:-440}
few=250
if ! command -v valgrind >/dev/null; then
    echo "skipped: no valgrind" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

counted=
case $what in
list) counted=look_again ;;
labels) counted=look_at_tasks ;;
esac
toggle=()
[[ ! $counted ]] || toggle=(--collect-atstart=no --toggle-collect=$counted)

# Thousands of instructions.
instructions() {
    (cd "$work" && valgrind --tool=callgrind "${toggle[@]}" --callgrind-out-file=/dev/null \
        "$program" "$what" "$1" 2>said >out) || { cat "$work/said" >&2 && return 1; }
    sed -n 's/.*Collected : \([0-9]*\)[0-9]\{3\}$/\1/p' "$work/said"
}

a=$(instructions $few)
b=$(instructions $((4 * few)))
echo "$what: $few containers $a, $((4 * few)) containers $b thousand instructions: $((b * 100 / a)) %"
[[ $((b * 100 / a)) -le $limit ]] ||
    { echo "expected at most $limit % for four times as many" >&2 && exit 1; }
