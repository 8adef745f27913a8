#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What --help lists and what the manual page lists are the same options.
# usage: options.sh PROGRAM MANUAL_PAGE
set -eu

program=${1:?usage: options.sh PROGRAM MANUAL_PAGE}
manual=${2:?usage: options.sh PROGRAM MANUAL_PAGE}

helped=$("$program" --help | sed -n '/^ *-/p' | grep -oE '(^|[ ,])--?[a-z][a-z-]*' |
        tr -d ' ,' | sort -u)
described=$(sed -n 's/^\.It \(Fl .*\)$/\1/p' "$manual" | grep -oE 'Fl -?[a-z][a-z-]*' |
        sed 's/^Fl /-/' | sort -u)

if [ -z "$helped" ] || [ "$helped" != "$described" ]; then
        echo "--help lists:" "$helped"
        echo "$manual lists:" "$described"
        exit 1
fi
