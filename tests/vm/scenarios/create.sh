# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# with: creations.d
# timeout: 900
# Missing containers are created, from an archive and as clones, one at a time: killed at any point, one is complete or absent.

# shellcheck source=tests/vm/scenarios/create.d/lib.sh
. "$PWD/create.d/lib.sh"

put_profile lxc-web
entries '{}'
start_daemon
check "in sync" settled 60

say "off as shipped"
entries '{"n0": {"clone_from_ctid": "910", "apparmor_profile": "lxc-web"}}'
check "a missing container is reported" wait_until 20 prints_like 'nothing to do until it is created' status_of n0
check "and not created" is_absent n0

say "from an archive and as a clone"
cursor=$(journal_cursor)
entries "$(jq -nc --argjson clone "$(clone c1 '{"boot_order": 2, "memory_mb": 64, "cores": 1, "name": "first-clone", "lxc_options": ["lxc.environment=A=B"]}')" \
    '{"t1": {create: true, boot_order: 1, template: "/var/lib/template.tar.gz", apparmor_profile: "lxc-web", network_config: {name: "eth0", bridge: "br9", ip: "192.0.2.7/24", gw: "192.0.2.1"}}} + $clone')"
check "the one from the archive is there" wait_until 60 is_whole t1
check "and the clone" wait_until 60 is_whole c1
check "it is in sync" settled 60
check "with nothing left" wait_until 20 is_clean
check "in the order of boot_order" equals "$(journal_since "$cursor" | grep -oE '[a-z0-9]+: it was created' | paste -sd ' ')" "t1: it was created c1: it was created"
check "its network is that of its entry" grep -qx 'lxc.net.0.ipv4.address = 192.0.2.7/24' "$LXC/t1/config"
check "the clone has its own limits" grep -qx 'lxc.cgroup2.memory.max = 64M' "$LXC/c1/config"
check "and its own options" grep -qx 'lxc.environment = A=B' "$LXC/c1/config"
check "its name too" grep -qx 'lxc.uts.name = first-clone' "$LXC/c1/config"
check "it starts in its profile" start_container c1
check "and runs in it" wait_until 10 all_labelled c1 'lxc-web (enforce)'
stop_container c1
rm -rf "$LXC/t1" "$LXC/c1"

say "unprivileged"
grep -q '^root:' /etc/subuid || usermod --add-subuids 100000-165535 --add-subgids 100000-165535 root
entries '{"u1": {"create": true, "template": "/var/lib/template.tar.gz", "unprivileged": true, "apparmor_profile": "lxc-web"}}'
check "an unprivileged one is there" wait_until 60 is_whole u1
check "in sync" settled 60
check "it starts" start_container u1
check "its root is another user" equals "$(ps -o uid= -p "$(lxc-info -n u1 -p -H)" | tr -d ' ')" "$(sed -n 's/^root:\([0-9]*\):.*/\1/p' /etc/subuid)"
check "no other user comes to its files" not runuser -u nobody -- ls "$LXC/u1/rootfs"
stop_container u1
rm -rf "$LXC/u1"

say "what cannot be done is said, and not tried again"
entries "$(clone v1 '{"storage_pool": "quick"}')"
check "a key of Proxmox is refused" wait_until 20 prints_like 'cannot be created: only Proxmox VE knows storage_pool' status_of v1
chmod 666 "$ARCHIVE"
entries '{"x1": {"create": true, "template": "/var/lib/template.tar.gz", "apparmor_profile": "lxc-web"}}'
check "the failure says why" wait_until 60 prints_like 'its creation failed: /var/lib/template.tar.gz.*mode 0?666' status_of x1
check "nothing is left of it" wait_until 20 is_clean
cursor=$(journal_cursor)
sleep 5
check "it is not tried again" equals "$(journal_count 'x1: creating it' "$cursor")" 0
chmod 644 "$ARCHIVE"
phoenixctl reconcile >/dev/null
check "but when an operator asks" wait_until 60 is_whole x1
rm -rf "$LXC/x1"

say "a clone waits for a source that runs"
start_container 910
entries "$(clone r1)"
check "the source is named" wait_until 20 prints_like 'container 910, which it is cloned from, is running' status_of r1
check "it is not created" is_absent r1
stop_container 910
check "it is created after the stop" wait_until 60 is_whole r1
rm -rf "$LXC/r1"

say "and a source waits for its clone"
entries "$(clone h1)"
wait_within is_in_copy h1
freeze h1 1
check "the creation is under way" has_unit
check "its source cannot be started" not lxc-start -n 910
check "to LXC it is stopped" container_is 910 STOPPED
freeze h1 0
check "the clone is created" wait_until 60 is_whole h1
check "its source can be started then" start_container 910
stop_container 910
rm -rf "$LXC/h1"

say "suspended and observed"
entries '{}'
wait_until 20 settled 20
phoenixctl suspend --for=1h --reason=test s1 >/dev/null 2>&1 || phoenixctl suspend --for=1h --reason=test --all >/dev/null
entries "$(clone s1)"
sleep 3
check "a suspended one is not created" is_absent s1
phoenixctl resume s1 >/dev/null 2>&1 || phoenixctl resume --all >/dev/null
check "it is when that ends" wait_until 60 is_whole s1
rm -rf "$LXC/s1"

say "killed at random points"
check "each is whole or absent, and whole after the next start" kill_creations 6

say "what one left that is not wanted any more is removed"
entries "$(clone z1)"
wait_within is_begun z1
sleep 0.3
systemctl kill --signal=KILL --kill-who=all phoenixd
end_units
entries '{}'
systemctl reset-failed phoenixd 2>/dev/null || true
systemctl restart phoenixd
check "nothing is left" wait_until 30 is_clean
check "in sync at the end" settled 60
