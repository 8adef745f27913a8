# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash source=tests/vm/guest/lib.sh
# The shipped profiles with a whole Debian as container, systemd as its init: it boots without a
# denial, its services get the sandboxes that they ask for, it installs packages, lets in who has a
# key and serves pages, and in lxc-nesting-v1 another container runs inside.

SOURCES=/usr/share/phoenixd/apparmor.d
HERE=$PWD/shipped-profiles-debian.d

# A container for the container, in the profile that its host is in.
add_inner() {
    mkdir "$ROOT/var/lib/lxc/inner"
    cp -a /var/lib/lxc/db/. "$ROOT/var/lib/lxc/inner/"
    sed -i -e 's,/lxc/db/,/lxc/inner/,; s/name = db/name = inner/' \
        -e 's/^lxc.apparmor.profile.*/lxc.apparmor.profile = unchanged/' \
        "$ROOT/var/lib/lxc/inner/config"
}

# What the container is to serve, and who may come in.
add_content() {
    install -m 755 "$HERE/repository.sh" "$ROOT/root/repository.sh"
    mkdir -p "$ROOT/var/www/html" "$ROOT/root/.ssh"
    echo 'a page' >"$ROOT/var/www/html/page"
    ssh-keygen -q -t ed25519 -N '' -f "$ROOT/root/.ssh/id_ed25519"
    cp "$ROOT/root/.ssh/id_ed25519.pub" "$ROOT/root/.ssh/authorized_keys"
}

SANDBOX=(
    -p PrivateTmp=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateDevices=yes
    -p ProtectKernelTunables=yes -p ProtectKernelLogs=yes -p ProtectControlGroups=yes
    -p PrivateNetwork=yes -p ReadWritePaths=/var
    -p InaccessiblePaths=/srv -p TemporaryFileSystem=/mnt -p BindPaths=/opt:/media
)

is_sandboxed() {
    prints ready deb systemd-run --wait -q --pipe "${SANDBOX[@]}" \
        sh -c 'touch /tmp/x && ! touch /usr/x 2>/dev/null && echo ready'
}

has_a_secret() {
    # shellcheck disable=SC2016 # expanded by the service's shell
    prints secret deb systemd-run --wait -q --pipe -p DynamicUser=yes -p StateDirectory=own \
        -p SetCredential=word:secret \
        sh -c 'touch /var/lib/own/x && cat "$CREDENTIALS_DIRECTORY/word"'
}

APT=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y)

packages_come_and_go() {
    local profile=$1
    check "$profile: a package is built, and a repository" deb /root/repository.sh
    check "$profile: apt reads the repository" deb "${APT[@]}" update
    check "$profile: apt installs from it" deb "${APT[@]}" install phoenix-hello
    check "$profile: the program runs" prints hello deb phoenix-hello
    check "$profile: with the rights of its owner where it has them" \
        prints phoenix-hello deb phoenix-hello-as -un
    check "$profile: the package's service runs" \
        wait_until 10 prints hello deb cat /run/phoenix-hello/word
    # shellcheck disable=SC2016 # expanded by the container's shell
    check "$profile: and carries the label" \
        prints "$profile (enforce)" deb_sh 'cat /proc/$(systemctl show -P MainPID phoenix-hello)/attr/current'
    check "$profile: apt removes it" deb "${APT[@]}" purge phoenix-hello
    check "$profile: nothing is left of it" not deb_sh \
        'test -e /usr/bin/phoenix-hello || test -e /etc/phoenix-hello.conf || getent passwd phoenix-hello'
}

SSH=(ssh -o BatchMode=yes -o StrictHostKeyChecking=no)

serves() {
    local profile=$1
    check "$profile: sshd lets in who has a key" \
        prints "$profile (enforce)" deb "${SSH[@]}" root@127.0.0.1 cat /proc/self/attr/current
    check "$profile: with a terminal" prints_like '^/dev/pts/' deb "${SSH[@]}" -tt root@127.0.0.1 tty
    check "$profile: and keeps out who has none" prints_like 'Permission denied \(publickey' \
        deb "${SSH[@]}" -i /dev/null root@127.0.0.1 true
    check "$profile: nginx serves a page" prints 'a page' \
        deb busybox wget -q -O - http://127.0.0.1/page
    # shellcheck disable=SC2016 # expanded by the container's shell
    check "$profile: by a worker in the profile" prints "$profile (enforce)" \
        deb_sh 'cat "/proc/$(pgrep -u www-data nginx | head -n 1)/attr/current"'
    check "$profile: nginx is told to read its configuration anew" deb systemctl reload nginx
}

debian_tree
add_inner
add_content
for profile in lxc-baseline lxc-phoenix-v2 lxc-gpu-docker-storage lxc-nesting-v1; do
    apparmor_parser --config-file=/dev/null -K -r -I "$SOURCES" "$SOURCES/$profile"
    debian_config "$profile"
    cursor=$(journal_cursor)
    check "$profile: Debian starts" start_container deb
    check "$profile: its systemd answers" wait_until 60 manager_answers
    check "$profile: all of it is up" is_up
    check "$profile: nothing was denied" no_denials "$cursor" "$profile"
    check "$profile: every task carries the label, enforced" all_labelled deb "$profile (enforce)"
    check "$profile: a service gets its sandbox" is_sandboxed
    check "$profile: a service gets a user of its own, and a secret" has_a_secret
    # The narrowest and the widest.
    if [[ $profile == lxc-baseline || $profile == lxc-nesting-v1 ]]; then
        packages_come_and_go "$profile"
        serves "$profile"
        check "$profile: nor was anything denied in its life" no_denials "$cursor" "$profile"
    fi
    # shellcheck disable=SC2016 # expanded by perl
    # Without the shipped seccomp policy Linux 6.1 would mount it and not ask the profile.
    check "$profile: the calls that AppArmor does not see do not exist" \
        prints "Function not implemented" \
        deb perl -e 'my $type = "tmpfs"; syscall(430, $type, 0); print $!'
    if [[ $profile == lxc-nesting-v1 ]]; then
        check "a container inside the container starts" deb lxc-start -n inner
        check "it runs" prints RUNNING deb lxc-info -n inner -sH
        check "it can be entered" prints inside deb lxc-attach -n inner -- echo inside
        check "all are confined" all_labelled deb "$profile (enforce)"
        check "it cannot set a sysctl of the host" \
            not deb lxc-attach -n inner -- sh -c 'echo 1 >/proc/sys/vm/overcommit_memory'
    fi
    check "$profile: the host can stop it" stop_container deb
done
