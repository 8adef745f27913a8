# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The first start on a hypervisor as the old scripts left it: a configuration of 22 containers of which a few are on this host, our
# profiles in the source directory, everything unconfined. Every layer is brought in sync; a second start does nothing.

mkdir -p "$SOURCES"
cp -r /usr/share/phoenixd/apparmor.d/. "$SOURCES/"

# The shape of a real one: templates, GPU and Docker containers, options that contradict the key.
jq -n '
    def entry($name; $profile; $more): {
        name: $name, memory_mb: 2048, cores: 2, storage_pool: "pool", storage_size_gb: 32,
        network_config: {name: "eth0", bridge: "vmbr0", ip: "10.0.0.2/24", gw: "10.0.0.1"},
        portainer_role: "none", unprivileged: true, features: ["base_setup"], gpu_assignment: "none",
        start_at_boot: true, boot_order: 3, boot_delay: 5,
        apparmor_profile: $profile, apparmor_manages_nesting: true
    } + $more;
    {
        "$schema": "/etc/phoenixd/schema.json", nvidia_driver_version: "580.76.05",
        lxc_configs: ({
            "910": entry("Portainer"; "lxc-phoenix-v2"; {features: ["docker"], dependencies: ["953"],
                pct_options: ["nesting=1", "keyctl=1"], lxc_options: ["lxc.mount.auto=sys:rw"]}),
            "953": entry("Nginx-Proxy"; "lxc-baseline"; {}),
            "954": entry("n8n"; "unconfined"; {apparmor_manages_nesting: false, dependencies: ["953"],
                lxc_options: ["lxc.apparmor.allow_nesting=1", "lxc.apparmor.profile=unconfined"]})
        } + ([range(960; 979)] | map({(tostring): entry("guest-" + tostring; "unconfined";
                {features: ["nvidia"], gpu_assignment: "0, 1", lxc_options: ["lxc.apparmor.profile=unconfined"]})}) | add))
    }' >"$CONFIG"

start_container 953
check "it runs as the old scripts left it" all_labelled 953 unconfined
say "first start"
started=$(now_ms)
start_daemon
say "ready after $(($(now_ms) - started)) ms"
check "in sync" settled 5
check "the status says it all" status_like '^In sync: 4 profiles? in force, 0 of 22 containers confined, 1 unconfined, 2 stopped, 19 missing, 1 requires restart, 2 unmanaged$'

for profile in lxc-baseline lxc-gpu-docker-storage lxc-nesting-v1 lxc-phoenix-v2; do
    check "$profile is deployed" same_file "$SOURCES/$profile" "$DEPLOYED/$profile"
    check "$profile is loaded in enforce mode" prints enforce loaded_mode "$profile"
done
for piece in "$SOURCES"/abstractions/phoenix/*; do
    check "${piece##*/} is deployed for the boot" same_file "$piece" "$DEPLOYED/abstractions/phoenix/${piece##*/}"
done
check "the boot's own service can load them" systemctl reload apparmor
check "and they are the same profiles then" settled 5
check "910 is assigned" prints 'lxc-phoenix-v2//&:lxc-910:unconfined' effective_profile 910
check "with its other line" grep -qx 'lxc.mount.auto = sys:rw' /var/lib/lxc/910/config
check "953 is assigned" prints 'lxc-baseline//&:lxc-953:unconfined' effective_profile 953
check "954 says unconfined in so many words" grep -qx 'lxc.apparmor.profile = unconfined' /var/lib/lxc/954/config
check "what is not configured is untouched" prints unconfined effective_profile web
check "the unconfined one is a finding, with what would fit" journal_has '954: .*unconfined.*lxc-'
check "each change has an intent before and a result after it" test \
    "$(journal_count '910: .*editing its config')" -eq "$(journal_count '910: .*config was edited, and read back')"
check "the journal has the fields" prints lxc-phoenix-v2 bash -c \
    "journalctl -q -u phoenixd -o json PHOENIXD_CONTAINER=910 PHOENIXD_ACTION=assign | tail -n 1 | jq -r .PHOENIXD_PROFILE"

say "second start"
own_state() { find /var/lib/phoenixd -type f -printf '%p %T@ %i\n' | sort; }
before=$(machine_picture)
cursor=$(journal_cursor)
# The run that ends may write once more what it knows; the one that starts has nothing to add.
systemctl stop phoenixd
state=$(own_state)
start_daemon
check "in sync again" settled 5
check "nothing on the machine was touched" equals "$(machine_picture)" "$before"
check "nor in its own state" equals "$(own_state)" "$state"
check "nothing was done" equals "$(journal_count 'read back|compil' "$cursor")" 0

say "the container is restarted by its owner"
stop_container 953
start_container 953
check "and confined from then on" all_labelled 953 "lxc-baseline//&:lxc-953:unconfined (enforce)"
check "which the status knows" wait_until 5 status_like '^In sync: 4 profiles? in force, 1 of 22 containers confined, 2 stopped, 19 missing'

say "the state is lost"
systemctl stop phoenixd
rm -rf /var/lib/phoenixd
before=$(machine_picture)
start_daemon
check "it is rebuilt" settled 60
check "without a change on the machine" equals "$(machine_picture)" "$before"
systemctl stop phoenixd
echo '{ "version": 1, "files": [' >/var/lib/phoenixd/inventory.json
for file in /var/lib/phoenixd/cache/*; do echo garbage >"$file"; done
start_daemon
check "so is a damaged one" settled 60
check "without a change on the machine" equals "$(machine_picture)" "$before"
