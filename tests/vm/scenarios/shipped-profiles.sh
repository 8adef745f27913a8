# shellcheck shell=bash source=tests/vm/guest/lib.sh
# timeout: 600
# The shipped profiles: a container lives in each of them, and its root harms nobody. What root
# tries is in the table shipped-profiles.d/acts. Each container has all that LXC can give one, so
# that what is denied is denied by AppArmor, and one without a profile does the same as control.

HERE=$PWD/shipped-profiles.d
SOURCES=/usr/share/phoenixd/apparmor.d

declare -A PROFILE=(
    [web]=lxc-baseline
    [910]=lxc-phoenix-v2
    [953]=lxc-gpu-docker-storage
    [954]=lxc-nesting-v1
    [db]=unconfined
)
declare -A LETTER=([web]=B [910]=P [953]=G [954]=N)

load() {
    local begin end
    begin=$(now_ms)
    apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" "$SOURCES/$1" 2>&1
    end=$(now_ms)
    say "$1 compiled and loaded in $((end - begin)) ms"
}

# All capabilities, all devices, everything writable, no seccomp.
write_config() {
    cat >"/var/lib/lxc/$1/config" <<CONFIG
lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.uts.name = $1
lxc.rootfs.path = dir:/var/lib/lxc/$1/rootfs
lxc.net.0.type = empty
lxc.cap.drop =
lxc.cgroup2.devices.allow = a
lxc.seccomp.profile =
lxc.mount.auto =
lxc.mount.auto = proc:rw sys:rw cgroup:rw
lxc.apparmor.profile = $2
CONFIG
}

furnish() {
    local root=/var/lib/lxc/$1/rootfs
    mkdir -p "$root/mnt/shared" "$root/mnt/pve/nas/snippets"
    cp "$HERE/acts" "$HERE/acts.sh" "$root/"
    cp "$(modprobe --show-depends dummy | sed -n 's/^insmod \([^ ]*\).*/\1/p')" "$root/dummy.ko"
}

# Devices come from outside, as LXC's mount entries bring them. What is called after a GPU is
# /dev/null.
add_devices() {
    local dev
    dev=/proc/$(lxc-info -n "$1" -pH)/root/dev
    mkdir "$dev/nvidia-caps" "$dev/dri"
    for name in nvidia0 nvidia-uvm nvidia-caps/nvidia-cap1 dri/renderD128; do
        mknod -m 666 "$dev/$name" c 1 3
    done
    mknod "$dev/mem" c 1 1
    mknod "$dev/vda" b "$(stat -c %Hr /dev/vda)" "$(stat -c %Lr /dev/vda)"
}

# The rows of what went otherwise than the table says; nothing when all went so.
surprises() {
    local name profiles expected did
    while IFS='|' read -r name profiles _; do
        case $name in '' | '#'*) continue ;; esac
        expected=no
        [[ $profiles == *"$2"* ]] && expected=yes
        did=$(sed -n "s/^$name //p" "$1")
        [[ $did == "$expected" ]] || echo "$name: expected $expected, found ${did:-nothing}"
    done <"$HERE/acts"
}

# Acts that do not succeed without a profile either: that others may not do them proves nothing.
failed_controls() {
    sed -n 's/ no$//p' "$1"
}

says_nothing() {
    equals "$("$@")" ""
}

# What a task in the profile can do to the host's processes when it sees them: that a container's
# process namespace hides them is not all.
outside() {
    aa-exec -p "$1" -- sh -c "$2" >/dev/null 2>&1
}

for name in "${!PROFILE[@]}"; do
    [[ $name == db ]] || load "${PROFILE[$name]}"
    write_config "$name" "${PROFILE[$name]}"
    furnish "$name"
    check "a container starts in ${PROFILE[$name]}" start_container "$name"
    add_devices "$name"
done

for name in web 910 953 954 db; do
    echo 'profile lxc-victim { file, }' | apparmor_parser -r -T -K
    timeout 100 lxc-attach -n "$name" -- sh /acts.sh /acts >"/run/did.$name" || true
    say "${PROFILE[$name]}: $(grep -c ' yes$' "/run/did.$name") acts succeeded," \
        "$(grep -c ' no$' "/run/did.$name") did not"
done

check "without a profile every act succeeds" says_nothing failed_controls /run/did.db
for name in web 910 953 954; do
    profile=${PROFILE[$name]}
    check "$profile allows and denies what the table says" \
        says_nothing surprises "/run/did.$name" "${LETTER[$name]}"
    check "every task of it carries the label, enforced" all_labelled "$name" "$profile (enforce)"
    victim=$(systemctl show -P MainPID systemd-journald)
    for act in "kill -CONT $victim" "readlink /proc/$victim/exe" "cat /proc/$victim/environ" \
        "cat /proc/$victim/maps" \
        "timeout -s INT 1 strace -qq -o /dev/null -p $victim; [ \$? = 124 ]"; do
        check "without a profile root can: $act" outside unconfined "$act"
        check "$profile denies: $act" not outside "$profile" "$act"
    done
    check "the host can stop it" stop_container "$name"
done
