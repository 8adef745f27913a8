#!/bin/bash
# growth.sh PHOENIXCTL
#
# Four times as many containers cost validate and advise not much more than four times as much. What
# is counted is instructions, so that nothing depends on the load of the machine.
set -euo pipefail
# With it, glibc fills the rest of a free chunk anew whenever a part of it is taken.
unset MALLOC_PERTURB_

phoenixctl=$(realpath "$1")
few=150
many=600
highest=44 # tenths

if ! command -v valgrind >/dev/null; then
    echo "skipped: no valgrind" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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

# instructions ARGUMENT...
instructions() {
    local status=0
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --trace-children=no \
        "$phoenixctl" "$@" >/dev/null 2>"$work/log" || status=$?
    # Something is found, and something is to be advised.
    case $1:$status in validate:0 | advise:2) ;; *) cat "$work/log" >&2 && return 1 ;; esac
    sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$work/log"
}

failed=0
for form in '\n' ''; do
    configuration "$few" "$form" >"$work/few.json"
    configuration "$many" "$form" >"$work/many.json"
    for verb in validate advise; do
        words=("$verb" --quiet)
        [[ $verb = advise ]] && words+=("--root=$work" "--file=$work/few.json") || words+=("$work/few.json")
        one=$(instructions "${words[@]}")
        four=$(instructions "${words[@]/few.json/many.json}")
        echo "$verb: $one instructions for $few containers, $four for $many"
        if [[ $((four * 10)) -gt $((one * highest)) ]]; then
            echo "$verb: grows faster than the file" >&2
            failed=1
        fi
    done
done
exit "$failed"
