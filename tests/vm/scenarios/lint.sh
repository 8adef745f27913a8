# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# A profile that its container may leave is in force, and said to be such: by status, posture and the
# journal, with the line that brings it; what is meant to be so is accepted by name.

mkdir -p "$SOURCES"
cat >"$SOURCES/lxc-leave" <<'PROFILE'
include <tunables/global>
profile lxc-leave flags=(attach_disconnected,mediate_deleted) {
  include <abstractions/lxc/container-base>
  include <abstractions/lxc/start-container>
}
PROFILE
configure db=lxc-leave
start_daemon
check "in sync all the same" settled 40
start_container db
check "it is confined, and may leave" wait_until 10 status_like '^In sync: .*0 of 1 container confined, 1 may leave'

lint_of() { phoenixctl status --json | jq -r --arg rule "$1" '.profiles[] | select(.name == "lxc-leave") | .lints[] | select(.rule == $rule) | .'"$2"; }
escape_of() { phoenixctl posture --json | jq -r '.containers[] | select(.id == "db") | .escape'; }
posture_exits() {
    local status=0
    phoenixctl posture --quiet || status=$?
    equals "$status" "$1"
}
check "status names the line of the include" prints 4 lint_of may-leave line
check "and the file and the rule in it" prints_like 'start-container' lint_of may-leave included_file
check "and the rule" prints 'change_profile -> unconfined' lint_of may-leave source
check "the page has it, too" prints_like "Warning: +the container may leave .* \[PHX101 may-leave\]" phoenixctl status db
check "posture says so" prints_like 'db +[^ ]+ +may-leave ' phoenixctl posture
check "in JSON, too" prints may-leave escape_of
check "and by its exit status" posture_exits 2
check "the journal has it" journal_has 'lxc-leave: the container may leave its confinement: .*PHX101 may-leave'
check "and other rules" journal_has 'lxc-leave: .*PHX107 block-devices'
for _ in 1 2 3; do
    phoenixctl reconcile --wait >/dev/null
done
check "once" equals "$(journal_count 'PHX101 may-leave')" 1

say "it is true"
check "one write leaves it" prints unconfined inside db 'echo changeprofile unconfined >/proc/self/attr/current; cat /proc/self/attr/current'

say "accepted by name"
set_setting accept '[{"rule":"may-leave","profile":"lxc-leave","reason":"it starts containers"},{"rule":"PHX110","profile":"lxc-other","reason":"none such"}]'
systemctl reload phoenixd
check "it is accepted, with the reason" wait_until 20 prints 'it starts containers' lint_of may-leave accepted
check "status shows it as such" prints_like 'Accepted: .*PHX101 may-leave\]: accepted: it starts containers' phoenixctl status db
check "posture, too" prints may-leave-accepted escape_of
check "which is no reason to exit with 2" posture_exits 0
check "an acceptance of nothing is noted" prints_like 'Notes: +the settings accept kernel-capabilities \(PHX110\) of lxc-other' phoenixctl status
check "validate says the same" prints_like 'lxc-leave:4: note: .*accepted: it starts containers' phoenixctl validate
check "all is in sync" in_sync

say "nothing is asked again"
revision_before=$(revision)
phoenixctl reconcile --wait >/dev/null
check "no policy was loaded" equals "$(revision)" "$revision_before"
