#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No source file, of a test either, has more lines than a reader can hold: it is divided by subject.
# usage: lengths.sh SOURCE_ROOT [LIMIT]
set -u

root=${1:?usage: lengths.sh SOURCE_ROOT [LIMIT]}
limit=${2:-600}
cd "$root" || exit 1

files=$(find lib daemon tests -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \) 2>/dev/null)
if [ -z "$files" ]; then
        echo "$root: no files found"
        exit 1
fi
# shellcheck disable=SC2086 # No name in the tree has a blank.
awk -v limit="$limit" '
        { lines[FILENAME] = FNR }
        END {
                for (file in lines)
                        if (lines[file] > limit) {
                                printf "%s: %d lines, expected at most %d\n", file, lines[file], limit
                                found = 1
                        }
                exit found
        }
' $files
