# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 900
# The service ends, in each way there is, while the cluster file system of Proxmox hangs, and leaves nothing behind but
# the one process that nothing can end.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

config() { echo "/etc/pve/lxc/$1.conf"; }
names() { grep -qxF "lxc.apparmor.profile: $2" "$(config "$1")"; }
# What is in the unit's control group, which is gone when nothing is.
left() { cat /sys/fs/cgroup/system.slice/phoenixd.service/cgroup.procs 2>/dev/null || true; }
workers() { pgrep -x phoenixd-pve || true; }
# names_hanging PID: the worker hangs in a write, and was given up.
names_hanging() { prints_like "does not answer \\(write of 955.conf, worker $1 since" phoenixctl status; }

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-web
put_profile lxc-db
pve_guest 955
configure 955=lxc-web
start_daemon
check "in sync" settled 30
check "the file names the profile" names 955 lxc-web

say "it is stopped during the call"
pve_ask stall on
configure 955=lxc-db
sleep 3
worker=$(workers)
check "it can be stopped" systemctl stop phoenixd
check "that is a success" prints success systemctl show -P Result phoenixd
check "of the daemon" prints 0 systemctl show -P ExecMainStatus phoenixd
check "the service is stopped" prints inactive systemctl show -P ActiveState phoenixd
check "only the worker is left" prints "$worker" left
check "its call can be ended by nothing" grep -q '^State:.*D' "/proc/$worker/status"

say "it is started beside it"
systemctl start phoenixd
check "it says what hangs" wait_until 40 names_hanging "$worker"
check "there is no second one" prints "$worker" workers
check "a restart is one, too" systemctl restart phoenixd
check "there is still no second one" prints "$worker" workers
pve_ask stall off
check "afterwards the edit is made" wait_until 60 names 955 lxc-db
check "in sync" settled 60
check "by one worker" not prints "$worker" workers

say "it is stopped when it has given the call up"
pve_ask stall on
configure 955=lxc-web
worker=$(workers)
check "it waits no longer" wait_until 60 names_hanging "$worker"
check "it can be stopped" systemctl stop phoenixd
check "that is a success" prints success systemctl show -P Result phoenixd
check "only the worker is left" prints "$worker" left
pve_ask stall off
check "it ends with its call" wait_until 20 prints '' left

say "it is killed"
start_daemon
check "in sync" settled 60
# One that left its process group and its parents, as LXC's library might start it.
setsid sh -c 'echo $$ >/sys/fs/cgroup/system.slice/phoenixd.service/cgroup.procs; exec sleep 1000' &
stray=$!
check "it is one of the service's" wait_until 5 grep -q phoenixd.service "/proc/$stray/cgroup"
before=$(left)
kill -KILL "$(main_pid)"
none_is_left() { local pid; for pid in $before; do [[ ! -e /proc/$pid ]] || return 1; done; }
check "none of its processes lives on" wait_until 10 none_is_left
check "systemd starts it again" wait_until 30 prints active systemctl show -P ActiveState phoenixd
check "in sync" settled 60

say "it is stopped at rest"
check "it can be stopped" systemctl stop phoenixd
check "that is a success" prints success systemctl show -P Result phoenixd
check "nothing is left" prints '' left
