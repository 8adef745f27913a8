#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# growth.sh PIDFD PROGRAM pass|take|list|lint|labels [LIMIT]
#
# Four times as many containers take at most 4.4 times as many instructions: what is searched from
# its beginning for each of them takes sixteen. What the loop does for a changed one ("take") does not
# depend on them, but for a copy of pointers and the logarithm that finding one costs.
set -euo pipefail
# shellcheck source=count.sh
. "$(dirname "$0")/count.sh"

pidfd=$(realpath "$1")
program=$(realpath "$2")
what=$3
limit=${4:-440}
few=250

counted=
case $what in
take) counted=take_changed few=2500 ;;
list) counted=look_again ;;
look) counted=look_at_machine_again ;;
unchanged) counted=find_unchanged ;;
labels) counted=look_at_tasks ;;
esac
toggle=()
[[ ! $counted ]] || toggle=(--collect-atstart=no --toggle-collect=$counted)

a=$(count "$pidfd" 0 "${toggle[@]}" -- "$program" "$what" $few)
b=$(count "$pidfd" 0 "${toggle[@]}" -- "$program" "$what" $((4 * few)))
echo "$what: $few containers $a, $((4 * few)) containers $b instructions: $((b * 100 / a)) %"
[[ $((b * 100 / a)) -le $limit ]] ||
    { echo "expected at most $limit % for four times as many" >&2 && exit 1; }
