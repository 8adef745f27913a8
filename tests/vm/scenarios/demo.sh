# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The main job, told as it happens. Lines with ">" are what the operator does, the others are the daemon's own journal and status.

follow() {
    journalctl -u phoenixd -f -n 0 -o cat 2>/dev/null | sed -u 's/^/    journal  /' &
    follower=$!
}
status() {
    sleep "${1:-1}"
    printf '    status   %s\n' "$(status_text)"
}
act() {
    printf '\n> %s\n' "$*"
}

printf '%s, kernel %s, AppArmor in this machine: %s\n' "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(uname -r)" "$(cat /sys/module/apparmor/parameters/enabled)"
put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=lxc-db 910=unconfined
start_container web
printf 'container web runs, and is %s\n' "$(labels web | sort -u)"

act "systemctl start phoenixd: drift in every layer is found and repaired"
follow
start_daemon
status
check "everything is in sync" in_sync
act "restart the container, as the status asks"
stop_container web
start_container web
status
check "all its tasks are confined" all_labelled web "lxc-web (enforce)"

act "edit lxc-web: add 'deny /tmp/secret r,' while the container runs"
inside web 'echo s3cret >/tmp/secret'
printf '    inside   cat /tmp/secret: %s\n' "$(inside web 'cat /tmp/secret' 2>&1)"
put_profile lxc-web 'deny /tmp/secret r,'
denied() { ! inside web 'cat /tmp/secret' >/dev/null 2>&1; }
check "the rule is enforced on the running container" wait_until 10 denied
printf '    inside   cat /tmp/secret: %s\n' "$(inside web 'cat /tmp/secret' 2>&1 || true)"
status

act "break lxc-web in line 5"
sed -i '5i\    netwerk bogus,' "$SOURCES/lxc-web"
check "it is refused, with its line" wait_until 10 status_like 'lxc-web: line [0-9]+.*last known good in force'
status 0
check "the last good one is still enforced" denied
act "fix it"
sed -i '/netwerk/d' "$SOURCES/lxc-web"
check "in sync by itself" settled 10
status 0

act "somebody loads lxc-db in complain mode, edits the deployed file and the container's config"
apparmor_parser -r -K -C "$DEPLOYED/lxc-db"
echo '# mine' >>"$DEPLOYED/lxc-db"
echo 'lxc.include = /usr/share/lxc/config/nesting.conf' >>/var/lib/lxc/db/config
repaired() { [[ $(loaded_mode lxc-db) == enforce && $(effective_profile db) == lxc-db ]] && same_file "$SOURCES/lxc-db" "$DEPLOYED/lxc-db"; }
check "all three are repaired" wait_until 10 repaired
status

act "write garbage into phoenix_lxc_configs.json"
cp "$CONFIG" /tmp/good.json
echo '{ "lxc_configs": { "web": { "apparmor_profil": "unconfined" } } }' >"$CONFIG"
check "it is refused, with what was meant" wait_until 5 status_like 'apparmor_profile'
status 0
cp /tmp/good.json "$CONFIG"
check "in sync by itself when it is back" settled 10

act "systemctl stop phoenixd: nothing changes"
systemctl stop phoenixd
check "the container is still confined" all_labelled web "lxc-web (enforce)"
sleep 0.5
kill "$follower" 2>/dev/null || true
