# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A profile whose source is gone stays whole for whoever still runs in it, and is gone when nobody does.

put_profile lxc-old
put_profile lxc-other
configure web=lxc-old
start_daemon
check "in sync" settled 30
start_container web
check "it runs in the profile" all_labelled web 'lxc-old (enforce)'

say "the profile gets another name, and the container is not restarted"
put_profile lxc-new
rm "$SOURCES/lxc-old"
configure web=lxc-new
check "the config names the new one" wait_until 15 prints lxc-new effective_profile web
check "a restart is what is left" wait_until 5 status_like '^In sync.* 1 requires restart'
check "the old file is still there" test -e "$DEPLOYED/lxc-old"

say "somebody tidies up, and somebody plays with the old one"
aa-remove-unknown >/dev/null 2>&1 || true
check "who runs stays confined" all_labelled web 'lxc-old (enforce)'
apparmor_parser -r -C -K "$DEPLOYED/lxc-old"
check "it is not left in complain mode" wait_until 10 prints enforce loaded_mode lxc-old
check "and nor is who runs in it" all_labelled web 'lxc-old (enforce)'

say "the restart"
stop_container web
start_container web
check "it runs in the new one" all_labelled web 'lxc-new (enforce)'
gone() { [[ ! -e $DEPLOYED/lxc-old ]]; }
check "the old file is gone" wait_until 10 gone
check "all is well" wait_until 5 status_like '^In sync: 2 profiles? in force, 1 of [0-9]+ containers? confined(, [0-9]+ stopped)?'

say "a source that goes and comes back"
mv "$SOURCES/lxc-new" /tmp/lxc-new
check "it is kept for who refers to it" wait_until 10 status_like 'lxc-new: its source is removed; kept'
mv /tmp/lxc-new "$SOURCES/lxc-new"
check "in sync again" settled 10
check "nobody was less confined" all_labelled web 'lxc-new (enforce)'
