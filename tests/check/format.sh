#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file is as clang-format leaves it.
# usage: format.sh SOURCE_ROOT
set -u

root=${1:?usage: format.sh SOURCE_ROOT}
cd "$root" || exit 1

for tool in clang-format-14 clang-format; do
        command -v "$tool" >/dev/null || continue
        # Other versions break lines elsewhere.
        "$tool" --version | grep -q 'version 14\.' || continue
        find lib daemon tests -name '*.[ch]' -type f -print0 | xargs -0 "$tool" --dry-run --Werror
        exit
done

echo "clang-format 14 is not installed" >&2
exit 77
