#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What zsh offers for phoenixctl is what it has: completion-zsh.sh PROGRAM COMPLETION SNAPSHOT
set -eu

program=$(realpath "${1:?usage: completion-zsh.sh PROGRAM COMPLETION SNAPSHOT}")
completion=$(realpath "${2:?usage: completion-zsh.sh PROGRAM COMPLETION SNAPSHOT}")
snapshot=$(realpath "${3:?usage: completion-zsh.sh PROGRAM COMPLETION SNAPSHOT}")
failed=0

if ! command -v zsh >/dev/null; then
    echo "skipped: no zsh" >&2
    exit 77
fi

# In the place of zsh's own: what is offered, one a line, of which what begins with the word counts.
# shellcheck disable=SC2016 # it is zsh's to expand
stage='
program=$1 completion=$2 snapshot=$3
shift 3
phoenixctl() {
    if [[ $1 == list ]]; then
        $program "$@" --from $snapshot
    else
        $program "$@"
    fi
}
compadd() {
    while [[ $1 != -- ]]; do shift; done
    shift
    (( $# == 0 )) || print -rl -- "$@"
}
_files() { print files }
words=("$@")
CURRENT=$#
source $completion
'

# offers EXPECTED WORD...: the last word is being typed.
offers() {
    local expected=$1 found
    shift
    found=$(zsh -f -c "$stage" zsh "$program" "$completion" "$snapshot" phoenixctl "$@" |
        grep -- "^${!#}" | sort | tr '\n' ' ')
    [[ $found == "$expected " ]] && return
    echo "for '$*': expected '$expected', found '$found'"
    failed=1
}

offers 'reconcile reload restart resume' re
offers 'status' --json sta
offers 'containers profiles' list ''
offers '910' explain 91
offers '953 954 955' advise 95
offers '910' can 91
offers 'lxc-db lxc-web' suspend lxc
offers '--sort= --state=' list --s
offers '--strict' validate --str
offers 'files' validate ''
exit "$failed"
