# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# phoenixctl against the real daemon: what an operator sees and does.

ctl() {
    phoenixctl "$@"
}

# exits STATUS COMMAND...
exits() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    equals "$status" "$expected"
}

says() {
    local expected=$1
    shift
    "$@" >/run/said || true
    grep -qE -- "$expected" /run/said || { echo "no line is like: $expected" && cat /run/said && return 1; }
}

as_nobody() {
    setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}

check "without the daemon it says so" says 'systemctl start phoenixd' sh -c 'phoenixctl status 2>&1'
check "with a status of its own" exits 5 ctl status

mkdir -p /var/lib/prometheus/node-exporter
METRICS=/var/lib/prometheus/node-exporter/phoenixd.prom
put_profile lxc-web
put_profile lxc-db
set_setting metrics_file "\"$METRICS\""
configure web=lxc-web db=unconfined
start_daemon
check "in sync" settled 30
start_container web
start_container db
check "in sync with both running" wait_until 10 status_like '1 of [0-9]+ containers? confined, 1 unconfined'
check "the metrics say so" wait_until 5 grep -qx 'phoenixd_container_postures{posture="unconfined"} 1' "$METRICS"
check "and that all is in sync" grep -qx 'phoenixd_in_sync 1' "$METRICS"
written=$(stat -c %i "$METRICS")
ctl reconcile >/dev/null
check "a look that finds nothing new leaves the file" prints "$written" stat -c %i "$METRICS"
check "status says that all is well" says '^\* phoenixd .*: in-sync$' ctl status
check "by its exit status, too" exits 0 ctl status
check "it counts who is confined" says 'Containers: *1 confined, 1 unconfined' ctl status
check "anybody may ask" says ': in-sync$' as_nobody phoenixctl status
check "the answer in JSON is one" sh -c 'phoenixctl status --json | jq -e ".version == 1 and .health == \"in-sync\""'
check "posture finds who is not confined" exits 2 ctl posture
check "with the profile that would fit" says '^db .*unconfined .*lxc-baseline' ctl posture
check "a container has a page" says 'Runs under: *lxc-web' ctl status web
line=$(grep -n '"apparmor_profile": "lxc-web"' "$CONFIG" | cut -d : -f 1)
check "explain names the configuration, and the line" says "/etc/phoenixd/phoenix_lxc_configs.json:$line$" ctl explain web
check "the source, and the line" says '/etc/phoenixd/apparmor.d/lxc-web:3$' ctl explain web
line=$(grep -n 'lxc.apparmor.profile' /var/lib/lxc/web/config | cut -d : -f 1)
check "and the container's config" says "/var/lib/lxc/web/config:$line$" ctl explain web
check "lists have what is there" says '^web ' ctl list containers
check "an object that is not there is an error" exits 1 ctl status nobody

say "what would be done"
set_setting mode '"observe"'
configure web=lxc-web db=lxc-db
check "when it only observes, the plan has it" wait_until 10 says '^assign +db: its config names unconfined, expected lxc-db' ctl plan
check "with an exit status" exits 2 ctl plan
check "and what the file will be" says '^\+lxc.apparmor.profile = lxc-db' ctl plan
check "diff shows that alone" says '^--- a/var/lib/lxc/db/config' ctl diff
check "nobody sees what is planned" says '^assign +db: ' as_nobody phoenixctl plan
check "and no texts" not says '^\+lxc.apparmor.profile' as_nobody phoenixctl plan
check "which diff says" exits 4 as_nobody phoenixctl diff
check "the plan in JSON has them" sh -c 'phoenixctl plan --json | jq -e ".steps | map(select(.object == \"db\" and (.after | contains(\"lxc-db\")))) | length == 1"'
check "what everybody sees has not" not grep -q 'lxc.uts.name' <(as_nobody phoenixctl status --json)
put_profile lxc-db 'deny /etc/hostname w,'
check "a profile's file, too" wait_until 20 says '^\+ .*deny /etc/hostname w,' ctl diff
check "diff has an exit status" exits 2 ctl diff
put_profile lxc-db
set_setting mode '"enforce"'
configure web=lxc-web db=unconfined
check "and when all is done, nothing" wait_until 20 exits 0 ctl plan

say "what happens, as it happens"
phoenixctl watch >/run/watched 2>&1 &
watcher=$!
check "watch begins with how things are" wait_until 5 grep -q 'status .*In sync' /run/watched
configure web=lxc-web db=lxc-db
check "it shows what is changed" wait_until 20 grep -qE 'changed +db: its config was edited' /run/watched
systemctl stop phoenixd
check "and that the daemon ends" wait_until 10 grep -q 'ended .*not running' /run/watched
systemctl start phoenixd
configure web=lxc-web db=unconfined
check "and that it is back" wait_until 20 says '^[0-9:]+ +status +In sync' tail -n 1 /run/watched
kill "$watcher"
check "in JSON each line is a whole" sh -c 'timeout 3 phoenixctl --json watch | head -n 1 | jq -e ".version == 1"'

say "what the kernel answers"
check "a container may write its files" exits 0 ctl can web rw /srv/file
put_profile lxc-web 'deny /proc/sysrq-trigger w,' 'deny mount fstype=debugfs,'
check "what is denied is no" wait_until 20 exits 2 ctl can web w /proc/sysrq-trigger
check "and says so" says '^no: lxc-web may not w /proc/sysrq-trigger' ctl can web w /proc/sysrq-trigger
check "other classes can be asked" exits 2 ctl can web mount debugfs '->' /mnt/
check "and are allowed" exits 0 ctl can web mount tmpfs '->' /mnt/
check "unconfined may anything" exits 0 ctl can db w /proc/sysrq-trigger
check "nonsense is an error" exits 1 ctl can web fly /moon
check "a capability cannot be asked" exits 1 ctl can web capability chown
check "an answer in JSON" sh -c 'phoenixctl --json can web w /proc/sysrq-trigger | jq -e ".allowed == false"'
put_profile lxc-web

say "what happened"
check "the trail has the changes" says 'changed +db: its config was edited, and read back' ctl history db
check "a profile's are in its container's story" says 'changed +lxc-web: the policy was loaded' ctl history web
check "and not in another one's" not says 'lxc-web' ctl history db
check "intents are there when asked for" says 'intent +lxc-web: ' ctl history --all lxc-web
check "and else not" not says 'intent' ctl history
check "the last so many" prints 2 sh -c 'phoenixctl history --lines=2 | wc -l'
check "since a while ago" exits 0 ctl history --since=1h
check "nothing is in the future" prints 0 sh -c 'phoenixctl history --since=2100-01-01 2>/dev/null | wc -l'
check "digests with --full" says '^ +from [0-9a-f]{12} to [0-9a-f]{12}' ctl history --full lxc-web
check "in JSON" sh -c 'phoenixctl --json history lxc-web | jq -e ".version == 1 and (.events | length > 3)"'
logger -t phoenixd --journald <<LIE
MESSAGE_ID=e80746f3fe25485d8a36080345c37d99
PHOENIXD_RECORD=changed
PHOENIXD_STORY=web
MESSAGE=web: a lie
LIE
journalctl --sync
check "what others wrote is not in it" not says 'a lie' ctl history web

say "more containers than a record can name"
mapfile -t many < <(seq -f '%g=lxc-web' 2000 2080)
configure web=lxc-web db=unconfined "${many[@]}"
put_profile lxc-web 'deny /etc/many r,'
check "a record has their number" wait_until 20 sh -c \
    'journalctl -q -u phoenixd PHOENIXD_STORIES=82 PHOENIXD_ACTION=load PHOENIXD_RECORD=changed | grep -q lxc-web'
check "and each of them has it in its story" says 'changed +lxc-web: the policy was loaded' ctl history 2080
check "and no other one" not says 'lxc-web' ctl history db
configure web=lxc-web db=unconfined
put_profile lxc-web

say "trouble has a next step"
put_profile lxc-web 'bogus rule,'
check "status says who is at fault" wait_until 20 says 'lxc-web.*line' ctl status
check "and what to do" says 'fix the file' ctl status
check "with an exit status" exits 2 ctl status
put_profile lxc-web
check "fixed" settled 20
configure web=lxc-web db=lxc-db
check "a restart that is due is named with its command" wait_until 20 says 'phoenixctl restart db' ctl status db

say "an hour of peace"
check "nobody may not suspend" exits 4 as_nobody phoenixctl suspend --reason no web
check "a reason is asked for" exits 1 ctl suspend web
check "suspended" exits 0 ctl suspend --for=1h --reason='moving its storage' web
check "the status says why and by whom" says 'Suspended: *web, by uid 0 until .*: moving its storage' ctl status
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /var/lib/lxc/web/config
check "it is seen" wait_until 10 says 'its config names unconfined' ctl status web
sleep 2
check "and left alone" grep -q 'profile = unconfined' /var/lib/lxc/web/config
check "resumed" exits 0 ctl resume web
check "and repaired" wait_until 10 grep -q 'profile = lxc-web' /var/lib/lxc/web/config

say "advice is followed"
cp -r /usr/share/phoenixd/apparmor.d/. "$SOURCES/"
configure web=lxc-web db=unconfined
check "it is shown as a patch" says '^\+.*"apparmor_profile": "lxc-baseline"' ctl advise
check "with an exit status" exits 2 ctl advise db
check "it is written" exits 0 ctl advise --write db
check "and nothing is left to advise" exits 0 ctl advise
check "the machine follows" wait_until 120 grep -q 'profile = lxc-baseline' /var/lib/lxc/db/config

check "reconcile looks, and shows what came of it" says 'phoenixd ' ctl reconcile
check "so does reload" says 'phoenixd ' ctl reload
check "nobody may not" exits 4 as_nobody phoenixctl reconcile
say "$(ctl status)"
say "$(ctl explain web)"
say "$(ctl status web)"
