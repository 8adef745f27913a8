# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# However the change comes - a storm, an overflow, a replaced directory, an editor's rename, a slow writer - the daemon ends on the
# final content.

put_profile lxc-web
configure web=lxc-web
start_daemon
check "in sync after the first start" settled 30
content_is_in_force() {
    same_file "$SOURCES/lxc-web" "$DEPLOYED/lxc-web" && in_sync && [[ $(loaded_hash lxc-web) != "$1" ]]
}

say "an event storm with an overflow"
sysctl -q fs.inotify.max_queued_events=64
systemctl restart phoenixd
check "in sync" settled 20
hash=$(loaded_hash lxc-web)
cursor=$(journal_cursor)
for i in $(seq 2000); do : >"$SOURCES/.junk$((i % 50))"; done
put_profile lxc-web 'deny /etc/storm r,'
for i in $(seq 2000); do : >"$SOURCES/.junk$((i % 50))"; done
rm -f "$SOURCES"/.junk*
check "the change was seen" wait_until 10 content_is_in_force "$hash"
check "one load" prints 1 journal_count 'the policy was loaded into the kernel' "$cursor"

say "a replaced directory"
hash=$(loaded_hash lxc-web)
cp -a "$SOURCES" "$SOURCES.new"
profile_text lxc-web 'deny /etc/replaced r,' >"$SOURCES.new/lxc-web"
mv "$SOURCES" "$SOURCES.old" && mv "$SOURCES.new" "$SOURCES"
check "its content is in force" wait_until 10 content_is_in_force "$hash"
hash=$(loaded_hash lxc-web)
put_profile lxc-web 'deny /etc/after r,'
check "changes in the new one are seen" wait_until 10 content_is_in_force "$hash"
profile_text lxc-web >"$SOURCES.old/lxc-web"
sleep 1
check "changes in the old one are not" content_is_in_force "$hash"

say "a slow writer"
hash=$(loaded_hash lxc-web)
cursor=$(journal_cursor)
profile_text lxc-web 'deny /etc/slow r,' >/tmp/slow
exec 7>"$SOURCES/lxc-web"
while IFS= read -r line; do
    echo "$line" >&7
    sleep 0.25
done </tmp/slow
check "nothing was said about the half of it" equals "$(journal_count 'refused|lxc-web: line' "$cursor")" 0
check "nothing was done meanwhile" prints "$hash" loaded_hash lxc-web
exec 7>&-
check "the final content is in force" wait_until 10 content_is_in_force "$hash"

say "an editor that writes a backup and renames"
hash=$(loaded_hash lxc-web)
cp "$SOURCES/lxc-web" "$SOURCES/lxc-web~"
profile_text lxc-web 'deny /etc/editor r,' >"$SOURCES/.lxc-web.swp"
mv "$SOURCES/.lxc-web.swp" "$SOURCES/lxc-web"
check "the new content is in force, the backup is nobody's profile" wait_until 10 content_is_in_force "$hash"
