# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 300
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

put_profile lxc-web
put_profile lxc-db
configure web=lxc-web db=unconfined
start_daemon
check "in sync" settled 30
start_container web
start_container db
check "in sync with both running" wait_until 10 status_like '1 container confined, 1 unconfined'
check "status says that all is well" says '^\* phoenixd .*: in-sync$' ctl status
check "by its exit status, too" exits 0 ctl status
check "it counts who is confined" says 'Containers: *1 confined, 1 unconfined' ctl status
check "anybody may ask" says ': in-sync$' as_nobody phoenixctl status
check "the answer in JSON is one" sh -c 'phoenixctl status --json | jq -e ".version == 1 and .health == \"in-sync\""'
check "posture finds who is not confined" exits 2 ctl posture
check "with the profile that would fit" says '^db .*unconfined .*lxc-baseline' ctl posture
check "a container has a page" says 'Runs under: *lxc-web' ctl status web
check "explain names the configuration" says '/etc/phoenixd/phoenix_lxc_configs.json' ctl explain web
check "and the container's config" says '/var/lib/lxc/web/config' ctl explain web
check "lists have what is there" says '^web ' ctl list containers
check "an object that is not there is an error" exits 1 ctl status nobody

say "what would be done"
set_setting mode '"observe"'
configure web=lxc-web db=lxc-db
check "when it only observes, the plan has it" wait_until 10 says '^assign +db: its config names unconfined instead of lxc-db' ctl plan
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

say "trouble has a next step"
put_profile lxc-web 'bogus rule,'
check "status says who is at fault" wait_until 20 says 'lxc-web.*line' ctl status
check "and what to do" says 'mend it' ctl status
check "with an exit status" exits 2 ctl status
put_profile lxc-web
check "mended" settled 20
configure web=lxc-web db=lxc-db
check "a restart that is due is named with its command" wait_until 20 says 'systemctl restart lxc@db' ctl status db

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
