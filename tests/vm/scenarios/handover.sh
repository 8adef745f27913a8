# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# A restart uses what the last run left in /run/phoenixd, finds what others did in between all the same, and records
# again what the last run may not have recorded.

put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync" settled 40
finding='lxc-web: .*PHX107 block-devices'
check "a finding is recorded" journal_has "$finding"

say "nothing happens in between"
systemctl stop phoenixd
check "the engine leaves what it knows" test -s /run/phoenixd/handover
check "and the loop what it watches" test -s /run/phoenixd/watches
check "which is root's alone" prints $'600 root\n600 root' stat -c '%a %U' /run/phoenixd/handover /run/phoenixd/watches
start_daemon
check "in sync at once" settled 20
check "it is used once" not test -e /run/phoenixd/handover
check "the finding is not recorded again" equals "$(journal_count "$finding")" 1

say "another policy is loaded while phoenixd is stopped"
systemctl stop phoenixd
check "it is left again" test -s /run/phoenixd/handover
apparmor_parser -r -C -K "$DEPLOYED/lxc-web"
check "in complain mode" prints complain loaded_mode lxc-web
start_daemon
check "the policy is restored" wait_until 20 prints enforce loaded_mode lxc-web
check "in sync again" settled 20

say "a profile is saved, and one is deployed by somebody else, while phoenixd is stopped"
systemctl stop phoenixd
hash=$(loaded_hash lxc-web)
put_profile lxc-web 'deny /etc/secret r,'
echo '# by hand' >>"$DEPLOYED/lxc-web"
start_daemon
changed() { [[ $(loaded_hash lxc-web) != "$hash" ]]; }
check "the new one is in force" wait_until 40 changed
check "in sync with it" settled 20
check "the deployed file is the source's" same_file "$SOURCES/lxc-web" "$DEPLOYED/lxc-web"

say "the engine is killed"
count=$(journal_count "$finding")
pkill -KILL -f '^/usr/sbin/phoenixd' -P "$(main_pid)"
check "in sync with the next one" settled 40
recorded_again() { [[ $(journal_count "$finding") -gt $count ]]; }
check "the finding is recorded again" wait_until 20 recorded_again
