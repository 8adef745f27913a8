#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
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
        if ! sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$manual" | grep -q "^\.Dl phoenixctl $verb"; then
                echo "$manual: no example of $verb"
                exit 1
        fi
        # Its own options, too.
        for option in $("$program" help "$verb" | sed -n '/^Options of this verb:/,$s/^  --\([a-z-]*\).*/\1/p'); do
                if ! sed -n "/^\.It Cm $verb\b/,/^\.It Cm /p" "$manual" |
                        grep -q -- "Fl -$option\b"; then
                        echo "$manual: $verb: --$option is not described"
                        exit 1
                fi
        done
done
