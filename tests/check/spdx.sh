#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file that can hold a comment names its licence in one of its first three lines. The others
# are listed here and have theirs from .reuse/dep5. Where reuse is installed, it checks both.
# usage: spdx.sh SOURCE_ROOT
set -u

root=${1:?usage: spdx.sh SOURCE_ROOT}
cd "$root" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What git has, or every file where there is no git: in an unpacked archive, and in a tree of bad/.
if [ -e .git ]; then
        git ls-files
else
        find . -type f ! -path './build*' | sed 's|^\./||'
fi | LC_ALL=C sort >"$scratch/files"

# No comment is possible, or its line would be counted: expected messages name lines of these inputs.
cat >"$scratch/without" <<'END'
^LICENSE$
^LICENSES/
^\.reuse/
\.json$
\.json\.in$
\.patch$
^(config/site/)?debian/(changelog|copyright|phoenixd\.docs|source/format)$
^tests/check/[a-z-]*\.txt$
^tests/check/ctl/
^tests/fuzz/corpus/
^tests/golden/cases/
^tests/golden/pve/
^tests/unit/fixtures/.*\.(txt|bin)$
^tests/check/bad/sbom/
^tests/check/bad/spdx/
^tests/check/bad/version/debian/changelog$
END
grep -vE -f "$scratch/without" "$scratch/files" >"$scratch/sources"

# In pieces, so that reuse does not take the pattern for a line of its own.
tag='SPDX-License-Identifier'
# shellcheck disable=SC2016 # awk's fields
xargs awk -v wanted="$tag: GPL-2[.]0-or-later( [*]/| -->|)\$" '
        FNR > 3 { nextfile }
        $0 ~ wanted { print FILENAME; nextfile }' <"$scratch/sources" |
        LC_ALL=C sort >"$scratch/named"
missing=$(LC_ALL=C comm -23 "$scratch/sources" "$scratch/named")
if [ -n "$missing" ]; then
        printf 'no %s in the first three lines:\n%s\n' "$tag" "$missing" >&2
        exit 1
fi
[ -s "$scratch/sources" ] || { echo "no sources found below $root" >&2; exit 1; }

if [ -e .git ] && command -v reuse >/dev/null; then
        reuse lint >"$scratch/reuse" 2>&1 || { cat "$scratch/reuse" >&2; exit 1; }
fi
