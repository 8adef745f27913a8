#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Succeeds when a check fails for the reason that is given: a check that cannot fail checks nothing.
# usage: fails.sh "REASON" CHECK ARGUMENT...
set -u

reason=${1:?usage: fails.sh REASON CHECK ARGUMENT...}
shift

said=$("$@" 2>&1)
case $? in
0)
        echo "expected it to fail: $*" >&2
        exit 1
        ;;
77)
        # It cannot run here, and says why.
        printf '%s\n' "$said" >&2
        exit 77
        ;;
esac
case $said in
*"$reason"*) exit 0 ;;
esac
printf 'expected it to say "%s":\n%s\n' "$reason" "$said" >&2
exit 1
