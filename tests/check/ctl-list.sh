#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What phoenixctl lists of snapshot.json is what was looked at and written down beside it.
# usage: ctl-list.sh PROGRAM DIRECTORY
set -eu

program=${1:?usage: ctl-list.sh PROGRAM DIRECTORY}
cases=${2:?usage: ctl-list.sh PROGRAM DIRECTORY}

for what in profiles containers; do
        "$program" list "$what" --from "$cases/snapshot.json" | diff -u "$cases/$what.txt" -
        [ "$("$program" list "$what" --no-legend --from "$cases/snapshot.json" | wc -l)" -eq \
                $(($(wc -l <"$cases/$what.txt") - 1)) ]
done
"$program" --json list profiles --from "$cases/snapshot.json" | python3 -c '
import json, sys
part, whole = json.load(sys.stdin), json.load(open(sys.argv[1]))
assert part == {"version": 1, "profiles": whole["profiles"], "containers": [], "drifts": [],
    "unmanaged": [], "labels_at": whole["labels_at"]}
' "$cases/snapshot.json"

# Patterns, states and an order.
shown() {
        "$program" list containers --no-legend --from "$cases/pages/snapshot.json" "$@" |
                sed 's/ .*//' | tr '\n' ' '
}
[ "$(shown '95?')" = '953 954 955 ' ]
[ "$(shown --state=unconfined)" = "$(shown --state=unconfined '9*')" ]
[ -n "$(shown --state=unconfined)" ]
[ -z "$(shown --state=nothing)" ]
[ "$(shown --sort=id)" = "$(shown)" ]
[ "$(shown --sort=Profile | wc -w)" = "$(shown | wc -w)" ]
[ "$(shown --sort=Profile)" != "$(shown)" ]
if shown --sort=nothing 2>/dev/null | grep -q .; then
        exit 1
fi
