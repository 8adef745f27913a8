# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 3600
# disk: sid
# Docker of Debian sid, whose runc opens a /proc of its own and sets the sysctls of what it runs
# through that: under each shipped profile that is for Docker, in a privileged and in an unprivileged
# container. What listens in a container of Docker is reached by its published port from outside.
#
# Without a seccomp policy runc has all its calls. sid's systemd would have them, too, and does not start
# services without one: dockerd is started by a script there. With the shipped policy systemd does it.

SID=/run/sid
NAMESPACES=/sys/kernel/security/apparmor/policy/namespaces

# write_start FILE: an init for dockerd alone. A control group with processes hands on no controllers,
# and with $container set Docker and runc do without AppArmor. dockerd gives its containerd 15 s to
# start, which an emulated machine may need, and ends.
write_start() {
    cat >"$1" <<'START'
#!/usr/bin/busybox sh
cd /sys/fs/cgroup && mkdir init
for pid in $(cat cgroup.procs); do
    echo "$pid" >init/cgroup.procs
done
sed 's/\([a-z]\+\)/+\1/g' cgroup.controllers >cgroup.subtree_control
ip link set lo up
unset container
exec docker-init -g -- busybox sh -c 'until dockerd; do sleep 1; done' >/var/log/dockerd.log 2>&1
START
    chmod +x "$1"
}

# lay_out privileged|unprivileged: a tree anew, so that one run leaves nothing to the next.
lay_out() {
    local lower=$SID/tree unit
    umount "$ROOT" 2>/dev/null || true
    rm -rf /run/deb
    mkdir -p /run/deb/upper /run/deb/work "$ROOT"
    if [[ $1 == unprivileged ]]; then
        lower=$SID/shifted
        chown "$DEBIAN_USER:$DEBIAN_USER" /run/deb/upper
        chmod a+x /var/lib/lxc /var/lib/lxc/deb
    fi
    mount -t overlay deb -o "lowerdir=$lower,upperdir=/run/deb/upper,workdir=/run/deb/work" "$ROOT"
    # Its own policy would be compiled at each boot, and none of it is about Docker.
    for unit in apparmor.service apt-daily.timer apt-daily-upgrade.timer fstrim.timer dpkg-db-backup.timer; do
        ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit"
    done
    mkdir -p "$ROOT/etc/docker" "$ROOT/image/bin" "$ROOT/image/www"
    echo '{ "storage-driver": "overlay2" }' >"$ROOT/etc/docker/daemon.json"
    : >"$ROOT/etc/fstab"
    : >"$ROOT/etc/resolv.conf"
    cp "$ROOT/usr/bin/busybox" "$ROOT/image/bin/"
    ln -sf busybox "$ROOT/image/bin/sh"
    ln -sf busybox "$ROOT/image/bin/cat"
    ln -sf busybox "$ROOT/image/bin/httpd"
    echo 'a page of Docker' >"$ROOT/image/www/page"
    write_start "$ROOT/start"
    chown -R --reference="$ROOT/etc" "$ROOT/image" "$ROOT/etc/docker" "$ROOT/etc/fstab" "$ROOT/etc/resolv.conf"
}

# write_config privileged|unprivileged [LINE...]: as phoenixd-profiles(7) advises.
write_config() {
    local mode=$1
    shift
    {
        echo "lxc.include = /usr/share/lxc/config/common.conf"
        if [[ $mode == unprivileged ]]; then
            echo "lxc.include = /usr/share/lxc/config/userns.conf"
            echo "lxc.idmap = u 0 $DEBIAN_USER 65536"
            echo "lxc.idmap = g 0 $DEBIAN_USER 65536"
        else
            echo "lxc.cap.drop ="
        fi
        cat <<CONFIG
lxc.cap.drop = mac_override sys_time sys_module sys_rawio audit_read
lxc.arch = linux64
lxc.uts.name = deb
lxc.rootfs.path = dir:$ROOT
lxc.net.0.type = veth
lxc.net.0.link = lan
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.9.9.2/24
lxc.mount.entry = /sys/kernel/security sys/kernel/security none bind,optional 0 0
lxc.mount.entry = tmpfs var/lib/docker tmpfs create=dir 0 0
lxc.mount.entry = tmpfs var/lib/containerd tmpfs create=dir 0 0
lxc.seccomp.profile =
lxc.apparmor.profile = unconfined
CONFIG
        printf '%s\n' "$@"
    } >/var/lib/lxc/deb/config
}

manage() {
    configure "deb=$1"
    jq '.lxc_configs[].apparmor_manages_nesting = true' "$CONFIG" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

docker_answers() {
    deb timeout 20 docker info -f '{{.ServerVersion}}'
}

# dockerd_is_there SECONDS: what it said is shown when the time is over.
dockerd_is_there() {
    wait_until "$1" docker_answers || {
        tail -n 30 "$ROOT/var/log/dockerd.log" || deb journalctl -b --no-pager -n 30 -u docker -u containerd
        return 1
    }
}

image_is_made() {
    deb_sh 'tar -C /image -c . | docker import - tiny'
}

# fetched ADDRESS PORT: by the machine's bash, for its busybox is built without a resolver's libraries.
fetched() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    prints 'a page of Docker' timeout 5 bash -c \
        'exec 3<>"/dev/tcp/$1/$2" && printf "GET /page HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' - "$1" "$2"
}

fetched_inside() {
    prints 'a page of Docker' deb busybox wget -q -T 5 -O - "http://$1/page"
}

forget_policy() {
    local name names
    names=$(cat "$NAMESPACES/lxc-deb"/profiles/*/name 2>/dev/null) || return 0
    while read -r name; do
        printf '%s' "$name" >"$NAMESPACES/lxc-deb/.remove"
    done <<<"$names"
}

# try PROFILE privileged|unprivileged runc|systemd: who is to have all calls, or is started.
try() {
    local profile=$1 mode=$2 what="$1, $2, $3" cursor lines
    if [[ $3 == runc ]]; then
        lines=("lxc.init.cmd = /start" "lxc.signal.halt = SIGTERM")
    else
        lines=("lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp")
    fi
    say "$what"
    lay_out "$mode"
    write_config "$mode" "${lines[@]}"
    manage "$profile"
    check "$what: the config names the profile with a namespace" wait_until 120 \
        grep -q "^lxc.apparmor.profile = $profile//&:lxc-deb:unconfined$" /var/lib/lxc/deb/config
    cursor=$(journal_cursor)
    check "$what: Debian starts" start_container deb
    check "$what: dockerd is there" dockerd_is_there 600
    check "$what: an image is imported" image_is_made
    check "$what: a container runs with a published port" \
        deb docker run -d --name web -p 8080:80 tiny /bin/httpd -f -p 80 -h /www
    check "$what: it answers on it, asked from the host" wait_until 20 fetched 10.9.9.2 8080
    check "$what: and asked from beside it" fetched_inside 127.0.0.1:8080
    check "$what: its sysctl is set" prints 0 deb docker exec web \
        /bin/cat /proc/sys/net/ipv4/ip_unprivileged_port_start
    check "$what: others are set when they are asked for" prints 9000 \
        deb docker run --rm --sysctl kernel.msgmax=9000 --sysctl net.ipv4.ip_default_ttl=60 \
        tiny /bin/cat /proc/sys/kernel/msgmax
    check "$what: it is in Docker's own profile" prints 'docker-default (enforce)' \
        deb docker exec web /bin/cat /proc/self/attr/current
    check "$what: which denies" not deb docker exec web /bin/sh -c 'echo h >/proc/sysrq-trigger'
    check "$what: it is ended" deb docker rm -f web
    check "$what: every task has the host's profile in front" equals \
        "$(labels deb | grep -vc "^$profile//&:lxc-deb:" || true)" 0
    check "$what: nothing of the host's profile was in the way" equals "$(denials "$cursor" "$profile" |
        grep -v sysrq-trigger)" ""
    check "$what: the host can stop it" stop_container deb
    forget_policy
}

wait_until 10 test -b /dev/vdb
mkdir -p "$SID/tree" "$SID/shifted" "$ROOT"
mount -o ro /dev/vdb "$SID/tree"
shifted_tree "$SID/shifted" "$SID/tree"
say "$(chroot "$SID/tree" dpkg-query -W docker.io runc containerd systemd | xargs)"
# A container loads no modules.
modprobe -a overlay br_netfilter nft_compat nft_chain_nat xt_conntrack xt_addrtype xt_MASQUERADE xt_nat \
    xt_mark xt_comment xt_tcpudp ip_tables iptable_nat iptable_filter iptable_raw
ip link add lan type bridge
ip addr add 10.9.9.1/24 dev lan
ip link set lan up
cp -r /usr/share/phoenixd/apparmor.d "$SOURCES"
write_config privileged
manage lxc-phoenix-v2
start_daemon
for profile in lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    for mode in privileged unprivileged; do
        try "$profile" "$mode" runc
    done
done
for mode in privileged unprivileged; do
    try lxc-phoenix-v2 "$mode" systemd
done
