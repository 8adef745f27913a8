#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The version is meson.build's. The newest entries of debian/changelog and NEWS.md, and what README shows, have the
# same, and so does the tag where the tree is that of a release.
# usage: version.sh SOURCE_ROOT
set -u

root=${1:?usage: version.sh SOURCE_ROOT}
cd "$root" || exit 1
version=$(sed -n "s/^ *version: '\([0-9.]*\)',\$/\1/p" meson.build)
failed=0

[ -n "$version" ] || { echo "meson.build: no version found" >&2; exit 1; }

# expect FILE FOUND...: one or more, and all of them the version.
expect() {
        file=$1
        shift
        [ $# -gt 0 ] || set -- none
        for found; do
                [ "$found" != "$version" ] || continue
                echo "$file: has version $found, expected $version, which meson.build has" >&2
                failed=1
        done
}

# shellcheck disable=SC2046 # versions are words
expect debian/changelog $(sed -n '1s/^phoenixd (\(.*\)-[^-]*) .*/\1/p' debian/changelog)
# shellcheck disable=SC2046
expect NEWS.md $(sed -n 's/^# \([0-9.]*\).*/\1/p' NEWS.md | head -n 1)
# shellcheck disable=SC2046
expect README.md $(sed -n 's/^\* phoenixd \([0-9.]*\): .*/\1/p' README.md)
if [ -e .git ]; then
        # shellcheck disable=SC2046
        set -- $(git tag --points-at HEAD --list 'v[0-9]*' | sed 's/^v//')
        [ $# -eq 0 ] || expect "the tag of this commit" "$@"
fi
exit "$failed"
