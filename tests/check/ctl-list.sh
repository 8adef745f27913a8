#!/bin/sh
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
assert json.load(sys.stdin) == json.load(open(sys.argv[1]))' "$cases/snapshot.json"
