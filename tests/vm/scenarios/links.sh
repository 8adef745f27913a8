# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Profiles and configuration may stand behind symbolic links: what the links lead to is followed, also after they are turned.

mkdir -p /srv/one /srv/conf
put_profile lxc-web
configure web=lxc-web
mv "$SOURCES" /srv/one/profiles
mv "$CONFIG" /srv/conf/containers.json
ln -s /srv/one "$ETC/current"
ln -s current/profiles "$SOURCES"
ln -s /srv/conf/containers.json "$CONFIG"
start_daemon
check "in sync behind links" settled 30

changed() { [[ $(loaded_hash lxc-web) != "$hash" ]]; }
rule() { sed "s|^}|    $1\n}|" /srv/one/profiles/lxc-web; }

say "a tree beside it, and the link turned"
mkdir -p /srv/two/profiles
rule 'deny /etc/one r,' >/srv/two/profiles/lxc-web
hash=$(loaded_hash lxc-web)
ln -s /srv/two "$ETC/next"
mv -T "$ETC/next" "$ETC/current"
check "the other tree is in force" wait_until 15 changed
check "in sync" settled 5
sleep 2

say "an edit in the other tree"
hash=$(loaded_hash lxc-web)
rule 'deny /etc/two r,' >/srv/two/.new
mv /srv/two/.new /srv/two/profiles/lxc-web
check "is followed" wait_until 15 changed

say "an edit of the file that the configuration's link leads to"
sed -i 's/"apparmor_profile": "lxc-web"/"apparmor_profile": "unconfined"/' /srv/conf/containers.json
check "is followed" wait_until 10 prints unconfined effective_profile web
check "in sync" settled 5

say "a directory put aside, and another in its place"
cp -a /srv/two /srv/three
rule 'deny /etc/three r,' >/srv/three/profiles/lxc-web
hash=$(loaded_hash lxc-web)
mv /srv/two /srv/old
mv /srv/three /srv/two
check "the new one is in force" wait_until 15 changed
sleep 2
hash=$(loaded_hash lxc-web)
rule 'deny /etc/four r,' >/srv/two/profiles/lxc-web
check "and followed" wait_until 15 changed
