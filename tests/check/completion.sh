#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What bash offers for phoenixctl is what it has: completion.sh PROGRAM COMPLETION SNAPSHOT
set -eu

program=${1:?usage: completion.sh PROGRAM COMPLETION SNAPSHOT}
completion=${2:?usage: completion.sh PROGRAM COMPLETION SNAPSHOT}
snapshot=${3:?usage: completion.sh PROGRAM COMPLETION SNAPSHOT}
failed=0

# In the place of a phoenixd that answers. Called by the completion.
# shellcheck disable=SC2317
phoenixctl() {
    if [[ $1 == list ]]; then
        "$program" "$@" --from "$snapshot"
    else
        "$program" "$@"
    fi
}

# shellcheck source=/dev/null
. "$completion"

# offers EXPECTED WORD...: the last word is being typed.
offers() {
    local expected=$1
    shift
    COMP_WORDS=(phoenixctl "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _phoenixctl
    [[ ${COMPREPLY[*]} == "$expected" ]] && return
    echo "for '$*': expected '$expected', found '${COMPREPLY[*]}'"
    failed=1
}

offers 'reconcile reload restart resume' re
offers 'status' --json sta
offers 'profiles containers' list ''
offers '910' explain 91
offers '953 954 955' advise 95
offers 'lxc-db lxc-web' status lxc-
offers '--reason=' suspend --rea
offers '--json' posture --js
exit "$failed"
