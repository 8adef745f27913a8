#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/news.py writes results into the section of the newest version, each step's last one, and leaves the rest.
# usage: news.sh SOURCE_ROOT
set -eu

root=${1:?usage: news.sh SOURCE_ROOT}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

record() { "$root/tests/news.py" "$scratch/NEWS.md" suites crash seeded; }

cp "$root/tests/check/news/before.md" "$scratch/NEWS.md"
printf '%s\n' '2026-02-02 89abcde+ seeded: 3 passed, 1 failed' '2026-02-02 89abcde+ suites: 8 passed, 1 failed' \
        '2026-02-02 89abcde+ crash: no result' | record
echo '2026-02-03 89abcde suites: 9 passed, 0 failed' | record
diff -u "$root/tests/check/news/after.md" "$scratch/NEWS.md"
if echo 'no result at all' | record 2>/dev/null; then
        echo "a line that is no result was taken" >&2
        exit 1
fi
diff -u "$root/tests/check/news/after.md" "$scratch/NEWS.md"
