# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Makes the machine of the tests a host of Proxmox, as far as the stand-in goes: for scenarios with
# "# with: pve". LXC, AppArmor and systemd below it are real.

PVE=$(dirname "${BASH_SOURCE[0]}")
PVE_CONTROL=/run/pve-cluster.control
PVE_DATABASE=/var/lib/pve-cluster
# shellcheck disable=SC2034 # for scenarios
PVE_NODE=$(uname -n)

# make_pve [OPTION...]: mounts /etc/pve, with options of vm-pmxcfs, and installs pct. Call it once.
make_pve() {
    mkdir -p /etc/pve "$PVE_DATABASE" /run/pve
    pve_units "$@"
    pve_lxc_files
    pve_command '{}'
    systemctl daemon-reload
    systemctl start pve-cluster
    check "the cluster file system is mounted" test -L /etc/pve/local
}

# As Proxmox has them: the server forks, a guest's lxc-start stays in the foreground, and what LXC says
# is in /run/pve/ct-ID.stderr.
pve_units() {
    cat >/run/systemd/system/pve-cluster.service <<UNIT
[Unit]
Description=Stand-in of the Proxmox VE cluster filesystem
[Service]
Type=forking
Restart=on-failure
ExecStart=/usr/local/sbin/vm-pmxcfs --background --database $PVE_DATABASE --control $PVE_CONTROL $* /etc/pve
UNIT
    cat >/run/systemd/system/pve-container@.service <<'UNIT'
[Unit]
Description=PVE LXC Container: %i
[Service]
Type=simple
Delegate=yes
KillMode=mixed
TimeoutStopSec=120s
StandardOutput=null
StandardError=file:/run/pve/ct-%i.stderr
ExecStart=/usr/bin/lxc-start -F -n %i
ExecStop=/usr/bin/lxc-stop -n %i -t 10
UNIT
}

# Proxmox's LXC has a config of its own for each distribution, and takes all of a directory; the hook
# runs however a guest ends.
pve_lxc_files() {
    local share=/usr/share/lxc/config
    printf 'lxc.include = %s/common.conf\n' "$share" >"$share/debian.common.conf"
    printf 'lxc.include = %s/userns.conf\n' "$share" >"$share/debian.userns.conf"
    mkdir -p "$share/common.conf.d"
    printf 'lxc.hook.post-stop = /usr/local/sbin/pve-post-stop\n' >"$share/common.conf.d/01-pve.conf"
    printf '#!/bin/sh\nexec /usr/sbin/pct post-stop-hook "$@" 2>>/run/pve-post-stop.log\n' >/usr/local/sbin/pve-post-stop
    chmod 755 /usr/local/sbin/pve-post-stop
}

# pve_command JSON: pct, with more settings. Debian 12 is the base of Proxmox 8, whose generated config has
# no rules that only newer parsers know.
pve_command() {
    local version=9
    [[ $(. /etc/os-release && echo "$VERSION_ID") != 12 ]] || version=8
    jq -n --argjson more "$1" --arg control "$PVE_CONTROL" --argjson version "$version" '{
        version: $version, state: ["lxc-info", "-n", "{id}", "-sH"], control: $control, task_path: "/var/log/pve/tasks", without: ["lxc.net."], lxc_runs_hook: true,
        start: ["systemctl", "start", "pve-container@{id}"], stop: ["lxc-stop", "-n", "{id}", "-t", "{timeout}"]
    } + $more' >/etc/pve-stand-in.json
    ln -sf "$(realpath "$PVE/pct")" /usr/sbin/pct
}

pve_ask() {
    /usr/local/sbin/vm-pmxcfs --ask "$PVE_CONTROL" "$@"
}

# pve_guest ID [LINE...]: a file for one of the machine's containers that has a number, privileged.
pve_guest() {
    local id=$1
    shift
    {
        printf '%s\n' 'arch: amd64' "hostname: guest$id" 'memory: 128' 'ostype: debian' "rootfs: local:$id/vm-$id-disk-0.raw,size=1G" 'swap: 0'
        [[ $# -eq 0 ]] || printf '%s\n' "$@"
    } >"/etc/pve/lxc/$id.conf.tmp.$$"
    mv "/etc/pve/lxc/$id.conf.tmp.$$" "/etc/pve/lxc/$id.conf"
}

# pve_pids ID: Proxmox's control groups have other names than LXC's.
pve_pids() {
    find "/sys/fs/cgroup/lxc/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# The label of every task of a guest.
pve_labels() {
    local pid label
    while read -r pid; do
        { IFS= read -r label <"/proc/$pid/attr/apparmor/current"; } 2>/dev/null || continue
        printf '%s\n' "$label"
    done < <(pve_pids "$1")
}

pve_all_labelled() {
    equals "$(pve_labels "$1" | sort -u)" "$2"
}

pve_is_running() {
    prints 'status: running' pct status "$1"
}
