#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# repository.sh: makes a repository of one package, and has apt use it alone. The package is as a
# service's: a user of its own, a program with other rights than its caller's, a unit that starts.

set -e
umask 022
repo=/srv/repository
tree=/tmp/phoenix-hello
rm -rf "$repo" "$tree"
mkdir -p "$repo" "$tree/DEBIAN" "$tree/usr/bin" "$tree/etc" "$tree/lib/systemd/system"

cat >"$tree/DEBIAN/control" <<CONTROL
Package: phoenix-hello
Version: 1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: says hello
CONTROL
echo /etc/phoenix-hello.conf >"$tree/DEBIAN/conffiles"
cat >"$tree/DEBIAN/postinst" <<POSTINST
#!/bin/sh
set -e
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin phoenix-hello
chown phoenix-hello:root /usr/bin/phoenix-hello-as
chmod 4755 /usr/bin/phoenix-hello-as
systemctl daemon-reload
systemctl enable --now -q phoenix-hello
POSTINST
cat >"$tree/DEBIAN/prerm" <<PRERM
#!/bin/sh
set -e
systemctl disable --now -q phoenix-hello
PRERM
cat >"$tree/DEBIAN/postrm" <<POSTRM
#!/bin/sh
set -e
! getent passwd phoenix-hello >/dev/null || userdel phoenix-hello
systemctl daemon-reload
POSTRM
chmod 755 "$tree"/DEBIAN/p*

echo 'hello' >"$tree/etc/phoenix-hello.conf"
printf '#!/bin/sh\ncat /etc/phoenix-hello.conf\n' >"$tree/usr/bin/phoenix-hello"
chmod 755 "$tree/usr/bin/phoenix-hello"
cp "$(command -v id)" "$tree/usr/bin/phoenix-hello-as"
cat >"$tree/lib/systemd/system/phoenix-hello.service" <<UNIT
[Service]
User=phoenix-hello
RuntimeDirectory=phoenix-hello
ExecStart=/bin/sh -c 'phoenix-hello >/run/phoenix-hello/word && exec sleep infinity'
[Install]
WantedBy=multi-user.target
UNIT

dpkg-deb -b "$tree" "$repo/phoenix-hello.deb"
cd "$repo"
{
    cat "$tree/DEBIAN/control"
    echo "Filename: ./phoenix-hello.deb"
    echo "Size: $(stat -c %s phoenix-hello.deb)"
    echo "SHA256: $(sha256sum phoenix-hello.deb | cut -d' ' -f1)"
} >Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$repo ./" >/etc/apt/sources.list
