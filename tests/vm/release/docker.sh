# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 1800
# Docker in a Debian container under each shipped profile that is for it: it runs containers in its
# own docker-default, in the container's policy namespace, and the host's profile stays in force
# around them.

NAMESPACES=/sys/kernel/security/apparmor/policy/namespaces

make_container() {
    local unit
    debian_tree
    for unit in docker.service docker.socket containerd.service; do
        rm "$ROOT/etc/systemd/system/$unit"
    done
    mkdir -p /run/shared "$ROOT/etc/docker" "$ROOT/mnt/shared"
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

manage() {
    configure "$@"
    jq '.lxc_configs[].apparmor_manages_nesting = true' "$CONFIG" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
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

# loaded_inside PROFILE: the container's own policy has it.
loaded_inside() {
    grep -qx "$1" "$NAMESPACES/lxc-deb"/profiles/*/name 2>/dev/null
}

# What one run has loaded inside shall not be taken for the next one's.
forget_policy() {
    local name names
    names=$(cat "$NAMESPACES/lxc-deb"/profiles/*/name)
    while read -r name; do
        printf '%s' "$name" >"$NAMESPACES/lxc-deb/.remove"
    done <<<"$names"
}

# What phoenixctl says of the namespace, when phoenixd has looked again.
listed_inside() {
    phoenixctl -q reconcile || true
    phoenixctl --json status | jq -e --arg name "$1" \
        '.containers[] | select(.id == "deb") | .namespace_profiles | index($name)' >/dev/null
}

namespaces() {
    find "$NAMESPACES" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs
}

run_image() {
    deb docker run --rm --network none "$@"
}

# What root of the container tries against the host's policy.
attack() {
    deb_sh "$1" >/dev/null 2>&1
}

# load_inside TEXT: by the container's own parser.
load_inside() {
    # shellcheck disable=SC2016 # expanded by the container's shell
    deb sh -c 'printf "%s\n" "$1" | apparmor_parser -r -T -K' - "$1"
}

# The container's root has a profile under the name of one of the host's, that allows everything.
# In a second /proc, for LXC has made this one's file read-only.
EVERYTHING='file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus, change_profile,'
SYSRQ='mkdir -p /mnt/p && mount -t proc p /mnt/p && echo h >/mnt/p/sysrq-trigger'

permissive_inside() {
    local profile=$1 cursor
    check "a profile that allows everything is loaded inside" \
        load_inside "profile lxc-victim flags=(attach_disconnected) { $EVERYTHING }"
    check "it is in the container's namespace" loaded_inside lxc-victim
    check "in it root writes what is its own" prints written deb aa-exec -p lxc-victim -- \
        sh -c 'echo written >/root/harmless && cat /root/harmless'
    check "and is in that profile" prints 'lxc-victim (enforce)' deb aa-exec -p lxc-victim -- \
        cat /proc/self/attr/current
    cursor=$(journal_cursor)
    check "the host's profile denies what it denied before" prints_like 'sysrq-trigger: Permission denied' \
        deb aa-exec -p lxc-victim -- unshare -m sh -c "$SYSRQ"
    check "and says so" prints_like "profile=\"$profile\" name=\"/mnt/p/sysrq-trigger\"" \
        denials "$cursor" "$profile"
}

# stays_stacked PROFILE COMMAND WHO LABEL: who has done it carries the host's profile all the same.
stays_stacked() {
    local profile=$1
    deb sh -c "$2; exec sleep 77" >/dev/null 2>&1 &
    check "$3 stays in the host's profile" wait_until 10 sleeper_is_in "$profile//&:lxc-deb:$4"
    pkill -x -f 'sleep 77' || true
    wait $! || true
}

sleeper_is_in() {
    prints "$1" cat "/proc/$(pgrep -x -f 'sleep 77')/attr/apparmor/current"
}

leaving() {
    local profile=$1
    stays_stacked "$profile" "printf 'changeprofile unconfined' >/proc/self/attr/current" \
        "who changes to unconfined" 'unconfined (enforce)'
    stays_stacked "$profile" "printf 'exec unconfined' >/proc/self/attr/exec" \
        "who executes in unconfined" 'unconfined (enforce)'
    stays_stacked "$profile" "printf 'changeprofile lxc-victim' >/proc/self/attr/current" \
        "who changes to a profile of its own" 'lxc-victim (enforce)'
    check "nobody changes to LXC's own profile" not attack \
        "printf 'changeprofile lxc-container-default-cgns' >/proc/self/attr/current"
    check "nor by executing" not attack \
        "printf 'exec lxc-container-default-cgns' >/proc/self/attr/exec && exec true"
    check "nor to the host's unconfined by its full name" not attack \
        "printf 'changeprofile :root:unconfined' >/proc/self/attr/current"
}

make_container
write_config
cp -r /usr/share/phoenixd/apparmor.d "$SOURCES"
manage deb=lxc-phoenix-v2
start_daemon
for profile in lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    rmdir "$NAMESPACES/lxc-other" 2>/dev/null || true
    manage deb="$profile"
    check "$profile: the config names it with a namespace" wait_until 120 \
        grep -q "^lxc.apparmor.profile = $profile//&:lxc-deb:unconfined$" /var/lib/lxc/deb/config
    check "$profile: in sync" settled 120
    cursor=$(journal_cursor)
    check "$profile: the container's policy is empty" not loaded_inside '.*'
    check "$profile: Debian starts" start_container deb
    check "$profile: its systemd answers" wait_until 60 manager_answers
    check "$profile: dockerd starts" timeout 120 lxc-attach -n deb -- systemctl start docker
    check "$profile: Docker has loaded its profile, into the container's namespace" \
        loaded_inside docker-default
    check "$profile: and not into the host's" not is_loaded docker-default
    check "$profile: phoenixctl lists it" listed_inside docker-default
    check "$profile: it stores in overlay2" prints overlay2 deb docker info -f '{{.Driver}}'
    check "$profile: an image is imported" make_image
    check "$profile: a container runs" prints hello run_image tiny /bin/sh -c 'echo hello'
    check "$profile: it reads its own label" prints 'docker-default (enforce)' \
        run_image tiny /bin/cat /proc/self/attr/current
    deb docker run -d --name long --network none -v /mnt/shared:/data tiny /bin/sleep 1000 >/dev/null
    check "$profile: the host sees both profiles" wait_until 10 prints \
        "$profile//&:lxc-deb:docker-default (enforce)" inner_labels
    check "$profile: it writes to shared storage" deb docker exec long /bin/sh -c 'echo kept >/data/file'
    check "$profile: which the host sees" prints kept cat /run/shared/file
    check "$profile: docker-default denies inside" not deb docker exec long /bin/sh -c 'echo h >/proc/sysrq-trigger'
    check "$profile: a layer is built" deb_sh \
        'mkdir -p /root/b && printf "FROM tiny\nRUN [\"/bin/sh\", \"-c\", \"echo built >/built\"]\n" >/root/b/Dockerfile && DOCKER_BUILDKIT=0 docker build --network none -q -t more /root/b'
    check "$profile: and is in the image" prints built run_image more /bin/cat /built
    if [[ $profile == lxc-phoenix-v2 ]]; then
        check "$profile: a GPU's node cannot be opened" not deb_sh 'cat /dev/nvidia0'
        check "$profile: nor by a container that is given it" \
            not run_image --device /dev/nvidia0 tiny /bin/cat /dev/nvidia0
    else
        check "$profile: a GPU's node can be opened" deb_sh 'echo x >/dev/nvidia0 && cat /dev/nvidia0'
        check "$profile: and by a container that is given it" \
            run_image --device /dev/nvidia0 tiny /bin/sh -c 'echo x >/dev/nvidia0 && cat /dev/nvidia0'
        check "$profile: not by one that is not" not run_image tiny /bin/cat /dev/nvidia0
    fi
    check "$profile: phoenixd calls it confined" wait_until 5 status_like '^In sync'
    check "$profile: nothing of the host's profile was in the way" equals "$(denials "$cursor" "$profile" |
        grep -v -e sysrq-trigger -e /dev/nvidia0)" ""

    say "$profile: root of the container, and the host's policy"
    for victim in lxc-victim lxc-other-victim; do
        echo "profile $victim { file, }" | apparmor_parser -r -T -K
    done
    mkdir -p "$NAMESPACES/lxc-other"
    before=$(loaded_hash lxc-victim)
    seen=$(revision)
    check "removing a profile of the host fails" not attack 'printf lxc-other-victim >/sys/kernel/security/apparmor/.remove'
    permissive_inside "$profile"
    check "nor is the host's profile itself replaced: it is another, inside" \
        load_inside "profile $profile { $EVERYTHING }"
    check "which is in the container's namespace" loaded_inside "$profile"
    check "replacing one has replaced none" prints "$before" loaded_hash lxc-victim
    check "the host's revision did not move" prints "$seen" revision
    check "no namespace is made" not attack 'mkdir /sys/kernel/security/apparmor/policy/namespaces/more'
    check "not beside its own, either" not attack 'mkdir /sys/kernel/security/apparmor/policy/../more'
    check "none is removed" not attack 'rmdir /sys/kernel/security/apparmor/policy/../lxc-other'
    check "a profile is compiled inside" deb_sh 'echo "profile more { file, }" | apparmor_parser -K -Q -o /root/more'
    check "but not loaded into another's" \
        not attack 'cat /root/more >/sys/kernel/security/apparmor/policy/../lxc-other/.replace'
    check "there are no more namespaces" equals "$(namespaces)" "lxc-deb lxc-other"
    check "and the other is empty" equals "$(ls "$NAMESPACES/lxc-other/profiles")" ""
    leaving "$profile"
    check "every task has the host's profile in front" equals \
        "$(labels deb | grep -vc "^$profile//&:lxc-deb:" || true)" 0
    check "the host can stop it" stop_container deb
    rm -f /run/shared/file
    forget_policy
done
check "the namespace is there for the next start" test -d "$NAMESPACES/lxc-deb"
