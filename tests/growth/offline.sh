#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# offline.sh PIDFD PHOENIXCTL
#
# Four times as many containers cost validate and advise not much more than four times as much.
set -euo pipefail
# shellcheck source=count.sh
. "$(dirname "$0")/count.sh"

pidfd=$(realpath "$1")
phoenixctl=$(realpath "$2")
few=150
many=600
highest=44 # tenths

# Each has something to warn about and something to advise, in one line or in many.
configuration() {
    local count=$1 newline=$2
    echo '{ "lxc_configs": {'
    for ((i = 1; i <= count; i++)); do
        printf '%s"%d": { "name": "c%d", "apparmor_profile": "unconfined",%b' \
            "$([[ $i -gt 1 ]] && echo ,)" "$i" "$i" "$newline"
        printf '"features": [ "docker" ], "pct_options": [ "nesting=1" ], "memory_mb": %d,%b' "$i" "$newline"
        printf '"network": { "ip": "10.0.0.%d", "tests": [ { "name": "%d" } ] },%b' "$i" "$i" "$newline"
        printf '"dependencies": [ "%d", "x%d" ],%b' $((i + 1)) "$i" "$newline"
        printf '"lxc_options": [ "lxc.apparmor.profile: x", "lxc.environment=A=%d" ] }%b' "$i" "$newline"
    done
    echo '} }'
}

export XDG_CACHE_HOME=$work
failed=0
for form in '\n' ''; do
    configuration "$few" "$form" >"$work/few.json"
    configuration "$many" "$form" >"$work/many.json"
    for verb in validate advise; do
        words=("$verb" --quiet)
        # Something is found, and something is to be advised.
        status=0
        if [[ $verb = advise ]]; then
            words+=("--root=$work" "--file=$work/few.json")
            status=2
        else
            words+=("$work/few.json")
        fi
        one=$(count "$pidfd" $status -- "$phoenixctl" "${words[@]}")
        four=$(count "$pidfd" $status -- "$phoenixctl" "${words[@]/few.json/many.json}")
        echo "$verb: $one instructions for $few containers, $four for $many"
        if [[ $((four * 10)) -gt $((one * highest)) ]]; then
            echo "$verb: grows faster than the file" >&2
            failed=1
        fi
    done
done
exit "$failed"
