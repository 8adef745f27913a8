#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What containers need is told by tables that are kept, and made by print-needs.c:
# needs.sh PRINT_NEEDS SOURCE_ROOT
#
# One is of our own example, the other, in phoenixd-profiles(7), of a real configuration, which is
# compared where that is at hand.
set -eu

print_needs=${1:?usage: needs.sh PRINT_NEEDS SOURCE_ROOT}
root=${2:?usage: needs.sh PRINT_NEEDS SOURCE_ROOT}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$print_needs" "$root/config/phoenix_lxc_configs.example.json" >"$work/example"
diff -u "$root/tests/check/needs.txt" "$work/example"

real=${PHOENIXD_SAMPLES:-}/phoenix_lxc_configs.json
if [ ! -e "$real" ]; then
        echo "skipped: the table of the example is right; PHOENIXD_SAMPLES names no real file" >&2
        exit 77
fi
sed -n '/^\.\\" needs: begin$/,/^\.\\" needs: end$/p' "$root/man/phoenixd-profiles.7.in" | grep -v '^\.' | sed 's/\\-/-/g' >"$work/told"
"$print_needs" "$real" >"$work/real"
diff -u "$work/told" "$work/real"
