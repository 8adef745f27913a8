# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: pve creations.d
# timeout: 1800
# Missing containers of Proxmox are created by its own command, from a template and as clones: killed at any point, one is
# complete or absent, and it is in its profile before Proxmox would start it.

# shellcheck source=tests/vm/pve/guest.sh
. "$PWD/pve/guest.sh"
# shellcheck source=tests/vm/scenarios/pve-create.d/lib.sh
. "$PWD/pve-create.d/lib.sh"

copies 0
put_profile lxc-web
entries '{}'
start_daemon
check "in sync" settled 60

say "from a template and as a clone"
cursor=$(journal_cursor)
entries "$(jq -nc --argjson clone "$(entry 902 '{"clone_from_ctid": "910", "boot_order": 2, "cores": 1, "storage_pool": "quick", "storage_size_gb": 8, "name": "first-clone", "lxc_options": ["lxc.environment=A=B", "lxc.prlimit.nofile=512"]}')" \
    --argjson made "$(entry 901 '{"template": "local:vztmpl/web.tar.gz", "boot_order": 1, "memory_mb": 96, "storage_pool": "quick", "storage_size_gb": 16, "unprivileged": false, "network_config": {"name": "eth0", "bridge": "br9", "ip": "192.0.2.7/24"}, "volumes": [{"name": "data", "pool": "slow", "size_gb": 2, "mount_point": "/data"}], "pct_options": ["nesting=1"]}')" \
    '$made + $clone')"
check "the one from the template is there" wait_until 60 is_whole 901
check "and the clone" wait_until 60 is_whole 902
check "it is in sync" settled 60
check "with nothing left" wait_until 20 is_clean
check "in the order of boot_order" equals "$(journal_since "$cursor" | grep -oE '[0-9]+: it was created' | paste -sd ' ')" "901: it was created 902: it was created"
check "with the disk of its entry" has 901 'rootfs: quick:901/vm-901-disk-0.raw,size=16G'
check "its other volume" has 901 'mp0: slow:901/vm-901-disk-1.raw,mp=/data,size=2G'
check "its memory" has 901 'memory: 96'
check "and its features, once it was there" has 901 'features: nesting=1'
check "the clone's disk has grown" has 902 'rootfs: quick:902/vm-902-disk-0.raw,size=8G'
check "it has its own limit" has 902 'cores: 1'
check "and its own options" has 902 'lxc.prlimit.nofile: 512'
check "also the one that is no argument" wait_until 20 has 902 'lxc.environment: A=B'
check "it does not have the other's device" not grep -q devices "$(file_of 902)"
check "its network" not grep -q net0 "$(file_of 902)"
check "or its start at boot" not grep -q onboot "$(file_of 902)"
check "neither was started" prints 'status: stopped' pct status 902
check "it starts" pct start 902
check "and runs in its profile" wait_until 10 pve_all_labelled 902 'lxc-web (enforce)'
check "it stops" pct stop 902
check "so does the other" pct start 901
check "and runs in its profile, too" wait_until 10 pve_all_labelled 901 'lxc-web (enforce)'
pct stop 901
entries '{}'
pct destroy 901
pct destroy 902

say "a clone is in its profile before Proxmox unlocks it"
copies 40
entries "$(clone 903)"
check "the profile is there" wait_until 20 has 903 'lxc.apparmor.profile: lxc-web'
check "while it is locked" has 903 'lock: create'
check "so that it cannot be started" not pct start 903
check "the status says that it is being created" wait_until 20 prints_like 'it is being created' status_of 903
check "it is whole in the end" wait_until 90 is_whole 903
check "and the other is not locked" not is_locked 910
entries '{}'
pct destroy 903
copies 0

say "what another has is not missing"
pve_ask node pve2 add
echo 'arch: amd64' | pve_ask write nodes/pve2/lxc/904.conf
entries "$(clone 904)"
check "a container of another node is not created" wait_until 20 prints_like 'another node' status_of 904
pve_ask remove nodes/pve2/lxc/904.conf

say "what cannot be done is said, and not tried again"
entries "$(entry 905 '{"template": "local:vztmpl/nothing.tar.gz"}')"
check "the command's reason" wait_until 60 prints_like "its creation failed: volume 'local:vztmpl/nothing.tar.gz' does not exist" status_of 905
cursor=$(journal_cursor)
sleep 5
check "it is not tried again" equals "$(journal_count '905: creating it' "$cursor")" 0
pve_ask quorum off
entries "$(clone 906)"
check "without quorum it waits" wait_until 20 prints_like "no quorum" status_of 906
pve_ask quorum on
check "with it, it is created" wait_until 60 is_whole 906
entries '{}'
pct destroy 906

say "killed at random points"
copies 1
check "each is whole after the next start" kill_creations 6

say "what one left that is not wanted any more is removed"
copies 10
entries "$(from_template 907)"
check "it is begun" wait_until 20 is_locked 907
sleep 1
systemctl kill --signal=KILL --kill-who=all phoenixd
end_units
entries '{}'
systemctl reset-failed phoenixd 2>/dev/null || true
copies 0
systemctl restart phoenixd
check "nothing is left" wait_until 60 is_absent 907
check "not even its record" wait_until 20 is_clean
check "in sync at the end" settled 60
