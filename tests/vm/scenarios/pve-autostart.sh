# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve
# timeout: 900
# start_at_boot, boot_order and boot_delay on a Proxmox node: onboot and startup in the containers' files, beside what
# the operator and Proxmox itself write there.

# shellcheck source=../pve/guest.sh
. pve/guest.sh

config() { echo "/etc/pve/lxc/$1.conf"; }
# has ID LINE: in the main section, once for its key.
has() {
    equals "$(sed '/^\[/,$d' "$(config "$1")" | grep "^${2%%:*}:" || true)" "$2"
}
# lacks ID KEY
lacks() { not grep -q "^$2:" "$(config "$1")"; }
# start_keys ID JQ: the entry with other keys.
start_keys() {
    jq --arg id "$1" ".lxc_configs[\$id] += $2" "$CONFIG" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

# shellcheck disable=SC2119 # no options
make_pve
put_profile lxc-web
pve_guest 910 'startup: 9,down=60' '# a note'
pve_guest 953 'onboot: 1' '[snap1]' 'onboot: 1' 'arch: amd64'
pve_guest 954 'onboot: 1' 'startup: order=3,up=7'
configure 910=lxc-web 953=lxc-web 954=lxc-web
start_keys 910 '{ start_at_boot: true, boot_order: 2, boot_delay: 30 }'
start_keys 953 '{ start_at_boot: false }'

say "first in observe mode"
set_setting mode '"observe"'
before=$(cat /etc/pve/lxc/*.conf)
start_daemon
check "it observes" wait_until 20 status_like '^Observing'
check "nothing is changed" prints "$before" sh -c 'cat /etc/pve/lxc/*.conf'

say "then for good"
set_setting mode '"enforce"'
check "a container starts at boot" wait_until 20 has 910 'onboot: 1'
check "in its order, with its delay, and the time for its shutdown stays" has 910 'startup: order=2,up=30,down=60'
check "so do other lines" grep -q '^# a note' "$(config 910)"
check "one that is not to start does not" wait_until 20 has 953 'onboot: 0'
check "its snapshot is as it was" prints 'onboot: 1' sh -c "sed '1,/^\[/d' $(config 953) | grep ^onboot"
check "it has no order" lacks 953 startup
check "an entry without the keys leaves the file alone" has 954 'onboot: 1'
check "all of it" has 954 'startup: order=3,up=7'
check "in sync" settled 20

say "what an operator changes comes back, and nothing else"
sed -i 's/^startup: .*/startup: order=5,up=30,down=90/' "$(config 910)"
check "the order is repaired" wait_until 10 has 910 'startup: order=2,up=30,down=90'
check "the record says what was wrong" journal_has '910: .*had a different startup than configured'
sed -i 's/^startup: .*/startup: order=2,up=30,nonsense/' "$(config 910)"
check "a value that Proxmox ignores is repaired" wait_until 10 has 910 'startup: order=2,up=30'
sed -i '/^onboot/d' "$(config 910)"
check "so is a line that is gone" wait_until 10 has 910 'onboot: 1'
check "in sync" settled 10

say "Proxmox rewrites the file at a stop"
check "one starts" pct start 910
check "in its profile" wait_until 10 pve_all_labelled 910 'lxc-web (enforce)'
check "and stops" pct stop 910
check "the keys are there" wait_until 10 has 910 'startup: order=2,up=30'
check "once" has 910 'onboot: 1'
check "in sync" settled 20

say "the plan has the keys"
set_setting mode '"observe"'
check "it observes" wait_until 10 status_like '^Observing'
sed -i -e 's/^onboot: .*/onboot: 0/' -e 's/^startup: .*/startup: 7,down=5/' "$(config 910)"
check "with their values" wait_until 10 prints_like 'lxc-web, onboot = 1, startup = order=2,up=30,down=5;' sh -c \
    "phoenixctl --json plan | jq -r '.steps[].step'"
set_setting mode '"enforce"'
check "and it is carried out" wait_until 10 has 910 'startup: order=2,up=30,down=5'
check "in sync" settled 10

say "other keys, and none"
start_keys 910 '{ boot_order: 0, boot_delay: 0 }'
check "nought is a number" wait_until 10 has 910 'startup: order=0,up=0,down=5'
set_setting manage_autostart false
check "in sync" settled 10
sed -i 's/^onboot: .*/onboot: 0/' "$(config 910)"
check "without the setting it is the operator's" wait_until 10 in_sync
sleep 1
check "still" has 910 'onboot: 0'
set_setting manage_autostart true
check "until it is set again" wait_until 10 has 910 'onboot: 1'
check "in sync" settled 10
before=$(cat /etc/pve/lxc/*.conf)
systemctl reload phoenixd
check "a second pass" settled 10
check "does nothing" prints "$before" sh -c 'cat /etc/pve/lxc/*.conf'
