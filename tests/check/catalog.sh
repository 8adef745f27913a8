#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Each message id of the code has an entry in the journal catalog and a line in the manual page, and
# there are no others.
# usage: catalog.sh SOURCE_ROOT
set -eu

root=${1:?usage: catalog.sh SOURCE_ROOT}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

sed -n 's/^#define MESSAGE_[A-Z_]* "\([0-9a-f]\{32\}\)"$/\1/p' "$root/daemon/shared/message-id.h" |
        sort > "$scratch/code"
sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$root/systemd/phoenixd.catalog" |
        sort > "$scratch/catalog"
sed -n 's/^\.It Li \([0-9a-f]\{32\}\)$/\1/p' "$root/man/phoenixd.8.in" | sort > "$scratch/manual"

if [ ! -s "$scratch/code" ]; then
        echo "daemon/shared/message-id.h: no message ids found"
        failed=1
fi
if [ -n "$(uniq -d "$scratch/code")" ]; then
        echo "daemon/shared/message-id.h: used twice:" "$(uniq -d "$scratch/code")"
        failed=1
fi
for other in catalog manual; do
        if ! diff "$scratch/code" "$scratch/$other" > "$scratch/difference"; then
                echo "message ids of the code (<) and of the $other (>) differ:"
                grep '^[<>]' "$scratch/difference"
                failed=1
        fi
done

# An id that is not spelled by its name would be passed over by the above.
if grep -rnE 'MESSAGE_ID=[0-9a-f]|"[0-9a-f]{32}"' "$root/daemon" --include='*.[ch]' |
        grep -v '/message-id\.h:'; then
        echo "message ids belong into daemon/shared/message-id.h"
        failed=1
fi

# Entries need a subject and a body; a field that is filled in must be one that we send.
awk '
        function check() {
                if (id && (!subject || !body)) {
                        print "phoenixd.catalog: " id ": no subject or no text"
                        bad = 1
                }
        }
        /^-- / { check(); id = $2; subject = body = 0; next }
        /^Subject: ./ { subject = 1; next }
        /^[A-Z][A-Za-z-]*: / { next }
        /^$/ { next }
        /^#/ { next }
        { body = 1 }
        END { check(); exit bad }
' "$root/systemd/phoenixd.catalog" || failed=1
for field in $(grep -oE '@[A-Z_]+@' "$root/systemd/phoenixd.catalog" | tr -d @ | sort -u); do
        if ! grep -q "\"${field#PHOENIXD_}\", " "$root/daemon/shared/journal.c"; then
                echo "phoenixd.catalog: @$field@ is not a field of any message"
                failed=1
        fi
done
exit "$failed"
