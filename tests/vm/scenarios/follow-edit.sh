# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A rule that is added to a profile is enforced on the running container two seconds after the save at the latest, plus the time of
# the compile, and no task is seen outside the profile meanwhile.

put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync after the first start" settled 30
start_container web
inside web 'echo hello >/tmp/secret'
check "the file can be read" inside web 'cat /tmp/secret'

sample_labels web 120 3 /run/labels &
sampler=$!
sleep 0.5
compile_start=$(now_ms)
profile_text lxc-web 'deny /tmp/secret r,' >/tmp/measure
apparmor_parser --config-file=/dev/null -K -Q -S /tmp/measure >/dev/null
compile=$(($(now_ms) - compile_start))
denied() { ! inside web 'cat /tmp/secret' >/dev/null 2>&1; }
cursor=$(journal_cursor)
saved=$(now_ms)
put_profile lxc-web 'deny /tmp/secret r,'
check "the read is denied in the running container" wait_until 20 denied
took=$(($(now_ms) - saved))
say "a compile takes ${compile} ms here; enforced after ${took} ms"
# The machine under the machine may be busy with other things: its time is told, and gates only what is out of all proportion.
check "in time" test "$took" -lt $((3 * (2000 + compile)))
check "with one compile and one load" prints 1 journal_count 'the policy was loaded into the kernel' "$cursor"
check "in sync again" settled 20
kill -TERM "$sampler"
wait "$sampler" || true
check "the sampler saw tasks" grep -q 'lxc-web (enforce)' /run/labels
check "and none outside the profile" equals "$(grep -vE 'lxc-web \(enforce\)|^#' /run/labels)" ""
