#!/bin/sh
# What phoenixctl's help lists and what its manual page describes are the same verbs, and each verb
# has a help of its own.
# usage: verbs.sh PROGRAM MANUAL_PAGE
set -eu

program=${1:?usage: verbs.sh PROGRAM MANUAL_PAGE}
manual=${2:?usage: verbs.sh PROGRAM MANUAL_PAGE}

helped=$("$program" --help | sed -n '/^Verbs:/,/^Options:/s/^  \([a-z]*\) .*/\1/p' | sort -u)
described=$(sed -n '/^\.Sh VERBS/,/^\.Sh EXIT/s/^\.It Cm \([a-z]*\).*/\1/p' "$manual" | sort -u)

if [ -z "$helped" ] || [ "$helped" != "$described" ]; then
        echo "--help lists:" "$helped"
        echo "$manual describes:" "$described"
        exit 1
fi
for verb in $helped; do
        "$program" "$verb" --help | grep -q "^phoenixctl $verb "
done
