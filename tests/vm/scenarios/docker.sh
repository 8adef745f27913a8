# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 600
# Docker in a Debian container under each shipped profile that is for it: it runs containers in its
# own docker-default, in the container's policy namespace, and the host's profile stays in force
# around them.

ROOT=/var/lib/lxc/deb/rootfs
NAMESPACES=/sys/kernel/security/apparmor/policy/namespaces

# The machine's own system, seen through an overlay: what the container changes is its own.
make_container() {
    local unit
    mkdir -p /run/deb/upper /run/deb/work "$ROOT" /run/shared
    mount -t overlay deb -o lowerdir=/,upperdir=/run/deb/upper,workdir=/run/deb/work "$ROOT"
    rm "$ROOT/etc/systemd/system/multi-user.target.wants/vm-agent.service" \
        "$ROOT"/etc/systemd/system/{docker.service,docker.socket,containerd.service,systemd-logind.service}
    for unit in lxc lxc-net lxc-monitord apparmor phoenixd; do
        ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit.service"
    done
    : >"$ROOT/etc/fstab"
    mkdir -p "$ROOT/etc/docker" "$ROOT/mnt/shared"
    cat >"$ROOT/etc/docker/daemon.json" <<'JSON'
{ "storage-driver": "overlay2", "iptables": false, "bridge": "none" }
JSON
    mknod -m 666 /dev/nvidia0 c 1 3
}

# As phoenixd-profiles(7) advises. The profile's line is phoenixd's.
write_config() {
    cat >/var/lib/lxc/deb/config <<CONFIG
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = deb
lxc.rootfs.path = dir:$ROOT
lxc.net.0.type = empty
lxc.cap.drop =
lxc.cap.drop = mac_override sys_time sys_module sys_rawio audit_read
lxc.mount.entry = /sys/kernel/security sys/kernel/security none bind,optional 0 0
lxc.mount.entry = tmpfs var/lib/docker tmpfs create=dir 0 0
lxc.mount.entry = tmpfs var/lib/containerd tmpfs create=dir 0 0
lxc.mount.entry = /run/shared mnt/shared none bind 0 0
lxc.mount.entry = /dev/nvidia0 dev/nvidia0 none bind,create=file 0 0
lxc.seccomp.profile = /usr/share/phoenixd/container.seccomp
lxc.apparmor.profile = unconfined
CONFIG
}

deb() {
    lxc-attach -n deb --clear-env -- "$@"
}

deb_sh() {
    deb sh -c "$1"
}

manager_answers() {
    deb test -S /run/systemd/private
}

manage() {
    configure "$@"
    jq '.lxc_configs[].apparmor_manages_nesting = true' "$CONFIG" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

denials() {
    { journal_since "$1"; dmesg; } | grep "apparmor=\"DENIED\".*profile=\"$2" |
        sed 's/.*apparmor=/apparmor=/' | sort -u
}

make_image() {
    mkdir -p /run/image/bin
    cp /bin/busybox /run/image/bin/
    ln -sf busybox /run/image/bin/sh
    ln -sf busybox /run/image/bin/sleep
    ln -sf busybox /run/image/bin/cat
    tar -C /run/image -c . | deb docker import - tiny
}

inner_labels() {
    labels deb | sort -u | grep docker-default
}

# What root of the container tries against the host's policy.
attack() {
    deb_sh "$1" >/dev/null 2>&1
}

make_container
write_config
cp -r /usr/share/phoenixd/apparmor.d "$SOURCES"
manage deb=lxc-phoenix-v2
start_daemon
for profile in lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    manage deb="$profile"
    check "$profile: the config names it with a namespace" wait_until 120 \
        grep -q "^lxc.apparmor.profile = $profile//&:lxc-deb:unconfined$" /var/lib/lxc/deb/config
    check "$profile: in sync" settled 120
    cursor=$(journal_cursor)
    check "$profile: Debian starts" start_container deb
    check "$profile: its systemd answers" wait_until 60 manager_answers
    check "$profile: dockerd starts" timeout 120 lxc-attach -n deb -- systemctl start docker
    check "$profile: it stores in overlay2" prints overlay2 deb docker info -f '{{.Driver}}'
    check "$profile: an image is imported" make_image
    check "$profile: a container runs" prints hello deb docker run --rm --network none tiny /bin/sh -c 'echo hello'
    check "$profile: it reads its own label" prints 'docker-default (enforce)' \
        deb docker run --rm --network none tiny /bin/cat /proc/self/attr/current
    deb docker run -d --name long --network none -v /mnt/shared:/data tiny /bin/sleep 1000 >/dev/null
    check "$profile: the host sees both profiles" wait_until 10 prints \
        "$profile//&:lxc-deb:docker-default (enforce)" inner_labels
    check "$profile: it writes to shared storage" deb docker exec long /bin/sh -c 'echo kept >/data/file'
    check "$profile: which the host sees" prints kept cat /run/shared/file
    check "$profile: docker-default denies inside" not deb docker exec long /bin/sh -c 'echo h >/proc/sysrq-trigger'
    check "$profile: a layer is built" deb_sh \
        'mkdir -p /root/b && printf "FROM tiny\nRUN [\"/bin/sh\", \"-c\", \"echo built >/built\"]\n" >/root/b/Dockerfile && DOCKER_BUILDKIT=0 docker build --network none -q -t more /root/b'
    check "$profile: and is in the image" prints built deb docker run --rm --network none more /bin/cat /built
    if [[ $profile != lxc-phoenix-v2 ]]; then
        check "$profile: a GPU's node can be opened" deb_sh 'echo x >/dev/nvidia0 && cat /dev/nvidia0'
    fi
    check "$profile: phoenixd calls it confined" wait_until 5 status_like '^In sync'
    check "$profile: nothing of the host's profile was in the way" equals "$(denials "$cursor" "$profile" |
        grep -v -e sysrq-trigger)" ""

    say "$profile: root of the container, and the host's policy"
    for victim in lxc-victim lxc-other-victim; do
        echo "profile $victim { file, }" | apparmor_parser -r -T -K
    done
    before=$(loaded_hash lxc-victim)
    seen=$(revision)
    check "removing a profile of the host fails" not attack 'printf lxc-other-victim >/sys/kernel/security/apparmor/.remove'
    attack 'echo "profile lxc-victim { deny /** rw, }" | apparmor_parser -r -T -K' || true
    attack "echo 'profile $profile { file, capability, }' | apparmor_parser -r -T -K" || true
    check "replacing one has replaced none" prints "$before" loaded_hash lxc-victim
    check "the host's revision did not move" prints "$seen" revision
    check "it cannot leave by changing its profile" \
        not attack "printf 'changeprofile :root:unconfined' >/proc/self/attr/current"
    # Whatever it loads or changes to inside, the host's profile stays around it.
    check "unconfined in its namespace is no more than the profile" not attack \
        "printf 'changeprofile unconfined' >/proc/self/attr/current; echo h >/proc/sysrq-trigger"
    check "who has loaded a profile of the host's name is in the host's all the same" not attack \
        'aa-exec -p lxc-victim -- sh -c "echo h >/proc/sysrq-trigger"'
    check "every task has the host's profile in front" equals \
        "$(labels deb | grep -vc "^$profile//&:lxc-deb:" || true)" 0
    check "the host can stop it" stop_container deb
    rm -f /run/shared/file
done
check "the namespace is there for the next start" test -d "$NAMESPACES/lxc-deb"
