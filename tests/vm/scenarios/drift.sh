# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Whatever somebody else changes on the machine is found, named and repaired or reported within two seconds, unasked.

put_profile lxc-web 'deny /etc/secret r,'
put_profile lxc-db
configure web=lxc-web db=lxc-db 910=unconfined
start_daemon
check "in sync after the first start" settled 30
start_container web
check "the running container carries the label" all_labelled web "lxc-web (enforce)"
good=$(loaded_hash lxc-web)

say "somebody loads another text under the same name"
cursor=$(journal_cursor)
profile_text lxc-web >/tmp/lxc-web
apparmor_parser -r -K /tmp/lxc-web
check "the kernel has the source's policy again" wait_until 2 prints "$good" loaded_hash lxc-web
check "it is in the journal, by name" journal_has 'lxc-web.*kernel' "$cursor"
check "and who it was" wait_until 3 journal_has 'lxc-web: another program has replaced its policy in the kernel: apparmor_parser, pid [0-9]+$' "$cursor"
check "in the container's story, too" sh -c "journalctl -q -u phoenixd PHOENIXD_STORY=web PHOENIXD_RECORD=foreign | grep -q apparmor_parser"
check "in sync again" settled 2

say "somebody switches it to complain"
cursor=$(journal_cursor)
apparmor_parser -r -K -C "$DEPLOYED/lxc-web"
check "it is in enforce mode again" wait_until 2 prints enforce loaded_mode lxc-web
check "with the source's hash" wait_until 2 prints "$good" loaded_hash lxc-web
check "the journal tells of the mode" wait_until 3 journal_has 'lxc-web.*mode' "$cursor"

say "somebody removes a profile from the kernel"
cursor=$(journal_cursor)
apparmor_parser -R "$DEPLOYED/lxc-web"
check "it is loaded again" wait_until 2 prints "$good" loaded_hash lxc-web
check "the journal says who removed it" wait_until 3 journal_has 'lxc-web: another program has removed its policy in the kernel: apparmor_parser, pid' "$cursor"
check "what ran in it is unconfined now, and said to need a restart" wait_until 2 status_like '1 requires restart'
check "the journal tells which container" journal_has 'web: .*restart' "$cursor"
stop_container web
start_container web
check "after its restart all is well" wait_until 3 prints_like '^In sync: 2 profiles? in force, 1 of 3 containers confined, 2 stopped(, [0-9]+ unmanaged)?$' status_text

say "somebody edits the deployed file"
echo '# mine' >>"$DEPLOYED/lxc-db"
check "it has the source's bytes again" wait_until 2 same_file "$DEPLOYED/lxc-db" "$SOURCES/lxc-db"
rm "$DEPLOYED/lxc-db"
check "also after it was removed" wait_until 2 same_file "$DEPLOYED/lxc-db" "$SOURCES/lxc-db"

say "somebody edits a container's config"
cursor=$(journal_cursor)
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /var/lib/lxc/db/config
check "the config says the configured profile again" wait_until 2 prints lxc-db effective_profile db
check "the journal tells of the assignment" journal_has 'db.*config' "$cursor"

say "an include after our line overrides it"
echo 'lxc.include = /usr/share/lxc/config/nesting.conf' >>/var/lib/lxc/db/config
check "the effective profile is ours again" wait_until 2 prints lxc-db effective_profile db
check "the include is still there" grep -q nesting.conf /var/lib/lxc/db/config
check "our line is the last one" prints 'lxc.apparmor.profile = lxc-db' tail -n 1 /var/lib/lxc/db/config

say "a link keeps the next boot from loading a profile"
cursor=$(journal_cursor)
mkdir -p "$DEPLOYED/disable"
ln -s "$DEPLOYED/lxc-db" "$DEPLOYED/disable/lxc-db"
check "the status names it" wait_until 2 status_like '^Degraded.*lxc-db.*disable'
check "the journal names it" journal_has 'lxc-db.*disable/lxc-db' "$cursor"
rm "$DEPLOYED/disable/lxc-db"
check "in sync when it is gone" settled 2
