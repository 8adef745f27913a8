# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 900
# Containers that are configured before they exist, and arrive while phoenixd runs: created, cloned, renamed, restored
# from an archive or a snapshot, also over one that is there, or moved into the directory. Each has its profile within a second after it is complete, and before it
# is started when that waits for one pass. Starts, stops and sudden ends show as quickly.

config() { echo "/var/lib/lxc/$1/config"; }
names() { grep -qx "lxc.apparmor.profile = $2" "$(config "$1")" 2>/dev/null; }

# took NAME COMMAND...: what brings the container; then how long it has no profile, in the output.
took() {
    local name=$1 begin
    shift
    "$@" >/run/took.log 2>&1 || {
        cat /run/took.log
        return 1
    }
    begin=$(now_ms)
    until names "$name" lxc-web; do
        [[ $(($(now_ms) - begin)) -lt 6000 ]] || return 1
        sleep 0.01
    done
    echo "$(($(now_ms) - begin)) ms" >/run/took
}

# arrives STATEMENT NAME COMMAND...
arrives() {
    check "$1" took "$2" "${@:3}"
    say "$2: $(cat /run/took)"
    rm -f /run/took
    check "in sync with it" settled 5
}

# A template of a container as small as those of the image; slow, since real ones are.
write_template() {
    cat >/usr/share/lxc/templates/lxc-tiny <<'TEMPLATE'
#!/bin/sh
for argument; do
    case $argument in
        --path=*) path=${argument#--path=} ;;
        --rootfs=*) rootfs=${argument#--rootfs=} ;;
        --name=*) name=${argument#--name=} ;;
    esac
done
mkdir -p "$rootfs"
cp -a /var/lib/lxc/web/rootfs/. "$rootfs/"
sleep 1
echo "lxc.include = /usr/share/lxc/config/common.conf" >>"$path/config"
sleep 1
echo "lxc.uts.name = $name" >>"$path/config"
TEMPLATE
    chmod 755 /usr/share/lxc/templates/lxc-tiny
}

# lxc-copy copies with rsync, also to rename; the machine has none.
write_rsync() {
    cat >/usr/local/bin/rsync <<'RSYNC'
#!/bin/bash
exec cp -a "${@: -2:1}/." "${@: -1}/"
RSYNC
    chmod 755 /usr/local/bin/rsync
}

write_template
write_rsync
put_profile lxc-web
configure web=lxc-web made=lxc-web cloned=lxc-web renamed=lxc-web restored=lxc-web snapped=lxc-web moved=lxc-web slow=lxc-web busy=lxc-web
printf 'lxc.net.0.type = empty\n' >/etc/lxc/default.conf
start_daemon
check "in sync before" settled 30

say "arrivals"
arrives "created" made lxc-create -n made -t tiny
check "it starts" start_container made
check "in its profile" wait_until 10 all_labelled made 'lxc-web (enforce)'
stop_container made

arrives "renamed" renamed lxc-copy -n made -R -N renamed
check "the old name is missing" wait_until 5 prints_like 'made.*: missing, missing' phoenixctl status made
check "it starts" start_container renamed
check "in its profile" wait_until 10 all_labelled renamed 'lxc-web (enforce)'
stop_container renamed

sed -i '/^lxc.apparmor.profile/d' "$(config 953)"
clone() { lxc-copy -n 953 -N cloned -s -B overlay; }
arrives "cloned" cloned clone

tar -C /var/lib/lxc -cf /root/restored.tar --transform 's/^954/restored/' 954
arrives "restored from an archive" restored tar -C /var/lib/lxc -xf /root/restored.tar
sed -i 's/954/restored/' "$(config restored)"
check "in sync after its new name" settled 5

say "snapshots"
lxc-snapshot -n 954
arrives "restored from a snapshot" snapped lxc-snapshot -n 954 -r snap0 -N snapped
check "it starts" start_container snapped
check "in its profile" wait_until 10 all_labelled snapped 'lxc-web (enforce)'
stop_container snapped
lxc-snapshot -n snapped
touch /var/lib/lxc/snapped/rootfs/srv/new
# As it is in a snapshot of before phoenixd.
sed -i 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unconfined/' /var/lib/lxc/snapped/snaps/snap0/config
arrives "restored over itself" snapped lxc-snapshot -n snapped -r snap0
check "it is the snapshot's" test ! -e /var/lib/lxc/snapped/rootfs/srv/new

mkdir /root/moved
sed 's/954/moved/' "$(config 954)" >/root/moved/config
chmod 640 /root/moved/config
arrives "moved into the directory" moved mv /root/moved /var/lib/lxc/moved

say "on a host where other things go on"
# An event every tenth of a second: a pass that waited for quiet would begin two seconds after the first.
busy() {
    while :; do
        touch "$(config 910)"
        sleep 0.1
    done
}
busy &
busy_pid=$!
sleep 1
mkdir /root/busy
sed 's/954/busy/' "$(config 954)" >/root/busy/config
chmod 640 /root/busy/config
check "moved into the directory" took busy mv /root/busy /var/lib/lxc/busy
say "busy: $(cat /run/took)"
kill "$busy_pid"
check "in sync" settled 5

say "a config that is written bit by bit"
mkdir /var/lib/lxc/slow
{ while read -r line; do echo "$line" && sleep 0.3; done <"$(config 954)"; } >"$(config slow)" &
check "it has its profile in the end" wait_until 10 names slow lxc-web
wait
check "and all that was written" prints "$(grep -vc '^lxc.apparmor.profile' "$(config 954)")" grep -vc '^lxc.apparmor.profile' "$(config slow)"
check "in sync" settled 5

say "the first start comes right after it was made"
lxc-copy -n renamed -R -N made
phoenixctl reconcile
check "after a pass that was asked for it has its profile" names made lxc-web
start_container made
check "and runs in it from the first task" all_labelled made 'lxc-web (enforce)'

say "states"
listed() { phoenixctl list containers | awk '$1 == "made" { print $4 }'; }
# seen STATE: how long the list takes to have it, in the output.
seen() {
    local begin
    begin=$(now_ms)
    until [[ $(listed) == "$1" ]]; do
        [[ $(($(now_ms) - begin)) -lt 6000 ]] || {
            equals "$(listed)" "$1"
            return 1
        }
        sleep 0.05
    done
    echo "$(($(now_ms) - begin)) ms" >/run/seen
}
check "it runs" wait_until 5 seen confined
stop_container made
check "a stop is seen" seen stopped
say "a stop: $(cat /run/seen)"
start_container made
check "a start is seen" seen confined
say "a start: $(cat /run/seen)"
lxc-freeze -n made
sleep 1
check "one that is frozen still runs in its profile" seen confined
check "which is in sync" in_sync
lxc-unfreeze -n made
kill -KILL "$(lxc-info -n made -pH)"
check "an end that nobody asked for is seen" seen stopped
say "a sudden end: $(cat /run/seen)"
lxc-copy -n made -R -N renamed
check "a container that departs is missing" wait_until 5 prints_like 'made.*: missing, missing' phoenixctl status made
check "in sync" settled 5
