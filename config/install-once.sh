#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# install-once.sh FILE DIRECTORY: installs FILE unless DIRECTORY has a file of that name, which
# belongs to the administrator: an upgrade must not restore the defaults.
set -eu

target=${DESTDIR:-}$2/${1##*/}
if [ -e "$target" ] || [ -L "$target" ]; then
    echo "$target exists and is kept"
else
    mkdir -p "${target%/*}"
    cp "$1" "$target"
    chmod 0644 "$target"
fi
