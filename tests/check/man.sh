#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The man pages head every key that the parsers know, and no other: man.sh PRINT_KEYS MAN_DIRECTORY
# PRINT_KEYS is what print-keys.c builds; MAN_DIRECTORY holds the built pages.
set -eu

print_keys=$1
pages=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Each key is headed as '.BR KEY " (TYPE, RANGE; default VALUE)"'.
headings() {
    sed -n 's/^\.BR \([a-z_]*\) " \((.*)\)"$/\1 \2/p' "$pages/$1" | LC_ALL=C sort
}

compare() {
    LC_ALL=C sort "$work/known" >"$work/sorted"
    if ! diff -u --label "what the parser knows" --label "$1" "$work/sorted" "$work/told"; then
        failed=1
    fi
}

"$print_keys" settings >"$work/known"
headings phoenixd.json.5 >"$work/told"
compare phoenixd.json.5

"$print_keys" configuration >"$work/known"
headings phoenix_lxc_configs.json.5 | cut -d ' ' -f 1 >"$work/told"
compare phoenix_lxc_configs.json.5

# Each rule is headed as '.It PHX101 NAME: SUMMARY'.
"$print_keys" rules >"$work/known"
sed -n 's/^\.It \(PHX[0-9]* .*\)$/\1/p' "$pages/phoenixd-rules.7" | LC_ALL=C sort >"$work/told"
compare phoenixd-rules.7

# Prose has one sentence a line, which mandoc calls too long.
if command -v mandoc >/dev/null; then
    for page in "$pages"/*.[1-8]; do
        mandoc -T lint -W warning "$page" || failed=1
    done
fi

exit "$failed"
