# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What is in LXC's directory: containers of any name, links to other storages, and whose the directory itself is.

LXC=/var/lib/lxc
METRICS=/var/lib/prometheus/node-exporter/phoenixd.prom
mkdir -p "${METRICS%/*}" /etc/systemd/system/phoenixd.service.d
printf '[Service]\nReadWritePaths=/srv -%s\n' "${METRICS%/*}" >/etc/systemd/system/phoenixd.service.d/places.conf
systemctl daemon-reload

# add_container NAME: with 910's root.
add_container() {
    mkdir "$LXC/$1"
    sed -e 's/^lxc.uts.name.*/lxc.uts.name = odd/' "$LXC/910/config" >"$LXC/$1/config"
}
odd=$'new\nline\e[31m\xff\xfe \\'
long=$(printf 'x%.0s' {1..255})
add_container my@box
add_container "$odd"
add_container "$long"
add_container .hidden
put_profile lxc-db
put_profile lxc-web
configure db=lxc-db web=lxc-web
set_setting metrics_file "\"$METRICS\""
start_daemon
check "in sync" settled 30
check "all of them are unmanaged" status_like ', 7 unmanaged$'

say "names that no id can have"
lxc-start -n my@box -d
check "one runs" wait_until 20 container_is my@box RUNNING
unmanaged() { phoenixctl status --json | jq -r --arg directory "$1" '.unmanaged[] | select(.directory == $directory) | "\(.running) \(.posture) \(.label)"'; }
check "it is seen, unconfined" wait_until 10 prints 'true unconfined unconfined' unmanaged my@box
check "posture has it" prints_like 'my@box +\(unmanaged\) +unconfined +unconfined' phoenixctl posture
# shellcheck disable=SC1003
check "the worst is plain text" prints 'false stopped null' unmanaged 'new\x0aline\x1b[31m\xff\xfe \x5c'
check "the longest is whole" prints 'false stopped null' unmanaged "$long"
check "so is a hidden one" prints 'false stopped null' unmanaged .hidden
plain() {
    local output
    output=$("$@" 2>&1) || true
    [[ -n $output ]] && not env LC_ALL=C grep -P '[^\x09\x0a\x20-\x7e]' <<<"$output"
}
check "posture on a terminal" plain phoenixctl posture
check "status" plain phoenixctl status
check "the status line" plain status_text
check "the journal" plain journalctl -b -u phoenixd -o cat --all
check "the bus" plain busctl call org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager Describe
check "and its objects" busctl tree org.phoenixd1
check "the metrics" plain cat "$METRICS"
check "the daemon is on the bus still" phoenixctl status --quiet
check "nothing of theirs is written" equals "$(file_hash "$LXC/my@box/config")" "$(file_hash "$LXC/.hidden/config")"
lxc-stop -k -n my@box
check "it has stopped" wait_until 20 prints 'false stopped null' unmanaged my@box

say "a container on another storage"
mkdir -p /srv/fast /srv/shared
mv "$LXC/db" /srv/fast/db
ln -s /srv/fast/db "$LXC/db"
sed -i 's/lxc-db/unconfined/' /srv/fast/db/config
check "its config is repaired through the link" wait_until 15 prints lxc-db effective_profile db
check "in sync" settled 10
check "the link is a link still" test -L "$LXC/db"
start_container db
check "it runs confined" wait_until 10 all_labelled db "lxc-db (enforce)"
check "and is in sync" settled 10
stop_container db
chmod 1777 /srv/shared
mv "$LXC/web" /srv/shared/web
ln -s /srv/shared/web "$LXC/web"
sed -i '/^lxc.apparmor.profile/d' /srv/shared/web/config
before=$(file_hash /srv/shared/web/config)
check "one where others write is refused, with what helps" wait_until 15 status_like "^Degraded: web: .*/web: is a symbolic link that is not followed: .*'shared' is writable by group or others \(mode 1777\)"
sleep 3
retries() { phoenixctl status --json | jq -c '[.drifts[] | select(.object == "web") | .action, .retry_at]'; }
check "nothing is tried" prints '[null,null]' retries
check "and nothing written" equals "$(file_hash /srv/shared/web/config)" "$before"
chmod 755 /srv/shared
phoenixctl reconcile --wait >/dev/null || true
check "when only root writes there it is followed" settled 10
check "and repaired" prints lxc-web effective_profile web

say "whose LXC's directory is"
chown nobody "$LXC"
before=$(file_hash /srv/shared/web/config)
sed -i 's/lxc-web/unconfined/' /srv/shared/web/config
check "somebody's is refused by name" wait_until 15 status_like "^Degraded: lxc_path: $LXC: 'lxc' is owned by uid 65534, expected uid 0"
phoenixctl reconcile --wait >/dev/null || true
check "nothing below it is written" prints_like 'unconfined' cat /srv/shared/web/config
state_of() { phoenixctl list containers --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .state'; }
check "what is in it is unknown, and not missing" prints unknown state_of web
chown root "$LXC"
check "root's is read again" settled 15
check "and repaired" equals "$(file_hash /srv/shared/web/config)" "$before"
